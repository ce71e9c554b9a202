"""Large files on a local disk, written around the page cache.

A machine that gives its host the memory back that it does not use, as most virtual ones do, has to
ask for it anew: a gigabyte of pages written to costs two to three seconds of the processor there,
more than all that is computed of what lies on them. And nobody reads soon what is larger than the
memory.
"""

import errno
import io
import mmap
import os
from typing import Any

# Written at a time: disks take no more at once, and a worker thread has little more than that.
BLOCK_BYTES = 4 << 20
# What an operating system calls a file that the cache is not asked for; 0: it has no such files.
_DIRECT = getattr(os, "O_DIRECT", 0)
# Blocks that no file has at the moment. Pages that were used before cost nothing.
_free: list[mmap.mmap] = []


class LargeFile(io.RawIOBase):
    """A new file, in place of the one before; from its first block on it bypasses the page cache.

    Where the disk cannot do that, it is written as others are, and so is what is smaller than a
    block. All that is written must be bytes, of any format.

    Args:
        path: the file, on a local disk.

    Raises:
        OSError: it cannot be written; a full disk may be noticed by `close` only.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        self._block = _free.pop() if _free else mmap.mmap(-1, BLOCK_BYTES)
        self._held = 0
        self._direct = _DIRECT
        self._bypasses = False

    def writable(self) -> bool:
        """Returns that it is."""
        return True

    def write(self, content: Any) -> int:
        """Writes bytes behind the others, and returns how many."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        while rest:
            end = min(self._held + len(rest), BLOCK_BYTES)
            taken = end - self._held
            self._block[self._held : end] = rest[:taken]
            self._held, rest = end, rest[taken:]
            if end == BLOCK_BYTES:
                self._bypass(True)
                self._put()
        return size

    def close(self) -> None:
        """Writes what is held, and closes the file."""
        if self.closed:
            return
        try:
            if self._held:
                self._bypass(False)  # which takes whole pages only
                self._put()
        finally:
            super().close()
            os.close(self._file)
            _free.append(self._block)

    def _put(self) -> None:
        with memoryview(self._block) as block:
            written = 0
            while written < self._held:
                try:
                    written += os.write(self._file, block[written : self._held])
                except OSError as error:
                    if error.errno != errno.EINVAL or not self._bypasses:
                        raise
                    self._never_bypass()  # its file system promised what the disk cannot do
        self._held = 0

    def _bypass(self, wanted: bool) -> None:
        """Bypasses the page cache from now on, where the disk can, or no longer does."""
        if wanted == self._bypasses or not self._direct:
            return
        import fcntl  # which is there wherever such files are

        flags = fcntl.fcntl(self._file, fcntl.F_GETFL) & ~self._direct
        try:
            fcntl.fcntl(self._file, fcntl.F_SETFL, flags | self._direct * wanted)
            self._bypasses = wanted
        except OSError:  # file systems in memory say so
            self._direct = 0

    def _never_bypass(self) -> None:
        self._bypass(False)
        self._direct = 0
