"""How the institution stands: read where the register's extension says it, and never guessed."""

import pytest

from terminal.core.standing import Standing, read_standing


def test_what_the_extension_says_is_read_member_by_member() -> None:
    told = (
        '{"AGRM_STAS":"2","PAUS_BEGNDATE":"2026-11-01","PAUS_ENDDATE":"2026-12-01","NETW_FLAG":"1","other":7}'
    )
    assert read_standing(told) == Standing(
        agreement_state="2", suspended_from="2026-11-01", suspended_until="2026-12-01", networked="1"
    )


@pytest.mark.parametrize("extension", ["", "{}", "AGRM_STAS=2", '{"AGRM_STAS":2}', '["2"]'])
def test_an_extension_that_says_nothing_or_cannot_be_read_leaves_everything_open(extension: str) -> None:
    assert read_standing(extension) == Standing()


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("AGRM_STAS", "agreement_state"), ("AGRM_BEGNDATE", "agreement_from"), ("AGRM_ENDDATE", "agreement_until"),
        ("PAUS_BEGNDATE", "suspended_from"), ("PAUS_ENDDATE", "suspended_until"), ("SERV_LV", "service_level"),
        ("CRED_LV", "credit_level"), ("NETW_FLAG", "networked"), ("DUAL_CHNL_FLAG", "dual_channel"),
    ],
)  # fmt: skip
def test_each_member_of_k90_is_read(member: str, name: str) -> None:
    assert read_standing(f'{{"{member}":"x"}}') == Standing(**{name: "x"})
