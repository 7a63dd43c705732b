"""What the recovery tests share: a disk in memory."""

from tests.memory_disk import tmp_path

__all__ = ["tmp_path"]
