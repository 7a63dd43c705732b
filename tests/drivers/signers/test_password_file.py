"""A password comes from a file that is ours alone, or from the service manager."""

import os
from pathlib import Path

import pytest

from drivers.signers import BadPassword, BadPermissions, NoPasswordFile, read_password_file


def password_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b" two words \n", b" two words "),
        ("口令\n".encode(), "口令".encode()),
        (b"x" * 1024 + b"\n", b"x" * 1024),
    ],
)
def test_the_password_is_the_content_without_one_line_feed(
    tmp_path: Path, content: bytes, password: bytes
) -> None:
    assert read_password_file(password_file(tmp_path, content)) == password


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"secret\n\n", b"secret\r\n", b"one\ntwo\n", b"a\0b", b"a\tb", b"x" * 1025, b"x" * 5000],
)
def test_what_is_no_single_line_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadPassword) as caught:
        read_password_file(password_file(tmp_path, content))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
def test_a_file_open_to_others_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    with pytest.raises(BadPermissions, match=r"chmod 600"):
        read_password_file(password_file(tmp_path, b"secret", mode))


def test_a_read_only_file_will_do(tmp_path: Path) -> None:
    assert read_password_file(password_file(tmp_path, b"secret", 0o400)) == b"secret"


def test_somebody_elses_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = password_file(tmp_path, b"secret")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(BadPermissions):
        read_password_file(path)


def test_a_missing_file_a_folder_a_pipe_and_a_link_are_refused_without_hanging(tmp_path: Path) -> None:
    real = password_file(tmp_path, b"secret")
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "link").symlink_to(real)
    for name in ("missing", "folder", "pipe", "link"):
        with pytest.raises(NoPasswordFile, match=name):
            read_password_file(tmp_path / name)


def test_a_service_credential_may_show_group_bits_and_belong_to_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = password_file(tmp_path, b"secret", 0o440)
    assert read_password_file(path, credentials_folder=tmp_path) == b"secret"
    with pytest.raises(BadPermissions):
        read_password_file(path)
    path.chmod(0o444)
    with pytest.raises(BadPermissions):
        read_password_file(path, credentials_folder=tmp_path)
    path.chmod(0o440)
    monkeypatch.setattr(
        os, "fstat", lambda _descriptor: os.stat_result((0o100440, 0, 0, 1, 4711, 0, 6, 0, 0, 0))
    )
    with pytest.raises(BadPermissions):
        read_password_file(path, credentials_folder=tmp_path)


def test_another_folder_does_not_become_a_credential_folder_by_its_name(tmp_path: Path) -> None:
    path = password_file(tmp_path, b"secret", 0o440)
    inner = tmp_path / "credentials"
    inner.mkdir()
    with pytest.raises(BadPermissions):
        read_password_file(path, credentials_folder=inner)
