"""A folder with one software SM2 key and the key for the journal's encrypted fields, both under one password.

    keys.json           what belongs together: key id, digests, and the wrapped field key
    signing-key.pem     the SM2 key, encrypted PKCS#8 (OpenSSL reads it too)
    public-key.pem      its public half, for whoever has to register it

After a rotation the names carry the key's id (`signing-key-ID.pem`), keys.json says which key is in use, and the former
keys stay: their private halves for `KEEP_FORMER`, and longer while something they signed is open, so that what was
signed with them can be undone with them, their public halves for ever, so that it can be verified. The field key is the
same as before. keys.json is replaced in one step: before it the old key is in use, after it the new one, whenever the power goes.

The field key is 16 random bytes, sealed by SM4-GCM under a key derived from the password by PBKDF2-HMAC-SM3, bound to
the id of the signing key. Opening both takes more than a tenth of a second of one core, on purpose (timed by hand, processor
time of 15 calls, 2026-11-22, Xeon 2.80 GHz: 0.11 s; no benchmark prints it): call `unlock` in a worker thread.

The three files appear together or not at all: they are written to a folder beside, brought to the disk, opened once
with the same password, and only then renamed to the name asked for.
"""

import dataclasses
import datetime as dt
import errno
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from drivers.interfaces.signer import KeyDescription, Signer
from drivers.signers.errors import (
    BadPermissions,
    KeyFileDamaged,
    KeyFolderUnusable,
    KeyFormatUnknown,
    KeysExist,
    KeyStoreError,
    NoKeys,
    WrongPassword,
)
from drivers.signers.files import (
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    check_private_folder,
    publish_folder,
    read_private_file,
    remove_file,
    remove_folder,
    sync_folder,
    write_folder,
    write_private_file,
)
from drivers.signers.password_file import check_password
from drivers.signers.software import SoftwareSigner, describe
from protocols.gm import sm4
from protocols.gm.errors import DecryptionFailed, InvalidKey
from protocols.gm.sm2 import PrivateKey, PublicKey
from protocols.gm.sm3 import pbkdf2_hmac_sm3, sm3

MANIFEST_NAME: Final = "keys.json"
SIGNING_KEY_NAME: Final = "signing-key.pem"
PUBLIC_KEY_NAME: Final = "public-key.pem"

FIELD_KEY_BYTES: Final = 16

DEFAULT_ITERATIONS: Final = 60_000
"""Rounds of PBKDF2-HMAC-SM3; most of the time that opening takes."""

KEEP_FORMER: Final = dt.timedelta(days=7)
"""How long the private half of a key that was rotated away is kept, for reversals of what it signed."""

_FORMAT: Final = "yibao-keys"
_VERSION: Final = 1
_VERSION_ROTATED: Final = 2
_SALT_BYTES: Final = 16
_MAX_ITERATIONS: Final = 2_000_000
_MAX_FILE_BYTES: Final = 16_384
# A round of HMAC-SHA-256, which the PKCS#8 container uses, costs about half a round of HMAC-SM3; a guesser takes the
# cheaper of the two, so they cost the same.
_CONTAINER_ITERATIONS_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class UnlockedKeys:
    """What the application needs to work; the field key is kept out of any printed form."""

    signer: Signer
    field_key: bytes = field(repr=False)
    former: Mapping[str, Signer] = field(default_factory=dict, repr=False)
    """Keys that were in use before, by their id, while they are kept."""
    public_points: Mapping[str, bytes] = field(default_factory=dict)
    """The public point of the present key and of every former one, by key id."""
    aged: Mapping[str, Signer] = field(default_factory=dict, repr=False)
    """Keys that were kept for `KEEP_FORMER` and are still there; only for what they signed and is still open."""
    unreadable: tuple[str, ...] = ()
    """Ids of former keys that should be there and cannot be opened: what they signed is undone with the present key."""

    def former_for(self, in_use: Collection[str]) -> Mapping[str, Signer]:
        """The former keys, and of those whose time is over the ones that something still open was signed with."""
        return {**self.former, **{name: key for name, key in self.aged.items() if name in in_use}}


class _Header(msgspec.Struct, frozen=True):
    format: str
    version: int


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """keys.json; bytes are Base64 there."""

    format: str
    version: int
    key_id: str
    signing_key_sm3: bytes
    """Digest of signing-key.pem: tells a damaged file from a wrong password."""
    kdf: str
    kdf_salt: bytes
    kdf_iterations: int
    field_key_cipher: str
    field_key_nonce: bytes
    field_key_sealed: bytes
    check: bytes = b""
    """SM3 of this structure with an empty `check`, against accidents (the sealing is against intent)."""

    @property
    def signing_key_name(self) -> str:
        return SIGNING_KEY_NAME

    @property
    def public_key_name(self) -> str:
        return PUBLIC_KEY_NAME

    @property
    def former(self) -> "tuple[_Former, ...]":
        return ()

    def expected_check(self) -> bytes:
        return sm3(msgspec.json.encode(msgspec.structs.replace(self, check=b"")))

    def associated(self) -> bytes:
        """What the sealed field key is bound to."""
        return f"{_FORMAT} {self.version} field key of {self.key_id}".encode("ascii")


