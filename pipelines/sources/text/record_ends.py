"""Where one CSV record ends: the inner part of :mod:`forebay.pipelines.sources.text.records`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forebay.transforms.compiled import compiled

Int64Array = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]

OK = 0
ARITY = 1  # a record, well formed, with another number of fields than expected
MALFORMED_QUOTE = 2  # on the first line, a closing quote is followed by text
UNCLOSED_QUOTE = 3  # the first line ends inside quotes that are not closed well
TOO_LONG = 4  # a record, or a line that is none, of more bytes than the limit
COMMENT = 5  # no record, but a line to be skipped

INCOMPLETE = -1  # the record's fate depends on bytes after the buffer
NO_QUOTE = -1
NO_COMMENT = -1
_LF, _CR = 10, 13
# Classes of bytes in the scanner's tables.
_PLAIN, _DELIMITER, LINE_END, _QUOTE = 0, 1, 2, 3
# Kernels index by np.uintp: signed indices are tested for being negative, at half the speed.
# How the search for a record's end can come out: well, inside quotes, with a mistake; or that of
# its part in quotes: it goes on outside of them.
_ENDED, _OPEN, _BROKEN, _OUTSIDE = 0, 1, 2, 3
# What is known of all records that are inside quotes at the start of a line: up to which offset
# that may be for them to come to a mistake; the offset up to which those before it go on, and
# whether they are outside quotes there.
_DOOMED, _GOES_ON, _IS_OUTSIDE = 0, 1, 2


def byte_classes(delimiter: int, quote: int) -> tuple[ByteArray, ByteArray]:
    """Returns two uint8 (256,) tables of byte classes, outside and inside quotes."""
    outside, inside = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    outside[[_LF, _CR]] = inside[[_LF, _CR]] = LINE_END
    outside[delimiter] = _DELIMITER
    if quote != NO_QUOTE:
        outside[quote] = inside[quote] = _QUOTE
    return outside, inside


@compiled
def nothing_known() -> Int64Array:
    """Returns what is known before the first record; see `read_record`."""
    return np.array([-1, -1, 0], np.int64)


@compiled
def after_line_end(data: ByteArray, position: int) -> int:
    """Returns where the next line starts. The LF of a CRLF cut in two makes a blank line."""
    following = position + 1
    if data[np.uintp(position)] == _CR and following < data.size:
        following += data[np.uintp(following)] == _LF
    return following


@compiled
def comment_end(
    data: ByteArray, start: int, limit: int, is_last: bool, outside: ByteArray
) -> tuple[int, int, int]:
    """Finds the end of a line that is a comment; returns as `read_record`, without the fields.

    One longer than a record may be, of which the end is not in the buffer, is too long.
    """
    end = start
    while end < data.size and outside[data[np.uintp(end)]] != LINE_END:
        end += 1
    if end == data.size and not is_last:
        return TOO_LONG if end - start > limit else OK, end, INCOMPLETE
    return COMMENT, end, end if end == data.size else after_line_end(data, end)


@compiled
def read_record(
    data: ByteArray,
    start: int,
    is_last: bool,
    outside: ByteArray,
    inside: ByteArray,
    columns_count: int,
    limit: int,
    reach: int,
    known: Int64Array,
) -> tuple[int, int, int, int]:
    """Reads one record, or rejects its first line.

    Args:
        data: the buffer.
        start: where the record begins.
        is_last: whether the text ends with the buffer.
        outside: the classes of bytes there, as `byte_classes` returns them.
        inside: those inside quotes.
        columns_count: the number of fields of a good record, negative where any will do.
        limit: its greatest length.
        reach: how far from its start its end is looked for, at least ``limit``.
        known: what is known of later records, which it adds to.

    Returns:
        status, number of fields, end and start of the next line; the last is INCOMPLETE where
        the buffer ends too early. In a TOO_LONG line without an end, ``end`` is the offset from
        which its rest must be skipped.
    """
    stop = min(data.size, start + reach + 1)  # a line end may be at start + reach
    outcome, fields, i, first_end, mark, is_outside = _find_end(
        data, start, stop, outside, inside, known
    )
    out_of_reach = i == stop and stop - start > reach
    if i == stop and not out_of_reach and not is_last:
        return OK, 0, i, INCOMPLETE
    if outcome == _ENDED and not out_of_reach:
        following = i if i == data.size else after_line_end(data, i)
        if i - start > limit:
            return TOO_LONG, 0, start + limit + 1, following
        if fields < 0:
            fields = _find_end(data, start, i, outside, inside, nothing_known())[1]
        fits = columns_count < 0 or fields == columns_count
        return OK if fits else ARITY, fields, i, following
    if not out_of_reach:
        known[_DOOMED] = max(known[_DOOMED], mark)
    elif mark > known[_GOES_ON]:
        known[_GOES_ON], known[_IS_OUTSIDE] = mark, is_outside
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
    known: Int64Array,
) -> tuple[int, int, int, int, int, bool]:
    """Looks for the end of a record, no further than needed to know what becomes of it.

    A byte is looked at in the line that begins a record, in one that a record goes on to, and once
    more where such a record ends well after all.

    Returns:
        _ENDED (outside quotes, at a line end or at ``stop``), _OPEN (inside quotes, at ``stop``)
        or _BROKEN; the number of fields, or -1 where not all were looked at; the offset reached;
        where the first line ends if it proved to be inside quotes, or else -1; what to know of
        other records: the offset of a line start that it was inside quotes at, or one where it
        goes on, and whether it is outside quotes there.
    """
    first_end, crossed, i, fields, leapt = -1, -1, start, 1, False
    while True:  # at the start of a field
        is_outside = i == stop or outside[data[np.uintp(i)]] != _QUOTE
        if not is_outside:
            i, outcome, first_end, crossed, leapt = _skip_quoted(
                data, i + 1, stop, inside, first_end, crossed, leapt, known
            )
            if outcome == _ENDED:
                if i == stop or outside[data[np.uintp(i)]] == LINE_END:
                    break
                if outside[data[np.uintp(i)]] != _DELIMITER:
                    return _BROKEN, fields, i, first_end, crossed, False
                i, fields = i + 1, fields + 1
                continue
            if outcome != _OUTSIDE:
                mark = crossed if outcome == _BROKEN else stop
                return outcome, fields, i, first_end, mark, False
            is_outside = True
        i, fields = _skip_unquoted(data, i, stop, outside, fields)
        if i == stop or outside[data[np.uintp(i)]] == LINE_END:
            break
    # A quote at the end may be the first of two: the record goes on before it, inside.
    mark = i if is_outside else i - 1
    return _ENDED, -1 if leapt else fields, i, first_end, mark, is_outside


@compiled
def _skip_quoted(
    data: ByteArray,
    i: int,
    stop: int,
    inside: ByteArray,
    first_end: int,
    crossed: int,
    leapt: bool,
    known: Int64Array,
) -> tuple[int, int, int, int, bool]:
    """Goes from inside quotes to after the closing one, or to ``stop``.

    Returns:
        the offset reached; _ENDED (the quotes are closed), _OPEN, _BROKEN or _OUTSIDE;
        ``first_end``, set to the first line end met if it was -1; ``crossed``, set to the start of
        the last line met; and whether some of the record's text was not looked at.
    """
    while True:
        while i < stop and inside[data[np.uintp(i)]] == _PLAIN:
            i += 1
        if i >= stop:
            return stop, _OPEN, first_end, crossed, leapt
        if inside[data[np.uintp(i)]] == LINE_END:
            if first_end < 0:
                first_end = i
            i += 1
            crossed = i
            if i <= known[_DOOMED]:
                return i, _BROKEN, first_end, crossed, leapt
            if i < known[_GOES_ON]:
                i, leapt = known[_GOES_ON], True
                if known[_IS_OUTSIDE]:
                    return i, _OUTSIDE, first_end, crossed, leapt
        elif i + 1 < stop and inside[data[np.uintp(i + 1)]] == _QUOTE:
            i += 2
        else:
            return i + 1, _ENDED, first_end, crossed, leapt


@compiled
def _skip_unquoted(
    data: ByteArray, i: int, stop: int, outside: ByteArray, fields: int
) -> tuple[int, int]:
    """Goes over unquoted fields to ``stop``, a line end or a quote that opens a field.

    The byte at ``i`` is not a quote that opens the record's first field.
    """
    while True:
        # Counting instead of branching at delimiters: one misprediction a line, not one a field.
        while i < stop:
            kind = outside[data[np.uintp(i)]]
            if kind > _DELIMITER:
                break
            fields += kind
            i += 1
        if i == stop or outside[data[np.uintp(i)]] == LINE_END:
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
    """Rejects the line from ``start``, which ends at ``end`` or after; see :func:`read_record`."""
    while end < data.size and outside[data[np.uintp(end)]] != LINE_END:
        end += 1
    following = INCOMPLETE
    if end < data.size:
        following = after_line_end(data, end)
    elif is_last:
        following = end
    if end - start <= limit:
        return status, 0, end, following
    return TOO_LONG, 0, end if following == INCOMPLETE else start + limit + 1, following
