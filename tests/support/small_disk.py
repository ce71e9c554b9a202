"""A disk that can be full: a small file system of its own, which only root can mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = os.sysconf("SC_PAGE_SIZE")
ROOMY = 256 << 20


class Disk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={ROOMY}", "forebay-test", str(folder))

    def leave(self, size: int) -> None:
        """Makes it so small that only some bytes are left."""
        space = os.statvfs(self.folder)
        used = (space.f_blocks - space.f_bfree) * space.f_frsize
        self._mount("-o", f"remount,size={used + size // PAGE * PAGE or PAGE}", str(self.folder))

    def grow(self) -> None:
        """Makes it roomy again."""
        self._mount("-o", f"remount,size={ROOMY}", str(self.folder))

    def close(self) -> None:
        """Takes it away, with all that is on it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)  # it may be in use

    @staticmethod
    def _mount(*arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Mounts one at a folder that is not there; skips the test where that is not allowed."""
    try:
        disk = Disk(folder)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system can be mounted by root only")
    yield disk
    disk.close()
