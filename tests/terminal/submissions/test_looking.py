"""After a lost answer: what the hub's lists prove, and what they do not."""

import pytest

from protocols.hub import wire
from protocols.hub.filings import ChronicApplication, ChronicApplicationInput
from protocols.hub.queries import ChronicFiling, ChronicQueryOutput
from terminal.core.submission import Found
from terminal.submissions.looking import judge_looks
from tests.simulators.hub.submitted import CHRONIC

FILED = {
    **CHRONIC, "psn_no": "99990000000000000001", "insutype": "310", "insu_optins": "999900", "begndate": "2026-11-23",
    "opsp_dise_code": "M01600",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((), Found.NOT_THERE),
        ((("M03900", "2026-11-23"),), Found.NOT_THERE),
        ((("M01600", "2026-11-23"),), Found.THERE),
        ((("M01600", "2026-11-23 00:00:00"),), Found.THERE),
        ((("M01600", "2025-01-01"),), Found.UNCLEAR),
        ((("M01600", ""),), Found.UNCLEAR),
        ((("M01600", "2025-01-01"), ("M01600", "2026-11-23")), Found.THERE),
    ],
)
def test_an_older_filing_of_the_same_disease_does_not_prove_that_the_new_one_arrived(
    rows: tuple[tuple[str, str], ...], found: Found
) -> None:
    content = ChronicApplicationInput(filing=wire.convert(FILED, ChronicApplication))
    listed = tuple(
        ChronicFiling(disease_code=code, disease_name="糖尿病", began_on=began) for code, began in rows
    )
    assert judge_looks(content, [ChronicQueryOutput(filings=listed)]) is found
