"""Numbers that are made of a settlement's id, so that they are as unique as it is."""


def visit_number(settlement_id: str) -> str:
    """Our own number of a visit: 18 digits."""
    return f"{number_of(settlement_id, 18):018d}"


def number_of(settlement_id: str, digits: int) -> int:
    """A number of at most so many decimal digits; an id is a letter and hexadecimal digits."""
    return int(str(int(settlement_id[1:], 16))[-digits:])
