"""Which words belong to which error. Only `main` asks; the commands let their errors pass."""

import errno
import sys
from collections.abc import Callable
from typing import Any, Final

from yibao.words import Words, say


class CommandFailed(Exception):
    """A command ends without having done what was asked; `words` says why."""

    def __init__(self, words: Words, exit_code: int = 1) -> None:
        super().__init__(words.en)
        self.words = words
        self.exit_code = exit_code


class WrongUse(CommandFailed):
    """The command line itself makes no sense: exit code 2."""

    def __init__(self, words: Words) -> None:
        super().__init__(words, 2)


NOBODY_READS: Final = 141
"""Exit code of a command whose reader has gone."""
OUTPUT_LOST: Final = 74
"""Exit code of a command that could not write its output; what it was asked for may be done."""
_OUTPUT_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class OutputLost(CommandFailed):
    """Nobody sees what the command prints; `words` says what is true now."""

    def __init__(self, words: Words, error: OSError) -> None:
        super().__init__(words, NOBODY_READS if isinstance(error, BrokenPipeError) else OUTPUT_LOST)


def is_output_lost(error: BaseException) -> bool:
    """Whether this is standard output that takes nothing: an error of a file of ours would name it."""
    if isinstance(error, BrokenPipeError):
        return True
    return isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT_ERRORS


class Interrupted(CommandFailed):
    """Ctrl-C; `words` says what is true now."""

    def __init__(self, words: Words) -> None:
        super().__init__(words, 130)


_DAMAGE: Final = frozenset({"CorruptError", "NotADBError"})


def _journal_words(error: Any) -> Words:
    """What happened to the journal, who holds the money, what to do."""
    from terminal.texts import reason_in_words

    if error.code == "journal_not_migrated":
        why = say(f"not_migrated_{error.params['why']}")
        return Words(error.code, say(error.code, why=why.zh).zh, say(error.code, why=why.en).en)
    if error.code:
        return say(error.code, **error.params)
    code = {"FullError": "journal_full", "ReadOnlyError": "journal_read_only"}.get(
        error.reason.partition(":")[0]
    )
    if code is not None:
        return say(code)
    word = error.reason.partition(":")[0]
    is_damage = word in _DAMAGE or error.reason.startswith(("row changed", "a stored blob", "the audit log"))
    zh, en = reason_in_words(word)
    code = "journal_damaged" if is_damage else "journal_failed"
    return Words(code, say(code, reason=zh).zh, say(code, reason=en).en)


# Where an error class stands, and how it is told.
_KNOWN: Final[tuple[tuple[str, str, Callable[[Any], Words]], ...]] = (
    ("yibao.service_line", "CounterError", lambda error: Words(*error.words)),
    ("yibao.simulated.endpoints", "SimulationRefused", lambda error: Words(*error.words)),
    ("terminal.app", "StartRefused", lambda error: Words(error.told.code, error.told.zh, error.told.en)),
    ("terminal.config", "ConfigError", lambda error: say("config_wrong", reason=str(error))),
    ("terminal.journal.records", "JournalFailed", _journal_words),
    (
        "drivers.signers.errors",
        "KeyStoreError",
        lambda error: Words(error.kind, error.chinese, error.english),
    ),
    ("simulators.benefit.datafile", "DataError", lambda error: say("file_wrong", reason=str(error))),
)


def words_of(error: BaseException) -> Words | None:
    """The words for an error somebody can do something about; None for one nobody expected.

    Classes are looked up, not imported: an error whose module was never loaded cannot have been raised.
    """
    if isinstance(error, CommandFailed):
        return error.words
    for module, name, words in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return words(error)
    if isinstance(error, OSError) and error.filename is not None:
        return say("file_wrong", reason=f"{error.filename}: {error.strerror}")
    return None
