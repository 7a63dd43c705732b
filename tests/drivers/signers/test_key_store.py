"""The key folder: whole or not at all, ours alone, and clear about what is wrong with it."""

import base64
import errno
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.signers import (
    BadPassword,
    BadPermissions,
    KeyFileDamaged,
    KeyFolderUnusable,
    KeyFormatUnknown,
    KeysExist,
    KeyStoreError,
    NoKeys,
    Sm2Verifier,
    SoftwareKeyStore,
    WrongPassword,
)
from drivers.signers.key_store import (
    DEFAULT_ITERATIONS,
    MANIFEST_NAME,
    PUBLIC_KEY_NAME,
    SIGNING_KEY_NAME,
    _Manifest,
)
from protocols.gm.sm2 import PrivateKey

PASSWORD = "口令 of the till".encode()
NAMES = {MANIFEST_NAME, PUBLIC_KEY_NAME, SIGNING_KEY_NAME}


def store(folder: Path) -> SoftwareKeyStore:
    """A store whose keys are cheap to open; only the speed differs."""
    return SoftwareKeyStore(folder, iterations=10)


@pytest.fixture
def keys(tmp_path: Path) -> SoftwareKeyStore:
    made = store(tmp_path / "keys")
    made.create(PASSWORD)
    return made


def edit_manifest(keys: SoftwareKeyStore, *, check: bool = True, **changes: Any) -> None:
    """Change keys.json; with `check`, as somebody would who knows how its checksum is made."""
    path = keys.folder / MANIFEST_NAME
    content = json.loads(path.read_bytes()) | changes
    if check:
        content["check"] = base64.b64encode(msgspec.convert(content, _Manifest).expected_check()).decode(
            "ascii"
        )
    path.write_text(json.dumps(content))


# Creating and opening ------------------------------------------------------------------------------------------


def test_what_was_created_opens_and_signs(keys: SoftwareKeyStore) -> None:
    unlocked = keys.unlock(PASSWORD)
    public = keys.public_key()
    assert Sm2Verifier(public).verify(b"data", unlocked.signer.sign(b"data"))
    assert unlocked.signer.description.public_point == public.point
    assert len(unlocked.field_key) == 16
    assert unlocked.field_key not in (bytes(16), keys.folder.joinpath(MANIFEST_NAME).read_bytes()[:16])
    assert keys.unlock(PASSWORD).field_key == unlocked.field_key


def test_create_returns_the_description_that_unlock_gives(tmp_path: Path) -> None:
    made = store(tmp_path / "keys")
    assert made.create(PASSWORD) == made.unlock(PASSWORD).signer.description


def test_two_folders_share_neither_key(tmp_path: Path) -> None:
    one, other = store(tmp_path / "one"), store(tmp_path / "other")
    assert one.create(PASSWORD).key_id != other.create(PASSWORD).key_id
    assert one.unlock(PASSWORD).field_key != other.unlock(PASSWORD).field_key


