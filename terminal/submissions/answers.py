"""What an answer says of a submission: taken, refused, partly, or nothing; and what of it is kept for people."""

import msgspec

from protocols.hub.clearing import ApplicationOutput
from protocols.hub.filings import FilingOutput
from protocols.hub.goods import GoodsOutput, RowResult
from protocols.hub.profile import Profile
from protocols.hub.trace_codes import SubstituteCodeOutput
from terminal.core.events import Answered, Heard
from terminal.core.outcome import Verdict as Judged
from terminal.core.outcome import judge
from terminal.core.submission import Verdict
from terminal.shapes.submissions import RowOutcome


class Outcome(msgspec.Struct, frozen=True):
    """What the hub answered, in our terms."""

    text: str = ""
    """The hub's own words of a refusal."""
    serial: str = ""
    """`trt_dcla_detl_sn` of a filing, `clr_appy_evt_id` of a clearing application: needed to withdraw it."""
    code: str = ""
    """The substitute trace code."""
    rows: tuple[RowOutcome, ...] = ()


def read_answer(heard: Heard, profile: Profile, rows_sent: int) -> tuple[Verdict, Outcome]:
    """Judge an answer. A message that certainly did not leave is not judged here."""
    judged = judge(heard, profile)
    if not isinstance(heard, Answered) or judged in (Judged.UNKNOWN, Judged.UNSENT):
        return Verdict.UNKNOWN, Outcome()
    if judged is Judged.REFUSED:
        return Verdict.REFUSED, Outcome(text=heard.err_msg)
    output = heard.output
    if isinstance(output, GoodsOutput):
        return _of_rows(output, rows_sent)
    if isinstance(output, FilingOutput):
        return Verdict.ACCEPTED, Outcome(serial=output.filed.serial)
    if isinstance(output, ApplicationOutput):
        return Verdict.ACCEPTED, Outcome(serial=output.result.event_id)
    if isinstance(output, SubstituteCodeOutput):
        return Verdict.ACCEPTED, Outcome(code=output.given.code)
    return Verdict.ACCEPTED, Outcome()


def _of_rows(output: GoodsOutput, rows_sent: int) -> tuple[Verdict, Outcome]:
    """`infcode` 0 with a row `retRslt` 0 is a partial failure: both are looked at. Rows that do not come back were taken."""
    failed = sum(row.failed for row in output.rows)
    none_taken = failed >= rows_sent or (output.whole is not None and output.whole.failed)
    verdict = Verdict.ACCEPTED if not failed else Verdict.REFUSED if none_taken else Verdict.PARTLY
    return verdict, Outcome(rows=tuple(map(_row, output.rows)))


def _row(row: RowResult) -> RowOutcome:
    return RowOutcome(
        row.national_code, row.own_code, row.batch, not row.failed, row.message, row.purchase_serial or row.sale_serial
    )  # fmt: skip
