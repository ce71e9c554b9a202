"""Records of TFRecord files found by their frames, a block at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c
import numpy as np
import numpy.typing as npt

from forebay.pipelines.sinks.tfrecords.frames import (
    BAD_DATA,
    BAD_LENGTH,
    WHOLE,
    find_frames,
)
from forebay.pipelines.sources.text.ranges import GuardedReader, Readable
from forebay.pipelines.tfrecord_format import (
    CHECKSUM_BYTES,
    FRAME_BYTES,
    HEAD_BYTES,
    LENGTH_BYTES,
    MASK_DELTA,
)
from forebay.transforms.errors import InputError

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
# So much of a file is in memory at once, and read together; a longer record is read piece by piece.
_BLOCK_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20
_ENDS = "the file ends within it"
_DAMAGE = {
    BAD_LENGTH: "the checksum of its length is another",
    BAD_DATA: "its checksum is another",
}


class Frame(NamedTuple):
    """A record and where it starts in the file; ``data`` is cut where it is too long."""

    offset: int
    data: bytes
    size: int


class Frames(NamedTuple):
    """Records that follow one another.

    Attributes:
        offsets: where each starts in the file, int64 (n,).
        sizes: how long their data are, int64 (n,).
        data: these, cut where they are too long, n of them.
    """

    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    data: list[bytes]

    def part(self, rows: slice) -> Frames:
        """Returns some of them."""
        return Frames(self.offsets[rows], self.sizes[rows], self.data[rows])

    def without(self, mask: npt.NDArray[np.bool_]) -> Frames:
        """Returns those of which the mask, bool (n,), is False."""
        data = [record for record, out in zip(self.data, mask.tolist(), strict=True) if not out]
        return Frames(self.offsets[~mask], self.sizes[~mask], data)

    def each(self) -> Iterator[Frame]:
        """Yields them one by one."""
        return map(Frame, self.offsets.tolist(), self.data, self.sizes.tolist())


def begins_record(head: bytes) -> bool:
    """Tells whether a file begins as a TFRecord file does: a length and its checksum."""
    if len(head) < HEAD_BYTES:
        return False
    (length,), (checksum,) = _LENGTH.unpack_from(head), _CHECKSUM.unpack_from(head, LENGTH_BYTES)
    return bool(checksum == _masked(google_crc32c.value(head[:LENGTH_BYTES]))) and length > 0


def _masked(crc: int) -> int:
    """Returns what the kernels' `masked` does: to load these takes a third of a second."""
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def read_frames(
    path: str, stream: Readable, offset: int, end: int | None, keep: int
) -> Iterator[Frames]:
    """Yields the records of a stream, a block's together, their checksums checked.

    Args:
        path: the file, for errors.
        stream: is at the offset of a record.
        offset: that offset.
        end: where the last record ends; None: where the stream does.
        keep: so many bytes, and one more, are kept of each record.

    Raises:
        InputError: a record is damaged.
    """
    source = GuardedReader(stream, path)
    data = b""
    while end is None or offset < end:
        wanted = _BLOCK_BYTES if end is None else min(_BLOCK_BYTES, end - offset)
        data += source.read(wanted - len(data))
        if not data:
            return
        starts, sizes = np.zeros((2, len(data) // FRAME_BYTES), np.int64)
        count, used, state = find_frames(np.frombuffer(data, np.uint8), starts, sizes)
        if count:
            starts, sizes = starts[:count], sizes[:count]
            spans = zip(starts.tolist(), np.minimum(sizes, keep + 1).tolist(), strict=True)
            records = [data[start : start + size] for start, size in spans]
            yield Frames(offset + starts - HEAD_BYTES, sizes, records)
        elif state == WHOLE:
            try:
                size, kept = _long_record(source, data, keep)
            except ValueError as error:
                raise _damaged(path, offset, str(error)) from error
            yield Frames(np.array([offset]), np.array([size]), [kept])
            used = size + FRAME_BYTES
        offset, data = offset + int(used), data[int(used) :]
        if state != WHOLE:
            raise _damaged(path, offset, _DAMAGE[state])


def _long_record(source: GuardedReader, head: bytes, keep: int) -> tuple[int, bytes]:
    """Reads a record that does not end within its ``head``; returns its size and beginning.

    Raises:
        ValueError: it is damaged.
    """
    if len(head) < HEAD_BYTES:
        raise ValueError(_ENDS)
    (size,) = _LENGTH.unpack_from(head)
    crc, kept, left, part = 0, b"", size, head[HEAD_BYTES:]
    while True:
        crc, kept = google_crc32c.extend(crc, part[:left]), (kept + part[:left])[: keep + 1]
        part, left = part[left:], max(0, left - len(part))
        if not left:
            break
        part = source.read(min(left, _PIECE_BYTES))
        if not part:
            raise ValueError(_ENDS)
    tail = part + source.read(CHECKSUM_BYTES - len(part))
    if len(tail) < CHECKSUM_BYTES:
        raise ValueError(_ENDS)
    if _CHECKSUM.unpack(tail)[0] != _masked(crc):
        raise ValueError(_DAMAGE[BAD_DATA])
    return size, kept


def _damaged(path: str, offset: int, why: str) -> InputError:
    return InputError(
        f"{path}: the record at byte {offset} is damaged ({why}); copy or write the file again"
    )
