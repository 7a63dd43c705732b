"""What the commands print to: whatever the terminal is, nothing they say may end in a traceback."""

import os
import sys
from typing import Final, TextIO

_STANDARD: Final = (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w"))


def prepare_streams() -> None:
    """Make the standard streams safe: a closed one becomes the null device, a letter that fits nowhere is escaped."""
    for name, number, mode in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            # A file opened later would get this number, and what is printed would land in it.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - lives as long as the process
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def speaks_chinese(stream: TextIO | None) -> bool:
    """Whether Chinese can be printed there; if not, the English text stands alone."""
    try:
        "医".encode(getattr(stream, "encoding", None) or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def give_up_stdout() -> None:
    """Nobody reads any more: let the rest of what is printed vanish, also what Python flushes at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        # Not a real file (a test's), or closed already: nothing is flushed there either.
        return
    finally:
        os.close(null)
