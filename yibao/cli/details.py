"""Where the details of an unexpected error go: a private file, so that the screen stays fit for a counter."""

import datetime as dt
import os
import tempfile
from pathlib import Path


def keep_details(error: BaseException) -> str:
    """Append the error's type and its places in the code to the error log; return where that is.

    The error's text is left out, because it may quote a person's data; `--debug` shows it on the screen.
    """
    from terminal.logs import places_of

    stamp = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    text = "\n    ".join([f"--- {stamp} pid {os.getpid()}", *places_of(error)]) + "\n"
    base = os.environ.get("XDG_STATE_HOME")
    for folder in (Path(base) if base else Path.home() / ".local" / "state", Path(tempfile.gettempdir())):
        file = folder / "yibao" / "errors.log"
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as log:
                log.write(text)
        except OSError:
            continue
        return str(file)
    return "-"
