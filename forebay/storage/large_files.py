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
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]

# Written at a time: disks take no more at once, and a worker thread has little more than that.
BLOCK_BYTES = 4 << 20
# What an operating system calls a file that the cache is not asked for; 0: it has no such files.
_DIRECT = getattr(os, "O_DIRECT", 0)
# Blocks that no file has at the moment. Pages that were used before cost nothing.
_free: list[ByteArray] = []
# Files that are written to at the same time; each waits for the disk, and takes no processor.
_WRITERS = 8


class LargeFile(io.RawIOBase):
    """A new file, in place of the one before; from its first block on it bypasses the page cache.

    While the disk takes a block, the next one is filled. What is smaller than a block is written
    as other files are, and so is all of it where the disk cannot bypass the cache.

    Args:
        path: the file, on a local disk.

    Raises:
        OSError: it cannot be written, which a later `write`, or `close`, may be the first to tell.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        self._block = _taken()
        self._held = 0
        self._under_way: Future[ByteArray] | None = None
        self._direct = _DIRECT
        self._bypasses = False

    def writable(self) -> bool:
        """Returns that it is."""
        return True

    def write(self, content: Any) -> int:
        """Writes bytes, of any format, behind the others, and returns how many."""
        rest = np.frombuffer(content, np.uint8)
        size = len(rest)
        while len(rest):
            end = min(self._held + len(rest), BLOCK_BYTES)
            taken = end - self._held
            self._block[self._held : end] = rest[:taken]  # other threads run meanwhile
            self._held, rest = end, rest[taken:]
            if end == BLOCK_BYTES:
                self._wait()
                self._bypass(True)
                self._under_way = _writers().submit(self._put, self._block, self._held)
                self._block, self._held = _taken(), 0
        return size

    def close(self) -> None:
        """Writes what is held, waits for the disk, and closes the file."""
        if self.closed:
            return
        try:
            self._wait()
            self._bypass(False)  # which takes whole pages only
            self._put(self._block, self._held)
        finally:
            super().close()
            os.close(self._file)
            _free.append(self._block)

    def _wait(self) -> None:
        """Waits for the block that the disk takes."""
        if self._under_way is not None:
            waited, self._under_way = self._under_way, None
            _free.append(waited.result())

    def _put(self, block: ByteArray, size: int) -> ByteArray:
        """Writes what a block holds, and returns it."""
        written = 0
        while written < size:
            try:
                written += os.write(self._file, block[written:size].data)
            except OSError as error:
                if error.errno != errno.EINVAL or not self._bypasses:
                    raise
                self._bypass(False)  # its file system promised what the disk cannot do
                self._direct = 0
        return block

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


def _taken() -> ByteArray:
    try:
        return _free.pop()
    except IndexError:  # what bypasses the cache must begin where a page does
        return np.frombuffer(mmap.mmap(-1, BLOCK_BYTES), np.uint8)


@cache
def _writers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WRITERS, thread_name_prefix="large-files")
