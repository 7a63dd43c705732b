"""Signers and verifiers behind the contract of `drivers.interfaces.signer`, and where a software key is kept.

A software key is for development, pilots, the fleet and audit keys. It is no certified module: a production
institution's hub signature belongs in a card or token, which will stand behind the same contract.
"""

from drivers.signers.errors import (
    BadPassword,
    BadPermissions,
    KeyFileDamaged,
    KeyFolderUnusable,
    KeyFormatUnknown,
    KeysExist,
    KeyStoreError,
    NoKeys,
    NoPasswordFile,
    WrongPassword,
)
from drivers.signers.files import read_private_file
from drivers.signers.key_store import SoftwareKeyStore, UnlockedKeys
from drivers.signers.password_file import read_password_file
from drivers.signers.ring import PinnedKey, VerifierRing
from drivers.signers.software import Sm2Verifier, SoftwareSigner, describe

__all__ = [
    "BadPassword",
    "BadPermissions",
    "KeyFileDamaged",
    "KeyFolderUnusable",
    "KeyFormatUnknown",
    "KeyStoreError",
    "KeysExist",
    "NoKeys",
    "NoPasswordFile",
    "PinnedKey",
    "Sm2Verifier",
    "SoftwareKeyStore",
    "SoftwareSigner",
    "UnlockedKeys",
    "VerifierRing",
    "WrongPassword",
    "describe",
    "read_password_file",
    "read_private_file",
]