def test_the_folder_and_its_files_are_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store(tmp_path / "keys").create(PASSWORD)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()
    } == dict.fromkeys(NAMES, 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_neither_key_nor_password_is_on_the_disk_in_plain(tmp_path: Path) -> None:
    drawn: list[bytes] = []

    def draw(count: int) -> bytes:
        drawn.append(os.urandom(count))
        return drawn[-1]

    made = SoftwareKeyStore(tmp_path / "keys", random_bytes=draw, iterations=10)
    made.create(PASSWORD)
    scalar, field_key = next(one for one in drawn if len(one) == 32), made.unlock(PASSWORD).field_key
    assert field_key in drawn
    for path in made.folder.iterdir():
        content = path.read_bytes()
        body = base64.b64decode(b"".join(content.splitlines()[1:-1])) if path.suffix == ".pem" else b""
        for secret in (scalar, field_key, PASSWORD):
            assert secret not in content
            assert secret not in body
            assert base64.b64encode(secret)[:-4] not in content
            assert secret.hex().encode("ascii") not in content.lower()


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    made = store(tmp_path / "keys")
    made.create(PASSWORD)
    assert made.unlock(PASSWORD).field_key
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700


def test_existing_keys_are_never_overwritten(keys: SoftwareKeyStore) -> None:
    before = {path.name: path.read_bytes() for path in keys.folder.iterdir()}
    with pytest.raises(KeysExist):
        keys.create(b"another password")
    assert {path.name: path.read_bytes() for path in keys.folder.iterdir()} == before


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal.db").write_bytes(b"x")
    with pytest.raises(KeyFolderUnusable, match="not empty"):
        store(tmp_path / "keys").create(PASSWORD)
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["journal.db"]


def test_keys_that_appear_while_we_create_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, folder = os.rename, tmp_path / "keys"

    def rename_too_late(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "rename", rename)
        store(folder).create(b"the other")
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_too_late)
    with pytest.raises(KeysExist):
        store(folder).create(PASSWORD)
    assert store(folder).unlock(b"the other").field_key
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("password", [b"", b"a\nb", b"x" * 1025])
def test_a_password_nobody_could_read_from_a_file_is_refused(tmp_path: Path, password: bytes) -> None:
    with pytest.raises(BadPassword):
        store(tmp_path / "keys").create(password)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_parent_folder_or_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "missing" / "keys", tmp_path / "file", tmp_path / "file" / "keys"):
        with pytest.raises(KeyFolderUnusable, match=folder.name):
            store(folder).create(PASSWORD)


# The disk fails ------------------------------------------------------------------------------------------------


