"""A folder with one software SM2 key and the key for the journal's encrypted fields, both under one password.

    keys.json           what belongs together: key id, digests, and the wrapped field key
    signing-key.pem     the SM2 key, encrypted PKCS#8 (OpenSSL reads it too)
    public-key.pem      its public half, for whoever has to register it

The field key is 16 random bytes, sealed by SM4-GCM under a key derived from the password by PBKDF2-HMAC-SM3, bound to
the id of the signing key. Opening both takes about 0.13 s of one core, on purpose: call `unlock` in a worker thread.

The three files appear together or not at all: they are written to a folder beside, brought to the disk, opened once
with the same password, and only then renamed to the name asked for.
"""

import errno
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
    remove_folder,
    write_folder,
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
"""Rounds of PBKDF2-HMAC-SM3: about 55 ms of one core on a small 2-core machine."""

_FORMAT: Final = "yibao-keys"
_VERSION: Final = 1
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

    def expected_check(self) -> bytes:
        return sm3(msgspec.json.encode(msgspec.structs.replace(self, check=b"")))

    def associated(self) -> bytes:
        """What the sealed field key is bound to."""
        return f"{_FORMAT} {_VERSION} field key of {self.key_id}".encode("ascii")


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

    def unlock(self, password: bytes) -> UnlockedKeys:
        """Open the keys.

        Raises `NoKeys`, `BadPermissions`, `KeyFormatUnknown`, `KeyFileDamaged` or `WrongPassword`. The digests are
        checked before the password is tried, so a damaged file is not reported as a wrong password.
        """
        manifest = self._manifest()
        pem = self._file(SIGNING_KEY_NAME)
        if sm3(pem) != manifest.signing_key_sm3:
            raise KeyFileDamaged(self._folder / SIGNING_KEY_NAME)
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
            raise KeyFileDamaged(self._folder / SIGNING_KEY_NAME) from None
        if describe(key.public_key).key_id != manifest.key_id or len(field_key) != FIELD_KEY_BYTES:
            raise KeyFileDamaged(self._folder / MANIFEST_NAME)
        return UnlockedKeys(SoftwareSigner(key), field_key)

    def public_key(self) -> PublicKey:
        """Return the public half, without a password; raises like `unlock`, but for `WrongPassword`."""
        manifest = self._manifest()
        try:
            key = PublicKey.from_pem(self._file(PUBLIC_KEY_NAME))
        except InvalidKey:
            raise KeyFileDamaged(self._folder / PUBLIC_KEY_NAME) from None
        if describe(key).key_id != manifest.key_id:
            raise KeyFileDamaged(self._folder / PUBLIC_KEY_NAME)
        return key

    def _new_files(self, password: bytes) -> tuple[KeyDescription, dict[str, bytes]]:
        draw = self._random_bytes
        key = PrivateKey.generate(draw)
        description = describe(key.public_key)
        pem = key.to_encrypted_pem(
            password,
            draw(_SALT_BYTES),
            draw(sm4.BLOCK_BYTES),
            self._iterations * _CONTAINER_ITERATIONS_FACTOR,
        )
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
        wrapping_key = pbkdf2_hmac_sm3(password, manifest.kdf_salt, manifest.kdf_iterations, sm4.KEY_BYTES)
        sealed = sm4.gcm_seal(
            wrapping_key, manifest.field_key_nonce, draw(FIELD_KEY_BYTES), manifest.associated()
        )
        manifest = msgspec.structs.replace(manifest, field_key_sealed=sealed)
        manifest = msgspec.structs.replace(manifest, check=manifest.expected_check())
        return description, {
            SIGNING_KEY_NAME: pem,
            PUBLIC_KEY_NAME: key.public_key.to_pem(),
            MANIFEST_NAME: msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n",
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
            if header.format == _FORMAT and header.version > _VERSION:
                raise KeyFormatUnknown(path)
            manifest = msgspec.json.decode(content, type=_Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise KeyFileDamaged(path) from None
        is_ours = manifest.format == _FORMAT and manifest.version == _VERSION
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
    )
