"""What can go wrong with stored keys, in words a technician can act on.

    KeyStoreError
    ├── NoKeys              nothing there yet
    ├── KeysExist           something is there already, and it is never overwritten
    ├── WrongPassword       the files are whole, the password is not theirs
    ├── BadPermissions      somebody else may read or change the file
    ├── KeyFileDamaged      the bytes are not those that were written
    ├── KeyFormatUnknown    written by a newer version
    ├── KeyFolderUnusable   cannot be written: full, read-only, not a folder
    ├── NoPasswordFile      the password file is not there or cannot be read
    └── BadPassword         empty, too long, or more than one line

After any of them the stored keys are as they were before. The texts name files and never contain a byte of a key or a
password.
"""

from pathlib import Path


class KeyStoreError(Exception):
    """Base; `kind` is a machine word, `str()` says in Chinese and English what to do."""

    kind = "key_store"

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese} / {english}")
        self.chinese = chinese
        self.english = english


class NoKeys(KeyStoreError):
    """There is no key in the folder."""

    kind = "no_keys"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} 中没有密钥。请先运行 yibao keys create。",
            f"There are no keys in {folder}. Run yibao keys create first.",
        )


class KeysExist(KeyStoreError):
    """The folder already holds keys; creating would lose them."""

    kind = "keys_exist"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} 中已有密钥，不会覆盖。如需新密钥，请指定另一个文件夹。",
            f"{folder} already holds keys, which are never overwritten. For new keys, name another folder.",
        )


class WrongPassword(KeyStoreError):
    """The password does not open the keys."""

    kind = "wrong_password"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"密码打不开 {folder} 中的密钥。请检查密码文件是否属于这台终端。",
            f"This password does not open the keys in {folder}. Check that the password file belongs to this terminal.",
        )


class BadPermissions(KeyStoreError):
    """A file or folder with secrets can be read or changed by others, or is not ours."""

    kind = "bad_permissions"

    def __init__(self, path: Path, mode: int) -> None:
        """`mode` is the one it should have, for the advice."""
        super().__init__(
            f"{path} 的权限不安全，或不属于运行本程序的用户。请运行 chmod {mode:o} 并检查所有者 (chown)。",
            f"{path} is open to others or not owned by the user running this program. "
            f"Run chmod {mode:o} on it and check its owner (chown).",
        )


class KeyFileDamaged(KeyStoreError):
    """A file of the key folder is missing, cut or changed."""

    kind = "key_file_damaged"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} 已损坏或缺失。请从备份恢复整个密钥文件夹；没有备份时，须生成新密钥并重新登记。",
            f"{path} is damaged or missing. Restore the whole key folder from its backup; without a backup, create new "
            "keys and have them registered again.",
        )


class KeyFormatUnknown(KeyStoreError):
    """The key folder was written by a version we do not know."""

    kind = "key_format_unknown"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} 由更新的版本写成，本版本不认识。请升级后再启动。",
            f"{path} was written by a newer version than this one. Upgrade, then start again.",
        )


class KeyFolderUnusable(KeyStoreError):
    """Keys could not be stored; nothing was left behind that looks like keys."""

    kind = "key_folder_unusable"

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"无法在 {folder} 保存密钥 ({reason})。请检查磁盘空间、上级文件夹和写权限后重试。",
            f"Keys cannot be stored in {folder} ({reason}). Check free space, the parent folder and write permission, "
            "then try again.",
        )


class NoPasswordFile(KeyStoreError):
    """The password file is not there or cannot be read."""

    kind = "no_password_file"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"无法读取密码文件 {path} ({reason})。请按配置放置该文件，权限 600。",
            f"The password file {path} cannot be read ({reason}). Put it where the configuration says, with mode 600.",
        )


class BadPassword(KeyStoreError):
    """The password cannot be used: empty, longer than 1024 bytes, or with control characters."""

    kind = "bad_password"

    def __init__(self) -> None:
        super().__init__(
            "密码须为一行文字，1 至 1024 字节，不含控制字符（例如 Windows 换行）。",
            "The password must be one line of 1 to 1024 bytes without control characters (such as Windows line ends).",
        )
