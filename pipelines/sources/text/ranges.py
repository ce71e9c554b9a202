"""Cutting CSV text into stretches of whole records that can be read by themselves.

A cut lies at the start of a record, found by one exact pass
(:mod:`forebay.pipelines.sources.text.records`). Reading a stretch as if it were a whole file gives
the same records and the same rejects as reading everything at once: a record whose quotes are
closed lies in one stretch with all its bytes, good or not; a line that is rejected alone stays
rejected when the bytes after its stretch are gone, since what was no record with them is an
unclosed quote without them; and its reason depends on the line alone.

Memory stays bounded whatever the text. A line that does not end within the window in which it
proves too long ends its stretch there; the rest of the line belongs to no stretch.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from forebay.pipelines.sources.inputs import Stretch
from forebay.pipelines.sources.text.record_ends import Int64Array
from forebay.pipelines.sources.text.records import scan_records
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

_PLAN_BLOCK_BYTES = 4 << 20
_LINE_END = re.compile(rb"[\r\n]")
# What Python says of bytes after gzip that do not begin as gzip does.
_NO_GZIP = re.compile(r"Not a gzipped file \((.*)\)")


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Returns up to ``size`` bytes, none at the end only."""
        ...


class GuardedReader:
    """Reads a stream in full blocks; damaged gzip and another encoding become an InputError.

    Attributes:
        count: number of bytes read so far.
    """

    def __init__(self, stream: Readable, source: str) -> None:
        self._stream = stream
        self._source = source
        self.count = 0

    def read(self, size: int) -> bytes:
        """Returns the next ``size`` bytes, fewer only at the end of the stream.

        Raises:
            InputError: the stream decompresses gzip that is truncated or corrupt, or is followed by
                other bytes; or it decodes what lacks the mark of its encoding.
        """
        parts: list[bytes] = []
        wanted = size
        while wanted > 0:
            try:
                part = self._stream.read(wanted)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise InputError(f"{self._source}: {_gzip_fault(error, self.count)}") from error
            except UnicodeError as error:
                raise InputError(
                    f"{self._source}: cannot be decoded ({error}); name the encoding that it is "
                    "written in, such as CsvFormat(encoding='utf-16-le')"
                ) from error
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
            self.count += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> None:
        """Reads ``size`` bytes, or what there is, and forgets them."""
        end = self.count + size
        while self.count < end and self.read(min(end - self.count, _PLAN_BLOCK_BYTES)):
            pass


def _gzip_fault(error: Exception, count: int) -> str:
    """Returns what is wrong with gzip of which some bytes of text were read, and the cure."""
    cure = "copy or export the file again and check it with 'gzip --test'"
    other = _NO_GZIP.search(str(error))
    if other is not None:
        return f"the gzip data are followed by bytes that are none ({other[1]}); {cure}"
    return f"after {count} bytes of text the gzip data are truncated or corrupt ({error}); {cure}"


@dataclass(frozen=True)
class _Window:
    """Whole records of the text.

    Attributes:
        starts: int64 (n,), offsets of the records in the text.
        offset: where the window starts in the text.
        data: its bytes.
        resume: where the next window starts, after ``offset + len(data)`` only if the rest of
            a line too long lies between.
    """

    starts: Int64Array
    offset: int
    data: bytes
    resume: int


def plan_ranges(
    stream: Readable,
    format: CsvFormat,
    columns_count: int,
    max_record_bytes: int,
    target_bytes: int,
    start_offset: int,
    source: str = "",
) -> Iterator[Stretch]:
    """Cuts a file at record starts, in one sequential pass.

    Args:
        stream: the file's bytes, at their start.
        format: the dialect.
        columns_count: the number of fields of a good record.
        max_record_bytes: greatest length of a record, line end excluded.
        target_bytes: a range ends before the first record that starts this far into it.
        start_offset: where the records start, after a byte-order mark and a header.
        source: the file's name, for errors (gzip only).

    Yields:
        Ranges in order. Together they cover the text from ``start_offset``, save the rest of
        lines that fill a whole window.
    """
    reader = GuardedReader(stream, source)
    begin = end = start_offset
    for window in _windows(
        reader, format, columns_count, max_record_bytes, _PLAN_BLOCK_BYTES, start_offset
    ):
        index = int(window.starts.searchsorted(begin + target_bytes))
        while index < len(window.starts):
            cut = int(window.starts[index])
            yield Stretch(begin, cut)
            begin = cut
            index = int(window.starts.searchsorted(begin + target_bytes))
        end = window.offset + len(window.data)
        if window.resume > end:
            yield Stretch(begin, end)
            begin = end = window.resume
    if begin < end:
        yield Stretch(begin, end)


def read_chunks(
    stream: Readable,
    format: CsvFormat,
    columns_count: int,
    max_record_bytes: int,
    target_bytes: int,
    start_offset: int,
    source: str,
) -> Iterator[tuple[int, bytes]]:
    """Reads text that can only be read from its start, such as gzip, in chunks of whole records.

    Args:
        stream: the text's bytes, at their start; ``gzip.GzipFile`` for a compressed file, as it
            notices truncation.
        format: the dialect.
        columns_count: the number of fields of a good record.
        max_record_bytes: greatest length of a record, line end excluded.
        target_bytes: about the length of a chunk.
        start_offset: where the records start, after a byte-order mark and a header.
        source: the file's name, for errors.

    Yields:
        the chunk's offset in the text and its bytes.

    Raises:
        InputError: the gzip data are truncated or corrupt.
    """
    reader = GuardedReader(stream, source)
    for window in _windows(
        reader, format, columns_count, max_record_bytes, target_bytes, start_offset
    ):
        if len(window.data):
            yield window.offset, window.data


def _windows(
    reader: GuardedReader,
    format: CsvFormat,
    columns_count: int,
    max_record_bytes: int,
    block_bytes: int,
    start_offset: int,
) -> Iterator[_Window]:
    """Yields the text as windows of whole records; the carried remainder is under one record."""
    reader.skip(start_offset)
    carry, offset, is_last = b"", start_offset, False
    while not is_last:
        wanted = max(block_bytes, len(carry))  # doubling, where a record is long
        block = reader.read(wanted)
        is_last = len(block) < wanted
        data = carry + block
        records = scan_records(data, format, columns_count, max_record_bytes, is_last=is_last)
        start, offset, end = offset, offset + records.consumed, records.consumed
        carry = data[records.consumed :]
        if records.in_long_line:
            skipped, carry = _skip_line(reader, carry)
            offset, end = offset + skipped, int(records.ends[-1])
        yield _Window(records.starts + start, start, data[:end], offset)


def _skip_line(reader: GuardedReader, rest: bytes) -> tuple[int, bytes]:
    """Skips the rest of a line with the first byte of its line end.

    Returns:
        the number of bytes skipped and the bytes read beyond them.
    """
    skipped = 0
    while True:
        found = _LINE_END.search(rest)
        if found:
            return skipped + found.end(), rest[found.end() :]
        skipped += len(rest)
        rest = reader.read(_PLAN_BLOCK_BYTES)
        if not rest:
            return skipped, rest
