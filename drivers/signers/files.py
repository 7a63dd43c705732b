"""Reading and writing the small files that hold secrets: owner only, whole or not at all.

Permissions are judged on the opened file, not on its name, so that nobody can swap it in between; a symbolic link in
place of the file is refused.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from drivers.signers.errors import BadPermissions

PRIVATE_FILE_MODE = 0o600
PRIVATE_FOLDER_MODE = 0o700

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read_private_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file that only we can read; at most `max_bytes` + 1 bytes.

    Raises `BadPermissions`, or `OSError` (among them `FileNotFoundError`) when it cannot be read.
    """
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise BadPermissions(path, PRIVATE_FILE_MODE)
        return _read(descriptor, status, max_bytes)
    finally:
        os.close(descriptor)


def read_credential_file(path: Path, max_bytes: int) -> bytes:
    """Return a credential that the service manager placed for us: owned by root or us, closed to everybody else.

    systemd grants access by an access list, which shows as group bits; only the bits of "others" are judged.
    """
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o007:
            raise BadPermissions(path, PRIVATE_FILE_MODE)
        return _read(descriptor, status, max_bytes)
    finally:
        os.close(descriptor)


def check_private_folder(folder: Path) -> None:
    """Raise `BadPermissions` unless the folder is ours alone; `OSError` when it is not there."""
    status = os.stat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise BadPermissions(folder, PRIVATE_FOLDER_MODE)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a new folder, mode 0700, with these files, mode 0600, all of it on the disk before this returns.

    Raises `OSError` (disk full, exists already); `remove_folder` clears what is there then.
    """
    os.mkdir(folder, PRIVATE_FOLDER_MODE)
    for name, data in files.items():
        write_private_file(folder / name, data)
    sync_folder(folder)


def publish_folder(beside: Path, folder: Path) -> None:
    """Give a written folder its final name, on the disk before this returns.

    Raises `OSError`, also when `folder` exists and is not empty; then what was written is under `beside` as before.
    """
    os.rename(beside, folder)
    try:
        sync_folder(folder.parent)
    except OSError:
        # A name that may be gone after a power cut is no name to hand out.
        os.rename(folder, beside)
        raise


def remove_folder(folder: Path) -> None:
    """Remove a folder of plain files as far as possible; never raises for what cannot be removed."""
    try:
        for entry in list(os.scandir(folder)):
            os.unlink(entry.path)
        os.rmdir(folder)
    except OSError:
        # The reason why we are clearing up is being reported already; a second one would hide it.
        return


def remove_file(path: Path) -> None:
    """Remove a file if it is there; never raises for what cannot be removed (see `remove_folder`)."""
    with contextlib.suppress(OSError):
        path.unlink()


def sync_folder(folder: Path) -> None:
    """Bring the folder's entries (new names, renames) onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    # O_NONBLOCK: a pipe in place of the file must not hang the start.
    return os.open(path, _OPEN_FLAGS)


def _read(descriptor: int, status: os.stat_result, max_bytes: int) -> bytes:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    content = bytearray()
    while len(content) <= max_bytes:
        piece = os.read(descriptor, max_bytes + 1 - len(content))
        if not piece:
            break
        content += piece
    return bytes(content)


def write_private_file(path: Path, data: bytes) -> None:
    """Write a new file, mode 0600, its bytes on the disk before this returns. Raises `OSError`, also when it exists."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, PRIVATE_FILE_MODE)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
