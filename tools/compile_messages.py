"""Compile the message catalogues (.po to .mo); `--check` fails when a compiled catalogue is not up to date."""

import io
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent


def compiled(source: Path) -> bytes:
    """Return the bytes of the compiled catalogue."""
    with source.open("rb") as file:
        catalogue = read_po(file, locale=source.parent.parent.name)
    target = io.BytesIO()
    write_mo(target, catalogue)
    return target.getvalue()


def main() -> int:
    """Compile or check every catalogue below the source folders; return the exit status."""
    stale = 0
    for source in sorted(ROOT.glob("*/locale/*/LC_MESSAGES/*.po")):
        target, content = source.with_suffix(".mo"), compiled(source)
        if "--check" in sys.argv[1:]:
            if not target.exists() or target.read_bytes() != content:
                print(f"{target.relative_to(ROOT)} is not up to date: python tools/compile_messages.py")
                stale = 1
        else:
            target.write_bytes(content)
    return stale


if __name__ == "__main__":
    sys.exit(main())
