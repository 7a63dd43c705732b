"""A process that imports what it is told and then waits: `python -m bench.imports_only`, names as JSON on one line of
standard input. Imports nothing else, because it is a floor."""

import importlib
import json
import sys


def import_all(names: list[str]) -> list[str]:
    """Import modules in their order; return those that only the interpreter's own start can import."""
    left_out = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            left_out.append(name)
    return left_out


if __name__ == "__main__":
    print(json.dumps(import_all(json.loads(sys.stdin.readline()))), flush=True)
    sys.stdin.read()
