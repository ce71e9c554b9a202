"""The records of a TFRecord file, each with its place, their checksums checked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c

from forebay.pipelines.sources.text.ranges import Readable
from forebay.pipelines.tfrecord_format import FRAME_BYTES, LENGTH_BYTES, MASK_DELTA
from forebay.transforms.errors import InputError

_HEAD, _TAIL = struct.Struct("<QI"), struct.Struct("<I")
_AT_ONCE = 1 << 20


class Frame(NamedTuple):
    """A record and where it starts in the file; ``data`` is cut where it is too long."""

    offset: int
    data: bytes
    size: int

    @property
    def end(self) -> int:
        """Where the next record starts."""
        return self.offset + self.size + FRAME_BYTES


def begins_record(head: bytes) -> bool:
    """Tells whether a file begins as a TFRecord file does: a length and its checksum."""
    if len(head) < _HEAD.size:
        return False
    length, checksum = _HEAD.unpack_from(head)
    return bool(checksum == _masked(head[:LENGTH_BYTES])) and length > 0


def frames_of(
    source: Readable, path: str, offset: int, end: int | None, keep: int
) -> Iterator[Frame]:
    """Yields the records of a stream.

    Args:
        source: the stream, at the offset of a record.
        path: its name, for errors.
        offset: the offset of that record, bytes.
        end: the offset to stop at, bytes; None: at the end of the file.
        keep: how many bytes of each record are kept; of a longer one, one more.

    Raises:
        InputError: a record is cut off, or its checksums are others.
    """
    while end is None or offset < end:
        head = source.read(_HEAD.size)
        if not head:
            return
        try:
            size, kept = _read(source, head, keep)
        except ValueError as error:
            raise InputError(
                f"{path}: the record at byte {offset} is damaged ({error}); copy or write the "
                "file again"
            ) from error
        frame = Frame(offset, kept, size)
        yield frame
        offset = frame.end


def _read(source: Readable, head: bytes, keep: int) -> tuple[int, bytes]:
    """Reads a record whose head was read; returns its size, and its data as far as it is kept."""
    if len(head) < _HEAD.size:
        raise ValueError("the file ends within it")
    size, checksum = _HEAD.unpack(head)
    if checksum != _masked(head[:LENGTH_BYTES]):
        raise ValueError("the checksum of its length is another")
    if size <= _AT_ONCE:
        data = source.read(size)
        if len(data) < size:
            raise ValueError("the file ends within it")
        crc, kept = google_crc32c.value(data), data if size <= keep else data[: keep + 1]
    else:
        crc, kept = _read_long(source, size, keep)
    tail = source.read(_TAIL.size)
    if len(tail) < _TAIL.size or _TAIL.unpack(tail)[0] != _mask(crc):
        raise ValueError("its checksum is another, or not there")
    return size, kept


def _read_long(source: Readable, left: int, keep: int) -> tuple[int, bytes]:
    """Reads a record block by block; returns its checksum, and its data as far as it is kept."""
    crc, kept = 0, b""
    while left:
        block = source.read(min(left, _AT_ONCE))
        if not block:
            raise ValueError("the file ends within it")
        crc = google_crc32c.extend(crc, block)
        kept += block[: max(0, keep + 1 - len(kept))]
        left -= len(block)
    return crc, kept


def _masked(data: bytes) -> int:
    return _mask(google_crc32c.value(data))


def _mask(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF
