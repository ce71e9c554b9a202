"""Where in a file's text its records lie: the line that an offset is on, and the record's bytes."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

import pyarrow as pa

from forebay.pipelines.sources.rejects import in_order_of_offset
from forebay.pipelines.sources.text.records import ANY_ARITY, scan_records
from forebay.transforms.definition.table_formats import CsvFormat

_BLOCK = 8 << 20
_LINE_END = re.compile(rb"\r\n|\r|\n")


def located(
    rejects: pa.Table, source: IO[bytes], format: CsvFormat, max_record_bytes: int
) -> Iterator[dict[str, str | int]]:
    """Finds the line of each reject in one pass over its file, and its raw text where it lacks.

    Args:
        rejects: the file's rejects: `ROW`, ``reason`` and ``raw``.
        source: the file's text.
        format: its dialect.
        max_record_bytes: the greatest length of a record.

    Yields:
        ``line`` (from 1), ``offset`` (bytes), ``reason`` and ``raw``, in order of offset.
    """
    text = LineCounter(source, lookahead=max_record_bytes + 3)
    for offset, reason, raw in in_order_of_offset(rejects):
        ahead = text.move_to(offset)
        found = _record(ahead, format, max_record_bytes) if raw is None else raw
        yield {
            "line": text.line,
            "offset": offset,
            "reason": reason,
            "raw": found.decode("utf-8", "backslashreplace"),
        }


class LineCounter:
    """Walks forward through a text and knows the line it is on.

    LF, CRLF and a lone CR each end a line.
    """

    def __init__(self, source: IO[bytes], lookahead: int) -> None:
        self.line = 1
        self._source = source
        self._lookahead = lookahead
        self._buffer = b""
        self._start = 0  # where in the text the buffer starts
        self._position = 0  # up to where in the buffer lines are counted

    def move_to(self, offset: int) -> memoryview:
        """Moves to an offset and returns the text from there, at least the lookahead long."""
        while self._start + len(self._buffer) < offset + self._lookahead:
            block = self._source.read(_BLOCK)
            if not block:
                break
            self._count_to(min(len(self._buffer), offset - self._start))
            drop = max(0, self._position - 1)  # the byte before may be the CR of a CRLF
            self._buffer = self._buffer[drop:] + block
            self._start += drop
            self._position -= drop
        self._count_to(offset - self._start)
        return memoryview(self._buffer)[self._position :][: self._lookahead]

    def _count_to(self, end: int) -> None:
        start = self._position
        self.line += self._buffer.count(b"\n", start, end) + self._buffer.count(b"\r", start, end)
        self.line -= self._buffer.count(b"\r\n", max(0, start - 1), end)
        self._position = end


def _record(text: memoryview, format: CsvFormat, max_record_bytes: int) -> bytes:
    """Returns the record at the start of a text."""
    records = scan_records(text, format, ANY_ARITY, max_record_bytes, is_last=True, most=1)
    return bytes(text[: int(records.ends[0])])


def line_of(source: IO[bytes], offsets: Iterable[int]) -> dict[int, int]:
    """Returns the line (from 1) that each offset of a text is on, in one pass."""
    text = LineCounter(source, lookahead=0)
    lines = {}
    for offset in sorted(set(offsets)):
        text.move_to(offset)
        lines[offset] = text.line
    return lines


def offset_of_line(source: IO[bytes], line: int) -> int | None:
    """Returns where a line (from 1) of a text starts; None where it has fewer lines."""
    before, start, carry = line - 1, 0, b""
    if not before:
        return 0
    while block := source.read(_BLOCK):
        text = carry + block
        carry = b"\r" if text.endswith(b"\r") else b""  # perhaps the first half of a CRLF
        text = text.removesuffix(carry)
        ends = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
        if before <= ends:
            found = next(islice(_LINE_END.finditer(text), before - 1, None))
            return start + found.end()
        before -= ends
        start += len(text)
    return start + len(carry) if carry and before == 1 else None