class FailingDisk:
    """Makes the call number `fail_at` of those that change or open something fail, and all later ones of its kind."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail_at: int, error: int) -> None:
        self.calls: list[str] = []
        self.failed = ""
        for name in ("mkdir", "open", "write", "fsync", "rename"):
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name), fail_at, error))

    def _wrapped(self, name: str, real: Callable[..., Any], fail_at: int, error: int) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if not self.failed and len(self.calls) == fail_at:
                self.failed = name
            self.calls.append(name)
            if self.failed == name:
                raise OSError(error, os.strerror(error))
            return real(*arguments, **options)

        return call


def disk_calls(tmp_path: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        disk = FailingDisk(patch, fail_at=10_000, error=0)
        store(tmp_path / "counted").create(PASSWORD)
    shutil.rmtree(tmp_path / "counted")
    return len(disk.calls)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_whichever_disk_call_fails_there_are_whole_keys_or_none(tmp_path: Path, error: int) -> None:
    count = disk_calls(tmp_path)
    assert count > 12
    for fail_at in range(count):
        folder = tmp_path / f"at-{fail_at}"
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, fail_at, error)
            with pytest.raises(KeyFolderUnusable) as caught:
                store(folder).create(PASSWORD)
        assert os.strerror(error) in str(caught.value) or "cannot be read back" in str(caught.value), (
            disk.failed
        )
        assert not folder.exists(), disk.failed
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_one_byte_at_a_time_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1]))
    made = store(tmp_path / "keys")
    made.create(PASSWORD)
    assert made.unlock(PASSWORD).field_key


def test_everything_is_on_the_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def noting(name: str, real: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            order.append(name)
            real(*arguments)

        return call

    monkeypatch.setattr(os, "fsync", noting("fsync", os.fsync))
    monkeypatch.setattr(os, "rename", noting("rename", os.rename))
    store(tmp_path / "keys").create(PASSWORD)
    assert order == ["fsync"] * 4 + ["rename", "fsync"]


def test_clearing_up_never_hides_the_first_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(KeyFolderUnusable, match="Read-only"):
        store(tmp_path / "keys").create(PASSWORD)


def test_a_file_system_that_keeps_no_permissions_holds_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(KeyFolderUnusable, match="bad_permissions"):
        store(tmp_path / "keys").create(PASSWORD)
    assert list(tmp_path.iterdir()) == []


# Wrong password, damage, permissions ---------------------------------------------------------------------------


@pytest.mark.parametrize("password", [b"", b"wrong", PASSWORD + b" ", PASSWORD[:-1], b"x" * 5000])
def test_a_wrong_password_says_so_and_nothing_else(keys: SoftwareKeyStore, password: bytes) -> None:
    with pytest.raises(WrongPassword) as caught:
        keys.unlock(password)
    assert PASSWORD.decode() not in str(caught.value)
    assert caught.value.kind == "wrong_password"


def test_no_folder_and_an_empty_folder_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o700)
    for name in ("missing", "empty"):
        absent = store(tmp_path / name)
        assert not absent.exists()
        with pytest.raises(NoKeys, match="yibao keys create"):
            absent.unlock(PASSWORD)
        with pytest.raises(NoKeys):
            absent.public_key()


@pytest.mark.parametrize("name", [SIGNING_KEY_NAME, PUBLIC_KEY_NAME])
def test_a_missing_key_file_is_damage_and_named(keys: SoftwareKeyStore, name: str) -> None:
    (keys.folder / name).unlink()
    opening = keys.public_key if name == PUBLIC_KEY_NAME else lambda: keys.unlock(PASSWORD)
    with pytest.raises(KeyFileDamaged, match=name):
        opening()


def flipped(content: bytes) -> Iterator[bytes]:
    for position in range(0, len(content), 5):
        yield content[:position] + bytes((content[position] ^ 0x04,)) + content[position + 1 :]


def test_a_flipped_bit_in_the_signing_key_is_damage_even_with_the_right_password(
    keys: SoftwareKeyStore,
) -> None:
    path = keys.folder / SIGNING_KEY_NAME
    for content in flipped(path.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(KeyFileDamaged, match=SIGNING_KEY_NAME):
            keys.unlock(PASSWORD)


def test_a_flipped_bit_in_the_manifest_is_never_a_wrong_password(keys: SoftwareKeyStore) -> None:
    path = keys.folder / MANIFEST_NAME
    original = path.read_bytes()
    for content in flipped(original):
        path.write_bytes(content)
        try:
            # A changed blank between two fields changes nothing.
            assert keys.unlock(PASSWORD).field_key
            assert json.loads(content) == json.loads(original)
        except (KeyFileDamaged, KeyFormatUnknown):
            continue


def test_a_cut_file_is_damage(keys: SoftwareKeyStore) -> None:
    for name in NAMES:
        path = keys.folder / name
        content = path.read_bytes()
        for length in (0, 1, len(content) // 2):
            path.write_bytes(content[:length])
            opening = keys.public_key if name == PUBLIC_KEY_NAME else lambda: keys.unlock(PASSWORD)
            with pytest.raises(KeyFileDamaged):
                opening()
        path.write_bytes(content)


def test_an_oversized_file_is_damage(keys: SoftwareKeyStore) -> None:
    path = keys.folder / SIGNING_KEY_NAME
    path.write_bytes(path.read_bytes() + b" " * 20_000)
    with pytest.raises(KeyFileDamaged):
        keys.unlock(PASSWORD)


def test_files_of_two_folders_cannot_be_mixed(tmp_path: Path, keys: SoftwareKeyStore) -> None:
    """Even under the same password: the field key is bound to the signing key beside it."""
    other = store(tmp_path / "other")
    other.create(PASSWORD)
    for name in (SIGNING_KEY_NAME, PUBLIC_KEY_NAME):
        shutil.copyfile(other.folder / name, keys.folder / name)
    with pytest.raises(KeyFileDamaged):
        keys.unlock(PASSWORD)
    with pytest.raises(KeyFileDamaged):
        keys.public_key()


def test_a_forged_manifest_does_not_bind_the_field_key_to_another_signing_key(
    tmp_path: Path, keys: SoftwareKeyStore
) -> None:
    other = store(tmp_path / "other")
    other.create(PASSWORD)
    theirs = json.loads((other.folder / MANIFEST_NAME).read_bytes())
    shutil.copyfile(other.folder / SIGNING_KEY_NAME, keys.folder / SIGNING_KEY_NAME)
    edit_manifest(keys, signing_key_sm3=theirs["signing_key_sm3"], key_id=theirs["key_id"])
    with pytest.raises(WrongPassword):
        keys.unlock(PASSWORD)
    ours = PrivateKey.from_pem((other.folder / SIGNING_KEY_NAME).read_bytes(), PASSWORD)
    assert ours.public_key == other.public_key()


@pytest.mark.parametrize(
    "changes",
    [
        {"kdf_iterations": 0},
        {"kdf_iterations": 10**9},
        {"kdf_salt": ""},
        {"field_key_nonce": "AAAA"},
        {"key_id": "中文"},
        {"format": "other"},
        {"version": 0},
    ],
)
def test_impossible_values_are_refused_before_any_work(
    keys: SoftwareKeyStore, changes: dict[str, Any]
) -> None:
    edit_manifest(keys, **changes)
    with pytest.raises(KeyFileDamaged):
        keys.unlock(PASSWORD)


def test_an_unknown_field_or_kind_is_damage_and_a_newer_version_says_upgrade(keys: SoftwareKeyStore) -> None:
    edit_manifest(keys, check=False, surprise=1)
    with pytest.raises(KeyFileDamaged):
        keys.unlock(PASSWORD)
    edit_manifest(keys, check=False, version=3)
    with pytest.raises(KeyFormatUnknown, match=r"升级.*Upgrade"):
        keys.unlock(PASSWORD)


@pytest.mark.parametrize("name", ["", MANIFEST_NAME, SIGNING_KEY_NAME])
def test_a_file_or_folder_open_to_others_is_refused(keys: SoftwareKeyStore, name: str) -> None:
    path = keys.folder / name
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(BadPermissions, match=r"chmod (600|700)"):
        keys.unlock(PASSWORD)


def test_somebody_elses_folder_is_refused(keys: SoftwareKeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = keys.folder.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(BadPermissions):
        keys.unlock(PASSWORD)


def test_a_link_in_place_of_a_key_file_is_refused(tmp_path: Path, keys: SoftwareKeyStore) -> None:
    path = keys.folder / SIGNING_KEY_NAME
    path.rename(tmp_path / "elsewhere.pem")
    path.symlink_to(tmp_path / "elsewhere.pem")
    with pytest.raises(KeyFileDamaged):
        keys.unlock(PASSWORD)


def test_every_error_has_its_own_kind_and_speaks_chinese_then_english() -> None:
    path = Path("/keys")
    made: list[KeyStoreError] = [
        NoKeys(path),
        KeysExist(path),
        WrongPassword(path),
        BadPermissions(path, 0o600),
        KeyFileDamaged(path),
        KeyFormatUnknown(path),
        KeyFolderUnusable(path, "reason"),
        BadPassword(),
    ]
    assert len({error.kind for error in made}) == len(made)
    for error in made:
        chinese, english = str(error).split(" / ")
        assert (chinese, english) == (error.chinese, error.english)
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese)
        assert english.isascii()


def test_the_field_key_is_not_in_the_printed_form(keys: SoftwareKeyStore) -> None:
    unlocked = keys.unlock(PASSWORD)
    assert repr(unlocked.field_key) not in repr(unlocked)
    assert unlocked.field_key.hex() not in repr(unlocked)


def test_opening_the_real_thing_costs_less_than_0_3_s_of_one_core_and_is_no_gift_to_guessers(
    tmp_path: Path,
) -> None:
    """Measured in this thread's own time, so that a busy machine does not change the answer."""
    made = SoftwareKeyStore(tmp_path / "keys")
    made.create(PASSWORD)
    assert (
        json.loads((made.folder / MANIFEST_NAME).read_bytes())["kdf_iterations"]
        == DEFAULT_ITERATIONS
        >= 50_000
    )
    before = time.thread_time()
    made.unlock(PASSWORD)
    assert time.thread_time() - before < 0.3
