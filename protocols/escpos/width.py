"""Columns: the grid of a receipt. An ASCII character takes one column (12 dots), every other one two (24 dots).

58 mm paper has 32 columns (384 dots), 80 mm paper 48 (576 dots). All functions take text that
`charset.to_printable` returned, and none of them ever cuts a two-column character in half.
"""

DOTS_PER_COLUMN = 12
COLUMNS_58_MM = 32
COLUMNS_80_MM = 48


def char_columns(char: str) -> int:
    """Columns of one character: 1 for ASCII, 2 for the rest."""
    return 1 if char < "\x80" else 2


def text_columns(text: str) -> int:
    """Columns of a whole text; "个人账户支付" has 12."""
    return len(text) if text.isascii() else len(text) + sum(map("\x80".__le__, text))


def wrap(text: str, columns: int) -> tuple[str, ...]:
    """Break text into lines of at most `columns` columns; always at least one line.

    A run of ASCII (a code, a number) moves to the next line as a whole when it fits there; a longer one is cut.
    Spaces at a break vanish. `columns` must be at least 2, so that every character fits.
    """
    if columns < 2:
        raise ValueError(f"{columns} columns cannot hold a Chinese character")
    if text_columns(text) <= columns:
        return (text.rstrip(" "),)
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if line and text_columns(line + word.rstrip(" ")) > columns:
            lines.append(line.rstrip(" "))
            line = ""
        if not line and lines:
            word = word.lstrip(" ")
        while text_columns(word.rstrip(" ")) > columns:
            head = _fitting(word, columns)
            lines.append(head)
            word = word[len(head) :].lstrip(" ")
        line += word
    lines.append(line.rstrip(" "))
    return tuple(lines)


def pad(text: str, columns: int, align: str) -> str:
    """Fill text that fits with spaces up to `columns`; `align` is "left", "centre" or "right"."""
    gap = columns - text_columns(text)
    if gap < 0:
        raise ValueError(f"text of {text_columns(text)} columns does not fit into {columns}")
    before = {"left": 0, "centre": gap // 2, "right": gap}[align]
    return " " * before + text + " " * (gap - before)


def _words(text: str) -> list[str]:
    """Pieces that stay together: a run of ASCII, or one wide character, each with the spaces after it."""
    words: list[str] = []
    for char in text:
        joins = bool(words) and (
            char == " " or (char < "\x80" and words[-1][-1] != " " and words[-1][-1] < "\x80")
        )
        if joins:
            words[-1] += char
        else:
            words.append(char)
    return words


def _fitting(word: str, columns: int) -> str:
    used = 0
    for index, char in enumerate(word):
        used += char_columns(char)
        if used > columns:
            return word[:index]
    return word