class _Former(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that is no longer in use."""

    key_id: str
    public_point: bytes
    retired_at: dt.datetime
    signing_key_file: str
    signing_key_sm3: bytes

    def is_kept(self, now: dt.datetime) -> bool:
        """Whether its private half is still there to be used; a clock before the rotation does not extend that."""
        return now < self.retired_at + KEEP_FORMER

    def is_usable(self) -> bool:
        """Whether the entry may be worked with."""
        plain = self.signing_key_file == Path(self.signing_key_file).name
        return plain and self.key_id.isascii() and self.retired_at.tzinfo is not None


class _RotatedManifest(_Manifest, frozen=True, forbid_unknown_fields=True):
    """keys.json after a rotation."""

    former_keys: tuple[_Former, ...] = ()

    @property
    def signing_key_name(self) -> str:
        return f"signing-key-{self.key_id}.pem"

    @property
    def public_key_name(self) -> str:
        return f"public-key-{self.key_id}.pem"

    @property
    def former(self) -> tuple[_Former, ...]:
        return self.former_keys


class SoftwareKeyStore:
    """The keys in one folder. All methods block (disk, key derivation): call them in a worker thread."""

    def __init__(
        self,
        folder: Path,
        *,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        iterations: int = DEFAULT_ITERATIONS,
    ) -> None:
        """`random_bytes` and `iterations` serve `create`; `unlock` uses what the folder says."""
        self._folder = folder
        self._random_bytes = random_bytes
        self._iterations = iterations

    @property
    def folder(self) -> Path:
        """Where the keys are, or would be."""
        return self._folder

    def exists(self) -> bool:
        """Whether there is a key folder at all; says nothing about whether it is whole."""
        return os.path.lexists(self._folder / MANIFEST_NAME)

    def create(self, password: bytes) -> KeyDescription:
        """Make new keys under `password` and return what may be told of them.

        The parent folder must exist; the folder itself must not, or be empty. Raises `BadPassword`, `KeysExist` or
        `KeyFolderUnusable` (disk full, read-only, not empty); then no keys were stored.
        """
        check_password(password)
        self._refuse_occupied()
        beside = self._folder.with_name(f".{self._folder.name}.new-{self._random_bytes(6).hex()}")
        description, files = self._new_files(password)
        try:
            write_folder(beside, files)
            SoftwareKeyStore(beside).unlock(password)
            publish_folder(beside, self._folder)
        except OSError as error:
            remove_folder(beside)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                self._refuse_occupied()
            raise KeyFolderUnusable(self._folder, error.strerror or str(error)) from None
        except KeyStoreError as error:
            # Whatever is wrong with it, it is the disk's doing: we wrote it a moment ago.
            remove_folder(beside)
            raise KeyFolderUnusable(self._folder, f"cannot be read back: {error.kind}") from None
        return description

    def rotate(self, password: bytes, now: dt.datetime, in_use: Collection[str] = ()) -> KeyDescription:
        """Make a new signing key and put it in the place of the present one, which is kept as a former key.

        Raises what `unlock` raises, or `KeyFolderUnusable` (disk full, read-only); then keys.json says which
        of the two keys is in use, and that one is whole: the old one, unless only the last sync of the folder failed.
        Private halves of former keys that have been kept for `KEEP_FORMER` are deleted, but for those `in_use`: keys of
        messages whose outcome is still open.
        """
        field_key = self.unlock(password).field_key
        before = self._manifest()
        retired = _Former(
            key_id=before.key_id,
            public_point=self.public_key().point,
            retired_at=now,
            signing_key_file=before.signing_key_name,
            signing_key_sm3=before.signing_key_sm3,
        )
        description, manifest, files = self._rotated(password, field_key, (*before.former, retired))
        fresh = self._folder / f".{MANIFEST_NAME}.{self._random_bytes(6).hex()}"
        names = [self._folder / name for name in files]
        try:
            for path, content in zip(names, files.values(), strict=True):
                write_private_file(path, content)
            write_private_file(fresh, _manifest_bytes(manifest))
            self._open(manifest, password)
            sync_folder(self._folder)
            os.replace(fresh, self._folder / MANIFEST_NAME)
            sync_folder(self._folder)
        except (OSError, KeyStoreError) as error:
            remove_file(fresh)
            if self._manifest().key_id == before.key_id:  # else keys.json names the new files already
                for path in names:
                    remove_file(path)
            reason = error.kind if isinstance(error, KeyStoreError) else error.strerror
            raise KeyFolderUnusable(self._folder, reason or str(error)) from None
        for former in before.former:
            if not former.is_kept(now) and former.key_id not in in_use:
                remove_file(self._folder / former.signing_key_file)
        return description

    def public_points(self) -> dict[str, bytes]:
        """The public point (04 || x || y) of the present key and of every former one, by key id; without a password."""
        return _points(self._manifest(), self.public_key())

    def unlock(self, password: bytes, now: dt.datetime | None = None) -> UnlockedKeys:
        """Open the keys; with `now` also the former ones that are still kept, and apart those that are merely still there.

        Raises `NoKeys`, `BadPermissions`, `KeyFormatUnknown`, `KeyFileDamaged` or `WrongPassword`. The digests are
        checked before the password is tried, so a damaged file is not reported as a wrong password.
        """
        manifest = self._manifest()
        opened = self._open(manifest, password)
        if now is None:
            return opened
        former: dict[str, Signer] = {}
        aged: dict[str, Signer] = {}
        unreadable = []
        for one in manifest.former:
            if not one.is_kept(now) and not (self._folder / one.signing_key_file).exists():
                continue  # deleted at the end of its time
            opens = former if one.is_kept(now) else aged
            try:
                opens[one.key_id] = self._former_signer(one, password)
            except (KeyStoreError, InvalidKey):
                unreadable.append(one.key_id)
        return dataclasses.replace(opened, former=former, aged=aged, unreadable=tuple(unreadable))

    def _former_signer(self, former: _Former, password: bytes) -> Signer:
        pem = self._file(former.signing_key_file)
        if sm3(pem) != former.signing_key_sm3:
            raise KeyFileDamaged(self._folder / former.signing_key_file)
        key = PrivateKey.from_pem(pem, password)
        if key.public_key.point != former.public_point:
            raise KeyFileDamaged(self._folder / former.signing_key_file)
        return SoftwareSigner(key)

    def _open(self, manifest: _Manifest, password: bytes) -> UnlockedKeys:
        """Open the signing key that a manifest names, and the field key in it."""
        pem = self._file(manifest.signing_key_name)
        if sm3(pem) != manifest.signing_key_sm3:
            raise KeyFileDamaged(self._folder / manifest.signing_key_name)
        wrapping_key = pbkdf2_hmac_sm3(password, manifest.kdf_salt, manifest.kdf_iterations, sm4.KEY_BYTES)
        try:
            field_key = sm4.gcm_open(
                wrapping_key, manifest.field_key_nonce, manifest.field_key_sealed, manifest.associated()
            )
        except DecryptionFailed:
            raise WrongPassword(self._folder) from None
        try:
            key = PrivateKey.from_pem(pem, password)
        except InvalidKey:
            raise KeyFileDamaged(self._folder / manifest.signing_key_name) from None
        if describe(key.public_key).key_id != manifest.key_id or len(field_key) != FIELD_KEY_BYTES:
            raise KeyFileDamaged(self._folder / MANIFEST_NAME)
        return UnlockedKeys(SoftwareSigner(key), field_key, public_points=_points(manifest, key.public_key))

    def public_key(self) -> PublicKey:
        """Return the public half, without a password; raises like `unlock`, but for `WrongPassword`."""
        manifest = self._manifest()
        try:
            key = PublicKey.from_pem(self._file(manifest.public_key_name))
        except InvalidKey:
            raise KeyFileDamaged(self._folder / manifest.public_key_name) from None
        if describe(key).key_id != manifest.key_id:
            raise KeyFileDamaged(self._folder / manifest.public_key_name)
        return key

    @property
    def public_key_file(self) -> Path:
        """Where the public half of the present key stands; raises like `public_key`."""
        return self._folder / self._manifest().public_key_name

    def _new_key(self, password: bytes) -> tuple[KeyDescription, bytes, bytes]:
        """A fresh key: what may be told of it, its encrypted private half, its public half."""
        draw = self._random_bytes
        key = PrivateKey.generate(draw)
        pem = key.to_encrypted_pem(
            password,
            draw(_SALT_BYTES),
            draw(sm4.BLOCK_BYTES),
            self._iterations * _CONTAINER_ITERATIONS_FACTOR,
        )
        return describe(key.public_key), pem, key.public_key.to_pem()

    def _rotated(
        self, password: bytes, field_key: bytes, former: tuple[_Former, ...]
    ) -> tuple[KeyDescription, _RotatedManifest, dict[str, bytes]]:
        description, pem, public = self._new_key(password)
        manifest = _RotatedManifest(
            format=_FORMAT, version=_VERSION_ROTATED, key_id=description.key_id, signing_key_sm3=sm3(pem),
            kdf="PBKDF2-HMAC-SM3", kdf_salt=self._random_bytes(_SALT_BYTES), kdf_iterations=self._iterations,
            field_key_cipher="SM4-GCM", field_key_nonce=self._random_bytes(sm4.GCM_NONCE_BYTES), field_key_sealed=b"",
            former_keys=former,
        )  # fmt: skip
        sealed = _sealed(manifest, password, field_key)
        return description, sealed, {sealed.signing_key_name: pem, sealed.public_key_name: public}

    def _new_files(self, password: bytes) -> tuple[KeyDescription, dict[str, bytes]]:
        draw = self._random_bytes
        description, pem, public = self._new_key(password)
        manifest = _Manifest(
            format=_FORMAT,
            version=_VERSION,
            key_id=description.key_id,
            signing_key_sm3=sm3(pem),
            kdf="PBKDF2-HMAC-SM3",
            kdf_salt=draw(_SALT_BYTES),
            kdf_iterations=self._iterations,
            field_key_cipher="SM4-GCM",
            field_key_nonce=draw(sm4.GCM_NONCE_BYTES),
            field_key_sealed=b"",
        )
        manifest = _sealed(manifest, password, draw(FIELD_KEY_BYTES))
        return description, {
            SIGNING_KEY_NAME: pem,
            PUBLIC_KEY_NAME: public,
            MANIFEST_NAME: _manifest_bytes(manifest),
        }

    def _refuse_occupied(self) -> None:
        if self.exists():
            raise KeysExist(self._folder)
        try:
            if os.listdir(self._folder):
                raise KeyFolderUnusable(self._folder, "the folder is not empty")
        except FileNotFoundError:
            return
        except OSError as error:
            raise KeyFolderUnusable(self._folder, error.strerror or str(error)) from None

    def _manifest(self) -> _Manifest:
        path = self._folder / MANIFEST_NAME
        try:
            check_private_folder(self._folder)
        except FileNotFoundError:
            raise NoKeys(self._folder) from None
        except OSError:
            raise BadPermissions(self._folder, PRIVATE_FOLDER_MODE) from None
        if not self.exists():
            raise NoKeys(self._folder)
        content = self._file(MANIFEST_NAME)
        try:
            header = msgspec.json.decode(content, type=_Header)
            if header.format == _FORMAT and header.version > _VERSION_ROTATED:
                raise KeyFormatUnknown(path)
            is_rotated = header.version == _VERSION_ROTATED
            manifest = msgspec.json.decode(content, type=_RotatedManifest if is_rotated else _Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise KeyFileDamaged(path) from None
        is_ours = manifest.format == _FORMAT and manifest.version in (_VERSION, _VERSION_ROTATED)
        if not is_ours or manifest.check != manifest.expected_check() or not _is_usable(manifest):
            raise KeyFileDamaged(path)
        return manifest

    def _file(self, name: str) -> bytes:
        path = self._folder / name
        try:
            content = read_private_file(path, _MAX_FILE_BYTES)
        except PermissionError:
            raise BadPermissions(path, PRIVATE_FILE_MODE) from None
        except OSError:
            raise KeyFileDamaged(path) from None
        if len(content) > _MAX_FILE_BYTES:
            raise KeyFileDamaged(path)
        return content


def _is_usable(manifest: _Manifest) -> bool:
    """Whether the numbers in the file may be worked with (a changed count must not keep us busy for an hour)."""
    return (
        1 <= manifest.kdf_iterations <= _MAX_ITERATIONS
        and len(manifest.field_key_nonce) == sm4.GCM_NONCE_BYTES
        and len(manifest.kdf_salt) == _SALT_BYTES
        and manifest.key_id.isascii()
        and all(former.is_usable() for former in manifest.former)
    )


def _points(manifest: _Manifest, present: PublicKey) -> dict[str, bytes]:
    return {
        manifest.key_id: present.point,
        **{former.key_id: former.public_point for former in manifest.former},
    }


_AnyManifest = TypeVar("_AnyManifest", bound=_Manifest)


def _sealed(manifest: _AnyManifest, password: bytes, field_key: bytes) -> _AnyManifest:
    """The manifest with the field key sealed in it."""
    wrapping_key = pbkdf2_hmac_sm3(password, manifest.kdf_salt, manifest.kdf_iterations, sm4.KEY_BYTES)
    sealed = sm4.gcm_seal(wrapping_key, manifest.field_key_nonce, field_key, manifest.associated())
    manifest = msgspec.structs.replace(manifest, field_key_sealed=sealed)
    return msgspec.structs.replace(manifest, check=manifest.expected_check())


def _manifest_bytes(manifest: _Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
