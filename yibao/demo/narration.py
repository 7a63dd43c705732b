"""The words on the screen: Chinese first, English beside it; coloured with a progress bar on a terminal, lines elsewhere.

An output that cannot show Chinese (a C locale, an old log) gets the English half alone; nothing here can fail because
of a character.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TextIO

import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from protocols.escpos.width import pad, text_columns, wrap

_SAMPLE = "医保结算，冲正"
READING_PAUSE_S = 0.2
"""Between two lines on a terminal, so that a person can follow; a file or pipe gets them at once."""


class Sentence(msgspec.Struct, frozen=True):
    """A sentence in both languages."""

    zh: str
    en: str

    @property
    def both(self) -> str:
        """Both on one line; once when they are the same."""
        return self.zh if self.zh == self.en else f"{self.zh} | {self.en}"


class TableRow(msgspec.Struct, frozen=True):
    """One line of a table of amounts."""

    label: Sentence
    amount: str
    """Yuan text."""
    strong: bool = False


class Narrator(Protocol):
    """Somebody who tells the stories."""

    async def chapter(self, number: int, place: int, of: int, title: Sentence) -> None:
        """Begin story `number`, the `place`-th of `of`."""
        ...

    async def say(self, zh: str, en: str) -> None:
        """One sentence."""
        ...

    async def table(self, title: Sentence, rows: Sequence[TableRow]) -> None:
        """Amounts."""
        ...

    async def paper(self, lines: Sequence[str]) -> None:
        """A slip as it came out of the printer."""
        ...

    async def verdict(self, good: bool, zh: str, en: str) -> None:
        """How a story ended, or all of them."""
        ...

    async def raw(self, lines: Sequence[str]) -> None:
        """Lines of somebody else (a process's log), as they are."""
        ...


def can_show_chinese(stream: TextIO) -> bool:
    """Whether the stream's encoding has the characters."""
    try:
        _SAMPLE.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class PlainNarrator:
    """Lines of text, for files, pipes and dumb terminals."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._chinese = can_show_chinese(stream)
        self._encoding = stream.encoding or "ascii"

    async def chapter(self, number: int, place: int, of: int, title: Sentence) -> None:
        """See `Narrator`."""
        self._line("")
        story = Sentence(
            f"故事 {number}（{place}/{of}）：{title.zh}", f"Story {number} ({place}/{of}): {title.en}"
        )
        self._line(f"== {self._both(story)}")

    async def say(self, zh: str, en: str) -> None:
        """See `Narrator`."""
        self._line(f"   {self._both(Sentence(zh, en))}")

    async def table(self, title: Sentence, rows: Sequence[TableRow]) -> None:
        """See `Narrator`."""
        self._line(f"   {self._both(title)}")
        labels = [self._both(row.label) for row in rows]
        wide = max(map(text_columns, labels), default=0)
        for label, row in zip(labels, rows, strict=True):
            self._line(f"     {pad(label, wide, 'left')}  {row.amount:>9}")

    async def paper(self, lines: Sequence[str]) -> None:
        """See `Narrator`."""
        if not self._chinese:
            self._line("     (the slip is in Chinese, which this output cannot show)")
            return
        for line in lines:
            self._line(f"     | {line}")

    async def verdict(self, good: bool, zh: str, en: str) -> None:
        """See `Narrator`."""
        self._line(f"{'OK' if good else 'FAILED'}: {self._both(Sentence(zh, en))}")

    async def raw(self, lines: Sequence[str]) -> None:
        """See `Narrator`."""
        for line in lines:
            self._line(f"   > {line}")

    def _both(self, words: Sentence) -> str:
        return words.both if self._chinese else words.en

    def _line(self, text: str) -> None:
        shown = text.encode(self._encoding, "replace").decode(self._encoding)
        print(shown, file=self._stream, flush=True)


class RichNarrator:
    """Colours, tables and a progress bar, for a terminal."""

    def __init__(self, console: Console, progress: Progress, task: TaskID, pause_s: float) -> None:
        self._console = console
        self._progress = progress
        self._task = task
        self._pause_s = pause_s
        self._place = 0

    async def chapter(self, number: int, place: int, of: int, title: Sentence) -> None:
        """See `Narrator`."""
        self._place = place
        self._progress.update(
            self._task, total=of, completed=place - 1, description=f"故事 {number} Story {number}"
        )
        head = Text.assemble(
            (f"故事 {number}  {title.zh}", "bold"), "  ", (f"Story {number}: {title.en}", "dim")
        )
        await self._show(Rule(head, align="left"))

    async def say(self, zh: str, en: str) -> None:
        """See `Narrator`."""
        # rich breaks Chinese only at spaces; our own wrapping breaks it anywhere.
        chinese_columns = max((self._console.width - 6) * 5 // 11, 20)
        beside = Table.grid(padding=(0, 2), pad_edge=True)
        beside.add_column(width=chinese_columns, no_wrap=True)
        beside.add_column(style="dim")
        beside.add_row("\n".join(wrap(zh, chinese_columns - 2)), "" if zh == en else en)
        await self._show(beside)

    async def table(self, title: Sentence, rows: Sequence[TableRow]) -> None:
        """See `Narrator`."""
        table = Table(title=f"{title.zh}  {title.en}", title_justify="left")
        table.add_column("谁付 Who pays")
        table.add_column("元 yuan", justify="right")
        for row in rows:
            table.add_row(f"{row.label.zh}  {row.label.en}", row.amount, style="bold" if row.strong else None)
        await self._show(table)

    async def paper(self, lines: Sequence[str]) -> None:
        """See `Narrator`."""
        await self._show(Panel(Text("\n".join(lines), style="black on white"), expand=False))

    async def verdict(self, good: bool, zh: str, en: str) -> None:
        """See `Narrator`."""
        self._progress.update(self._task, completed=self._place)
        mark = ("✔ ", "bold green") if good else ("✘ ", "bold red")
        await self._show(Text.assemble(mark, (zh, "bold"), "  ", en))

    async def raw(self, lines: Sequence[str]) -> None:
        """See `Narrator`."""
        await self._show(Text("\n".join(lines), style="dim"))

    async def _show(self, thing: object) -> None:
        self._console.print(thing)
        await asyncio.sleep(self._pause_s)


@contextmanager
def narrator_for(stream: TextIO, pause_s: float = READING_PAUSE_S) -> Iterator[Narrator]:
    """The narrator that suits a stream; the progress bar is gone when the block ends."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal or console.is_dumb_terminal or not can_show_chinese(stream):
        yield PlainNarrator(stream)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("启动 Starting", total=None)
        yield RichNarrator(progress.console, progress, task, pause_s)
