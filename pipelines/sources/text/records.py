"""Where the records of a CSV file begin and end, decided exactly.

The rules are those of RFC 4180, made strict:

- A record ends at LF, CRLF or a lone CR outside quotes. Blank lines are not records.
- A quote means something at the start of a field only; elsewhere in an unquoted field it is text.
- Inside a quoted field, a quote is followed by another quote (one literal quote), by the
  delimiter, by a line end or by the end of the file. Anything else is a mistake.

A record whose quotes are all closed is one record, whatever lines its fields hold: with another
number of fields than expected, or with more than ``max_record_bytes`` bytes, it is rejected whole.

A mistake in the quotes costs one line. A line that opens a quote which is never closed, or which
text follows where it is closed, is rejected alone, and reading resumes at the next line, so that a
stray quote cannot swallow what follows it. A quote counts as never closed where its record does
not end within `REACH_BYTES` bytes more than ``max_record_bytes``: this bounds memory.

What becomes of a line therefore depends on the bytes from it to the end of its record, and its
status, where it is rejected alone, on the line alone. Hence any stretch of whole records can be
read by itself with the same result (see :mod:`forebay.pipelines.sources.text.ranges`).

Time is linear. Records that are being read have one thing in common at the start of a line: they
are inside quotes there, or they would have ended. What becomes of one is from there on what becomes
of any other, so that it is found out once (see `record_ends`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.pipelines.sources.text.record_ends import (
    INCOMPLETE,
    LINE_END,
    NO_COMMENT,
    NO_QUOTE,
    TOO_LONG,
    ByteArray,
    Int64Array,
    after_line_end,
    byte_classes,
    comment_end,
    nothing_known,
    read_record,
)
from forebay.transforms.compiled import compiled
from forebay.transforms.definition.table_formats import CsvFormat

Int32Array = npt.NDArray[np.int32]
Int8Array = npt.NDArray[np.int8]

# How far beyond the greatest length of a record its end is looked for.
REACH_BYTES = 16 << 20

ANY_ARITY = -1  # columns_count where every number of fields will do


@dataclass(frozen=True)
class Records:
    """The records of a buffer, n of them, in order.

    Attributes:
        starts: int64 (n,), offset of the first byte in the buffer.
        ends: int64 (n,), offset after the last byte, line end excluded. For TOO_LONG it is
            cut to one byte more than the limit.
        statuses: int8 (n,), OK, ARITY, MALFORMED_QUOTE, UNCLOSED_QUOTE, TOO_LONG, or COMMENT of
            what is no record.
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
            not, scanning stops before the first record that may continue. A buffer of more than
            ``max_record_bytes + REACH_BYTES`` bytes always holds a whole record or a line too long.
        most: scanning stops after this many records.
    """
    view = np.frombuffer(data, np.uint8)
    view.flags.writeable = False  # one compiled variant for every kind of buffer
    quote = NO_QUOTE if format.quote is None else ord(format.quote)
    comment = NO_COMMENT if format.comment is None else ord(format.comment)
    outside, inside = byte_classes(ord(format.delimiter), quote)
    starts, ends, statuses, fields, consumed, in_long_line = _scan(
        view, is_last, outside, inside, comment, columns_count, max_record_bytes,
        max_record_bytes + REACH_BYTES, most,
    )  # fmt: skip
    return Records(starts, ends, statuses, fields, int(consumed), bool(in_long_line))


@compiled
def _scan(
    data: ByteArray,
    is_last: bool,
    outside: ByteArray,
    inside: ByteArray,
    comment: int,
    columns_count: int,
    limit: int,
    reach: int,
    most: int,
) -> Any:
    """Fills the attributes of :class:`Records`, as a tuple in their order."""
    n = data.size
    capacity = max(16, n // 32)
    starts, ends = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    statuses, fields = np.empty(capacity, np.int8), np.empty(capacity, np.int32)
    count, position, in_long_line = 0, 0, False
    known = nothing_known()
    while position < n and count < most and not in_long_line:
        if outside[data[np.uintp(position)]] == LINE_END:  # a blank line
            position = after_line_end(data, position)
            continue
        if data[np.uintp(position)] == comment:
            found = 0
            status, end, following = comment_end(data, position, limit, is_last, outside)
        else:
            status, found, end, following = read_record(
                data, position, is_last, outside, inside, columns_count, limit, reach, known
            )
        if following == INCOMPLETE:
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
