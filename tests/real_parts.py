"""What a test does when a real part (a program, a compiled binding) is not on this machine.

On a developer's machine the test is skipped and the end of the run says so loudly. Where YIBAO_REQUIRE_REAL=1 (CI) it
fails: a part that silently drops out of CI is a part that nobody tests.
"""

import importlib
import os
import shutil
from types import ModuleType
from typing import NoReturn

import pytest

SKIP_PREFIX = "real part missing: "
"""Begins the reason of each such skip; the end of the run collects them by it."""


def real_parts_required() -> bool:
    """Whether a missing real part is a failure."""
    return os.environ.get("YIBAO_REQUIRE_REAL") == "1"


def real_part_missing(what: str) -> NoReturn:
    """Ends the test: failed where real parts are required, else skipped. `what` names the part for a person."""
    if real_parts_required():
        pytest.fail(SKIP_PREFIX + what, pytrace=False)
    pytest.skip(SKIP_PREFIX + what)


def require_real(program: str) -> str:
    """The full path of `program`; without it the test ends as in `real_part_missing`.

    The folders of system programs are searched too: pcscd and mosquitto stand there, outside many a user's PATH.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=path)
    if found is None:
        real_part_missing(f"the program {program} (see system-packages.txt)")
    return found


def require_real_module(name: str) -> ModuleType:
    """The module `name`, for the binding that is not always compiled; without it as in `real_part_missing`."""
    try:
        return importlib.import_module(name)
    except ImportError:
        real_part_missing(f"the module {name} (see what make setup says)")
