"""Where the records of a CSV file begin and end, decided exactly.

The rules are those of RFC 4180, made strict:

- A record ends at LF, CRLF or a lone CR outside quotes. Blank lines are no records.
- A quote means something at the start of a field only; elsewhere in an unquoted field it is text.
- Inside a quoted field, a quote is followed by another quote (one literal quote), by the
  delimiter, by a line end or by the end of the file. Anything else is a mistake.

A mistake costs one line. A line that starts no well-formed record of the right number of fields
and of at most ``max_record_bytes`` bytes is rejected alone, and reading resumes at the next line,
so that a stray quote cannot swallow what follows it.

What becomes of a line therefore depends on the bytes from it to the end of its record, and its
status, where it is rejected, on the line alone. Hence any stretch of whole records can be read by
itself with the same result (see :mod:`forebay.pipelines.sources.csv.ranges`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.transforms.compiled import compiled
from forebay.transforms.definition.columns import CsvFormat

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
Int8Array = npt.NDArray[np.int8]
ByteArray = npt.NDArray[np.uint8]

OK = 0
ARITY = 1  # a single line, well formed, with another number of fields than expected
MALFORMED_QUOTE = 2  # on the first line, a closing quote is followed by text
UNCLOSED_QUOTE = 3  # the first line ends inside quotes and no acceptable record comes of it
TOO_LONG = 4  # the first line alone exceeds the limit

ANY_ARITY = -1  # columns_count where every number of fields will do

_INCOMPLETE = -1  # the record's fate depends on bytes after the buffer
_NO_QUOTE = -1
_LF, _CR = 10, 13
# Classes of bytes in the scanner's tables.
_PLAIN, _DELIMITER, _LINE_END, _QUOTE = 0, 1, 2, 3
# Kernels index by np.uintp: signed indices are tested for being negative, at half the speed.
# How the search for a record's end can come out.
_ENDED, _OPEN, _BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Records:
    """The records of a buffer, n of them, in order.

    Attributes:
        starts: int64 (n,), offset of the first byte in the buffer.
        ends: int64 (n,), offset after the last byte, line end excluded. For TOO_LONG it is
            cut to one byte more than the limit.
        statuses: int8 (n,), OK, ARITY, MALFORMED_QUOTE, UNCLOSED_QUOTE or TOO_LONG.
        fields: int32 (n,), number of fields, 0 where the status is neither OK nor ARITY.
        consumed: number of bytes from the buffer's start that these records and the blank
            lines between them take; the rest is the start of an unfinished record.
        in_long_line: whether the last record is a line too long that continues after
            ``consumed``; the caller skips its rest, line end included.
    """

    starts: Int64Array
    ends: Int64Array
    statuses: Int8Array
    fields: Int32Array
    consumed: int
    in_long_line: bool


def scan_records(
    data: bytes | memoryview,
    format: CsvFormat,
    columns_count: int,
    max_record_bytes: int,
    *,
    is_last: bool,
    most: int = sys.maxsize,
) -> Records:
    """Finds the records of a buffer that starts at the start of a line.

    Args:
        data: the buffer.
        format: the dialect.
        columns_count: the number of fields of a good record, or ANY_ARITY.
        max_record_bytes: greatest length of a record, line end excluded.
        is_last: whether the file, or the stretch to be read by itself, ends with the buffer. If
            not, scanning stops before the first record that may continue. A buffer of
            ``max_record_bytes + 1`` bytes always holds a whole record or a line too long.
        most: scanning stops after this many records.
    """
    view = np.frombuffer(data, np.uint8)
    view.flags.writeable = False  # one compiled variant for every kind of buffer
    quote = _NO_QUOTE if format.quote is None else ord(format.quote)
    outside, inside = _byte_classes(ord(format.delimiter), quote)
    starts, ends, statuses, fields, consumed, in_long_line = _scan(
        view, is_last, outside, inside, columns_count, max_record_bytes, most
    )
    return Records(starts, ends, statuses, fields, int(consumed), bool(in_long_line))


def _byte_classes(delimiter: int, quote: int) -> tuple[ByteArray, ByteArray]:
    """Returns two uint8 (256,) tables of byte classes, outside and inside quotes."""
    outside, inside = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    outside[[_LF, _CR]] = inside[[_LF, _CR]] = _LINE_END
    outside[delimiter] = _DELIMITER
    if quote != _NO_QUOTE:
        outside[quote] = inside[quote] = _QUOTE
    return outside, inside


@compiled
def _scan(
    data: ByteArray,
    is_last: bool,
    outside: ByteArray,
    inside: ByteArray,
    columns_count: int,
    limit: int,
    most: int,
) -> Any:
    """Fills the attributes of :class:`Records`, as a tuple in their order."""
    n = data.size
    capacity = max(16, n // 32)
    starts, ends = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    statuses, fields = np.empty(capacity, np.int8), np.empty(capacity, np.int32)
    count, position, in_long_line = 0, 0, False
    while position < n and count < most and not in_long_line:
        if outside[data[np.uintp(position)]] == _LINE_END:  # a blank line
            position = _after_line_end(data, position)
            continue
        status, found, end, following = _read_record(
            data, position, is_last, outside, inside, columns_count, limit
        )
        if following == _INCOMPLETE:
            if status != TOO_LONG:
                break
            in_long_line, following = True, end
            end = position + limit + 1
        if count == capacity:
            capacity *= 2
            starts, ends = _grown(starts, capacity), _grown(ends, capacity)
            statuses, fields = _grown(statuses, capacity), _grown(fields, capacity)
        starts[count], ends[count] = position, end
        statuses[count], fields[count] = status, found
        count += 1
        position = following
    return (
        starts[:count], ends[:count], statuses[:count], fields[:count], position, in_long_line
    )  # fmt: skip


@compiled
def _grown(old: Any, capacity: int) -> Any:
    new = np.empty(capacity, old.dtype)
    new[: old.size] = old
    return new


@compiled
def _after_line_end(data: ByteArray, position: int) -> int:
    """Returns where the next line starts. The LF of a CRLF cut in two makes a blank line."""
    following = position + 1
    if data[np.uintp(position)] == _CR and following < data.size:
        following += data[np.uintp(following)] == _LF
    return following


@compiled
def _read_record(
    data: ByteArray,
    start: int,
    is_last: bool,
    outside: ByteArray,
    inside: ByteArray,
    columns_count: int,
    limit: int,
) -> tuple[int, int, int, int]:
    """Reads one record, or rejects its first line.

    Returns:
        status, number of fields, end and start of the next line; the last is _INCOMPLETE where
        the buffer ends too early. In a TOO_LONG line without an end, ``end`` is the offset from
        which its rest must be skipped.
    """
    stop = min(data.size, start + limit + 1)  # a line end may be at start + limit
    outcome, fields, i, first_end = _find_end(data, start, stop, outside, inside, columns_count)
    too_long = i == stop and stop - start > limit
    if i == stop and not too_long and not is_last:
        return OK, 0, i, _INCOMPLETE
    if outcome == _ENDED and not too_long:
        following = i if i == data.size else _after_line_end(data, i)
        if columns_count < 0 or fields == columns_count:
            return OK, fields, i, following
        if first_end < 0:
            return ARITY, fields, i, following
    status = MALFORMED_QUOTE if outcome == _BROKEN and first_end < 0 else UNCLOSED_QUOTE
    end = first_end if first_end >= 0 else i
    return _reject_line(data, start, end, status, is_last, outside, limit)


@compiled
def _find_end(
    data: ByteArray,
    start: int,
    stop: int,
    outside: ByteArray,
    inside: ByteArray,
    columns_count: int,
) -> tuple[int, int, int, int]:
    """Looks for the end of a record.

    A record that goes on after its first line is given up as soon as it has too many fields.
    This bounds the work: a line that by itself leaves a quote open closes and opens at least one
    field of any record that started before it, so a byte is looked at no more often than
    ``columns_count + 2`` times, however many lines open a quote.

    Returns:
        _ENDED (outside quotes, at a line end or at ``stop``), _OPEN (inside quotes, at ``stop``)
        or _BROKEN; the number of fields; the offset reached; where the first line ends if it
        proved to be inside quotes, or else -1.
    """
    first_end, i, fields = -1, start, 1
    while True:  # at the start of a field
        if i == stop or outside[data[np.uintp(i)]] != _QUOTE:
            i, fields = _skip_unquoted(data, i, stop, outside, fields)
            if i == stop or outside[data[np.uintp(i)]] == _LINE_END:
                return _ENDED, fields, i, first_end
        else:
            i, closed, first_end = _skip_quoted(data, i + 1, stop, inside, first_end)
            if not closed:
                return _OPEN, fields, i, first_end
            if i == stop or outside[data[np.uintp(i)]] == _LINE_END:
                return _ENDED, fields, i, first_end
            if outside[data[np.uintp(i)]] != _DELIMITER:
                return _BROKEN, fields, i, first_end
            i, fields = i + 1, fields + 1
        if first_end >= 0 and 0 <= columns_count < fields:
            return _BROKEN, fields, i, first_end


@compiled
def _skip_quoted(
    data: ByteArray, i: int, stop: int, inside: ByteArray, first_end: int
) -> tuple[int, bool, int]:
    """Goes from inside quotes to after the closing one, or to ``stop``.

    Returns:
        the offset reached, whether the quotes were closed, and ``first_end``, set to the first
        line end met if it was -1.
    """
    while True:
        while i < stop and inside[data[np.uintp(i)]] == _PLAIN:
            i += 1
        if i >= stop:
            return stop, False, first_end
        if inside[data[np.uintp(i)]] == _LINE_END:
            if first_end < 0:
                first_end = i
            i += 1
        elif i + 1 < stop and inside[data[np.uintp(i + 1)]] == _QUOTE:
            i += 2
        else:
            return i + 1, True, first_end


@compiled
def _skip_unquoted(
    data: ByteArray, i: int, stop: int, outside: ByteArray, fields: int
) -> tuple[int, int]:
    """Goes over unquoted fields to ``stop``, a line end or a quote that opens a field.

    The byte at ``i`` is no quote.
    """
    while True:
        # Counting instead of branching at delimiters: one misprediction a line, not one a field.
        while i < stop:
            kind = outside[data[np.uintp(i)]]
            if kind > _DELIMITER:
                break
            fields += kind
            i += 1
        if i == stop or outside[data[np.uintp(i)]] == _LINE_END:
            return i, fields
        if outside[data[np.uintp(i - 1)]] == _DELIMITER:
            return i, fields
        i += 1


@compiled
def _reject_line(
    data: ByteArray,
    start: int,
    end: int,
    status: int,
    is_last: bool,
    outside: ByteArray,
    limit: int,
) -> tuple[int, int, int, int]:
    """Rejects the line from ``start``, which ends at ``end`` or after; see :func:`_read_record`."""
    while end < data.size and outside[data[np.uintp(end)]] != _LINE_END:
        end += 1
    following = _INCOMPLETE
    if end < data.size:
        following = _after_line_end(data, end)
    elif is_last:
        following = end
    if end - start <= limit:
        return status, 0, end, following
    return TOO_LONG, 0, end if following == _INCOMPLETE else start + limit + 1, following
