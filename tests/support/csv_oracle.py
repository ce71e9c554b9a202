"""The rules of forebay.pipelines.sources.text.records said once more, slowly and byte by byte."""

from __future__ import annotations

from typing import NamedTuple

from forebay.pipelines.sources.text.record_ends import (
    ARITY,
    MALFORMED_QUOTE,
    OK,
    TOO_LONG,
    UNCLOSED_QUOTE,
)
from forebay.transforms.definition.table_formats import CsvFormat


class Record(NamedTuple):
    start: int
    end: int
    status: int
    fields: tuple[bytes, ...]  # empty unless the status is OK or ARITY


def line_end(data: bytes, start: int) -> int:
    """Returns the offset of the first LF or CR from ``start``, or the end of the data."""
    return next((i for i in range(start, len(data)) if data[i] in b"\r\n"), len(data))


def next_line(data: bytes, end: int) -> int:
    """Returns where the line after the line end at ``end`` starts."""
    return end + 2 if data[end : end + 2] == b"\r\n" else min(end + 1, len(data))


def split_record(
    data: bytes, start: int, format: CsvFormat
) -> tuple[list[bytes], int, bool | None]:
    """Returns the fields, the offset reached, and: True ended, False mistake, None unclosed."""
    delimiter = format.delimiter.encode()
    quote = format.quote.encode() if format.quote else None
    fields, i = [], start
    while True:
        field = b""
        if quote and data[i : i + 1] == quote:
            i += 1
            while True:
                if i == len(data):
                    return fields, i, None
                if data[i : i + 1] != quote:
                    field += data[i : i + 1]
                    i += 1
                elif data[i + 1 : i + 2] == quote:
                    field += quote
                    i += 2
                else:
                    i += 1
                    break
            if i < len(data) and data[i : i + 1] != delimiter and data[i] not in b"\r\n":
                return fields, i, False
        else:
            while i < len(data) and data[i : i + 1] != delimiter and data[i] not in b"\r\n":
                field += data[i : i + 1]
                i += 1
        fields.append(field)
        if data[i : i + 1] != delimiter:
            return fields, i, True
        i += 1


def read_records(
    data: bytes, format: CsvFormat, columns_count: int, limit: int, reach: int
) -> list[Record]:
    """Returns the records of a whole text; ends are looked for up to ``reach`` bytes beyond it."""
    records, start = [], 0
    while start < len(data):
        first_end = line_end(data, start)
        if first_end == start:
            start = next_line(data, start)
            continue
        fields, end, ended = split_record(data, start, format)
        arity_fits = columns_count < 0 or len(fields) == columns_count
        is_whole = ended and end - start <= limit + reach
        if is_whole and end - start <= limit:
            record = Record(start, end, OK if arity_fits else ARITY, tuple(fields))
        elif is_whole or first_end - start > limit:
            record = Record(start, start + limit + 1, TOO_LONG, ())
        elif ended is False and end <= first_end:
            record = Record(start, first_end, MALFORMED_QUOTE, ())
        else:
            record = Record(start, first_end, UNCLOSED_QUOTE, ())
        records.append(record)
        start = next_line(data, end if is_whole else first_end)
    return records
