"""The password that opens the keys: from a file of mode 0600 or a systemd credential, never from an environment
variable, an argument or a prompt.
"""

import os
from pathlib import Path

from drivers.signers.errors import BadPassword, NoPasswordFile
from drivers.signers.files import read_credential_file, read_private_file

MAX_PASSWORD_BYTES = 1024
"""As much as an encrypted PEM file can be opened with by OpenSSL."""


def read_password_file(path: Path, credentials_folder: Path | None = None) -> bytes:
    """Return the password in `path`, without one line feed at its end.

    The file must belong to us and be closed to everybody else. A file directly in `credentials_folder` (the caller
    passes the value of $CREDENTIALS_DIRECTORY) may instead belong to root, as the service manager makes it.
    Raises `NoPasswordFile`, `BadPermissions` or `BadPassword`.
    """
    is_credential = credentials_folder is not None and _same_folder(path.parent, credentials_folder)
    read = read_credential_file if is_credential else read_private_file
    try:
        content = read(path, MAX_PASSWORD_BYTES + 1)
    except OSError as error:
        raise NoPasswordFile(path, error.strerror or str(error)) from None
    password = content.removesuffix(b"\n")
    check_password(password)
    return password


def check_password(password: bytes) -> None:
    """Raise `BadPassword` unless this is one line that every program of ours and OpenSSL's would read alike."""
    if not 1 <= len(password) <= MAX_PASSWORD_BYTES or any(byte < 0x20 or byte == 0x7F for byte in password):
        raise BadPassword


def _same_folder(one: Path, other: Path) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)
