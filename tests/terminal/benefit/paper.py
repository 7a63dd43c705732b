"""A slip as one text without spaces and line ends: what stands there, wherever the paper breaks a line."""


def flat(text: str) -> str:
    """The text of a slip without white space."""
    return "".join(text.split())
