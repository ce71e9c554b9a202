"""CSV text of whole records turned into typed Arrow columns and rejects.

The scanner decides what the records are (:mod:`forebay.pipelines.sources.text.records`), pyarrow
splits and unquotes the good ones, and :mod:`forebay.transforms.parsing.cells` reads each column.
Every record becomes one row or one reject.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from forebay.pipelines.sources.csv.header import BOM, check_header
from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.rows import joined, make_rows
from forebay.pipelines.sources.text.record_ends import (
    ARITY,
    COMMENT,
    MALFORMED_QUOTE,
    OK,
    TOO_LONG,
    UNCLOSED_QUOTE,
)
from forebay.pipelines.sources.text.records import Records, scan_records
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import RunFailed
from forebay.transforms.parsing.cells import read_cells

_CATEGORIES = {
    ARITY: "wrong number of fields",
    MALFORMED_QUOTE: "text after a closing quote",
    UNCLOSED_QUOTE: "quote not closed",
    TOO_LONG: "record too long",
}


def parse_chunk(
    data: bytes,
    offset: int,
    names: Sequence[str],
    columns: Mapping[str, Column],
    format: CsvFormat,
    max_record_bytes: int,
    forgiven: Collection[str] = (),
) -> Parsed:
    """Parses a stretch of whole records.

    Args:
        data: the text, without header; a range or chunk of
            :mod:`forebay.pipelines.sources.text.ranges`.
        offset: where it starts in the file's text, bytes.
        names: the file's columns, in order.
        columns: the columns to read.
        format: the dialect.
        max_record_bytes: greatest length of a record, line end excluded.
        forgiven: the columns of which a cell that cannot be read is missing.

    Returns:
        the rows, and the rejects in order of offset.

    Raises:
        InputError: ``names`` lacks a column.
        RunFailed: pyarrow sees other records than the scanner does.
    """
    fields = [field for name, column in columns.items() for field in column.fields(name)]
    check_header(names, fields, format, "the CSV text")
    records = scan_records(data, format, len(names), max_record_bytes, is_last=True)
    rejects = _reject_lines(data, offset, records, len(names), max_record_bytes)
    good = np.flatnonzero(records.statuses == OK)
    text = data if len(good) == len(records.statuses) else _good_text(data, records)
    split = _split(text, format, len(names), sorted({names.index(f) for f in fields}), len(good))
    raw = {
        name: joined([split[names.index(field)] for field in column.fields(name)], column.nulls)
        for name, column in columns.items()
    }
    cells = {name: read_cells(raw[name], column, format) for name, column in columns.items()}
    rows = make_rows(cells, raw, records.starts[good] + offset, forgiven)
    rejects += [
        Reject(fault.offset, fault.reason, _record(data, fault.offset - offset, records),
               fault.category)
        for fault in rows.faults
    ]  # fmt: skip
    rejects.sort(key=lambda reject: reject.offset)
    return Parsed(rows.batch, rejects, rows.unread)


def _record(data: bytes, start: int, records: Records) -> bytes:
    return data[start : int(records.ends[np.searchsorted(records.starts, start)])]


def _good_text(data: bytes, records: Records) -> bytes:
    """Returns the text without the rejected lines."""
    good = np.concatenate([[False], records.statuses == OK, [False]])
    edges = np.flatnonzero(good[1:] != good[:-1])
    starts = np.append(records.starts, len(data))[edges]
    return b"".join(data[start:stop] for start, stop in zip(starts[::2], starts[1::2], strict=True))


def _split(
    text: bytes, format: CsvFormat, columns_count: int, places: Sequence[int], rows: int
) -> dict[int, pa.BinaryArray]:
    """Splits good records into the unquoted bytes of the wanted fields.

    Args:
        text: the records.
        format: the dialect.
        columns_count: the number of fields of every record.
        places: which fields are wanted.
        rows: the number of records.
    """
    if not rows or not places:
        return {place: pa.array([b""] * rows, pa.binary()) for place in places}
    if text.startswith(BOM):  # pyarrow would take it for a mark; here it is a cell's text
        text = b"\n" + text
    table = pa_csv.read_csv(
        pa.BufferReader(text),
        read_options=pa_csv.ReadOptions(
            column_names=[str(place) for place in range(columns_count)],
            block_size=len(text) + 1,
            use_threads=False,
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=format.delimiter,
            quote_char=format.quote or False,
            newlines_in_values=format.quote is not None,
        ),
        convert_options=pa_csv.ConvertOptions(
            include_columns=[str(place) for place in places],
            column_types={str(place): pa.binary() for place in places},
            strings_can_be_null=False,
        ),
    )
    if table.num_rows != rows:
        raise RunFailed(
            f"pyarrow found {table.num_rows} records where {rows} are; please report this with the"
            " file"
        )
    return {place: table[str(place)].combine_chunks() for place in places}


def _reject_lines(
    data: bytes, offset: int, records: Records, columns_count: int, max_record_bytes: int
) -> list[Reject]:
    """Makes rejects of the lines that are not good records."""
    rejects = []
    none = (records.statuses != OK) & (records.statuses != COMMENT)
    for index in np.flatnonzero(none).tolist():
        status = int(records.statuses[index])
        category = reason = _CATEGORIES[status]
        if status == ARITY:
            reason = f"{int(records.fields[index])} fields instead of {columns_count}"
        elif status == TOO_LONG:
            reason = f"longer than {max_record_bytes} bytes"
        start, end = int(records.starts[index]), int(records.ends[index])
        rejects.append(Reject(offset + start, reason, data[start:end], category))
    return rejects
