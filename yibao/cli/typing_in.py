"""Lines that a person types (or a script pipes in), without blocking the loop and without holding up the end."""

import asyncio
import contextlib
import os
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Final


@contextlib.contextmanager
def unseen_typing() -> Iterator[None]:
    """What is typed in the block does not show on the terminal, if standard input is one."""
    try:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
    except (OSError, ValueError, AttributeError, termios.error):
        yield
        return
    unseen = [*before]
    unseen[3] = before[3] & ~termios.ECHO
    termios.tcsetattr(number, termios.TCSADRAIN, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        print(flush=True)


_WIDE: Final = {0x3000: " ", **{wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}}


def narrow(line: str) -> str:
    """A line of wide letters and digits alone as plain ones, stripped; a line that holds Chinese stays as it is.

    An input method that is switched on makes `ｙ` of a y, and a till must not tell a customer that this is no code.
    """
    plain = line.translate(_WIDE)
    return (plain if plain.isascii() else line).strip()


class TypedLines:
    """Standard input, line by line; `None` once it has ended.

    A thread reads the descriptor itself: one that waits inside Python's own buffered input could not be left behind
    when the process ends.
    """

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, name="typed lines", daemon=True).start()

    async def next(self) -> str | None:
        """The next line without its end, or None for ever after the last."""
        line = await self._lines.get()
        if line is None:
            self._lines.put_nowait(None)
        return line

    def _read(self) -> None:
        rest = b""
        try:
            number = sys.stdin.fileno()
            while data := os.read(number, 4096):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._deliver(narrow(line.decode("utf-8", "replace")))
        except (OSError, ValueError, AttributeError):
            rest = b""
        if rest:
            self._deliver(narrow(rest.decode("utf-8", "replace")))
        self._deliver(None)

    def _deliver(self, line: str | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:
            # The loop is over: nobody wants lines any more.
            return
