"""Numbers that are made of a settlement's id, so that they are as unique as it is."""


def visit_number(settlement_id: str) -> str:
    """Our own number of a visit: 18 digits."""
    return f"{int(settlement_id[1:], 16) % 10**18:018d}"
