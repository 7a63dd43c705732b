"""Where the figures were taken: without it a figure says nothing."""

import os
import platform
import ssl
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import apsw

from protocols.gm.libcrypto import libcrypto

LIBRARIES = ("aiohttp", "apsw", "cryptography", "litestar", "msgspec", "typer", "uvicorn", "pyscard")
"""Whose speed is part of the figures."""


def describe() -> dict[str, str]:
    """Return machine and versions, in the order in which they are printed."""
    load = ", ".join(f"{part:.2f}" for part in os.getloadavg())
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "load": f"{load} (1, 5, 15 minutes; figures taken under load are rough)",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "openssl": f"{ssl.OPENSSL_VERSION} (SM2: {libcrypto().path})",
        "sqlite": apsw.sqlite_lib_version(),
        "libraries": ", ".join(_libraries()),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _libraries() -> Iterator[str]:
    for name in LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"
