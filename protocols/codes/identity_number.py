"""Identity numbers (公民身份号码, GB 11643-1999): 17 digits and a check character by ISO 7064 MOD 11-2.

Layout: six digits of area, eight of birth date, three of sequence (odd for men), one check character 0-9 or X (= 10).
"""

import datetime

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_EARLIEST_YEAR = 1800


def check_character(first_17: str) -> str:
    """The check character for 17 ASCII digits; raises `ValueError` for anything else."""
    if len(first_17) != 17 or not (first_17.isascii() and first_17.isdigit()):
        raise ValueError("an identity number begins with 17 ASCII digits")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def has_identity_shape(text: str) -> bool:
    """Whether `text` is 17 digits and a digit or X with a possible birth date inside; the check is not looked at."""
    if len(text) != 18 or not text.isascii() or not text[:17].isdigit():
        return False
    return (text[17].isdigit() or text[17] == "X") and birth_date(text) is not None


def is_identity_number(text: str) -> bool:
    """Whether `text` has the shape, a possible birth date and the right check character. Areas are not looked up."""
    return has_identity_shape(text) and check_character(text[:17]) == text[17]


def birth_date(text: str) -> datetime.date | None:
    """The birth date inside an 18-character number; None when there is no such day, or before 1800."""
    digits = text[6:14]
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        day = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return day if day.year >= _EARLIEST_YEAR else None
