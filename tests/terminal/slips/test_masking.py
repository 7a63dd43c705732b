"""A slip shows the surname and the ends of the identity number, whatever the name is made of."""

import pytest

from terminal.slips import MaskedPerson, MaskRule
from terminal.slips.masking import mask_certno, mask_name


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("测试甲", "测*"),
        ("测甲", "测*"),
        ("测", "*"),
        ("", "*"),
        ("\u202e测试甲", "测*"),
        ("\x1bp\x00测", "p*"),
        ("𠮷测试", "□*"),
        (" 测试 ", "测*"),
    ],
)
def test_names(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("certno", "rule", "masked"),
    [
        ("999999199001010016", MaskRule(), "999***********0016"),
        ("99999920180601222X", MaskRule(), "999***********222X"),
        ("999999199001010016", MaskRule(3, 2), "999*************16"),
        ("999999199001010016", MaskRule(3, 0), "999***************"),
        ("9999999", MaskRule(), "*******"),
        ("", MaskRule(), ""),
    ],
)
def test_identity_numbers(certno: str, rule: MaskRule, masked: str) -> None:
    assert mask_certno(certno, rule) == masked


def test_a_masked_person_holds_nothing_else() -> None:
    person = MaskedPerson.of("测试甲", "999999199001010016")
    assert repr(person) == "MaskedPerson(name='测*', certno='999***********0016')"
