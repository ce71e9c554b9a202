"""CSV text of whole records turned into typed Arrow columns and rejects.

The scanner decides what the records are (:mod:`forebay.pipelines.sources.csv.records`), pyarrow
splits and unquotes the good ones, and :mod:`forebay.transforms.parsing.cells` reads each column.
Every record becomes one row or one reject.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from forebay.pipelines.sources.csv.header import BOM, check_header
from forebay.pipelines.sources.csv.record_ends import (
    ARITY,
    MALFORMED_QUOTE,
    OK,
    TOO_LONG,
    UNCLOSED_QUOTE,
    Int64Array,
)
from forebay.pipelines.sources.csv.records import Records, scan_records
from forebay.pipelines.sources.rejects import Reject
from forebay.transforms.definition.columns import Column, CsvFormat
from forebay.transforms.errors import RunFailed
from forebay.transforms.parsing.casts import BoolArray
from forebay.transforms.parsing.cells import Cells, read_cells

ROW_OFFSET = "__offset"

_SHOWN_CHARACTERS = 80
_CATEGORIES = {
    ARITY: "wrong number of fields",
    MALFORMED_QUOTE: "text after a closing quote",
    UNCLOSED_QUOTE: "quote not closed",
    TOO_LONG: "record too long",
}
_MISSING = "missing required value"


def parse_chunk(
    data: bytes,
    offset: int,
    names: Sequence[str],
    columns: Mapping[str, Column],
    format: CsvFormat,
    max_record_bytes: int,
) -> tuple[pa.RecordBatch, list[Reject]]:
    """Parses a stretch of whole records.

    Args:
        data: the text, without header; a range or chunk of
            :mod:`forebay.pipelines.sources.csv.ranges`.
        offset: where it starts in the file's text, bytes.
        names: the file's columns, in order.
        columns: the columns to read.
        format: the dialect.
        max_record_bytes: greatest length of a record, line end excluded.

    Returns:
        a batch of ``columns``, in their order and of their Arrow types, followed by ROW_OFFSET,
        int64, where each row starts in the file's text; and the rejects, in order of offset.

    Raises:
        InputError: ``names`` lacks a column.
        RunFailed: pyarrow sees other records than the scanner does.
    """
    check_header(names, tuple(columns), format, "the CSV text")
    records = scan_records(data, format, len(names), max_record_bytes, is_last=True)
    rejects = _reject_lines(data, offset, records, len(names), max_record_bytes)
    good = np.flatnonzero(records.statuses == OK)
    places = [names.index(name) for name in columns]
    text = _good_text(data, records) if rejects else data
    raw = _split(text, format, len(names), places, len(good))
    cells = {
        name: read_cells(raw[place], column)
        for place, (name, column) in zip(places, columns.items(), strict=True)
    }
    arrays = {name: read.values for name, read in cells.items()}
    starts = pa.array(records.starts[good] + offset, pa.int64())
    batch = pa.RecordBatch.from_pydict({**arrays, ROW_OFFSET: starts})
    causes = _causes(cells, {name: raw[place] for name, place in zip(columns, places, strict=True)})
    if causes:
        rejects += [
            _reject_row(data, offset, records, int(good[row]), causes[row]) for row in causes
        ]
        rejects.sort(key=lambda reject: reject.offset)
        keep = np.ones(len(good), np.bool_)
        keep[list(causes)] = False
        batch = batch.filter(pa.array(keep))
    return batch, rejects


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
    for index in np.flatnonzero(records.statuses != OK).tolist():
        status = int(records.statuses[index])
        category = reason = _CATEGORIES[status]
        if status == ARITY:
            reason = f"{int(records.fields[index])} fields instead of {columns_count}"
        elif status == TOO_LONG:
            reason = f"longer than {max_record_bytes} bytes"
        start, end = int(records.starts[index]), int(records.ends[index])
        rejects.append(Reject(offset + start, reason, data[start:end], category))
    return rejects


def _causes(
    cells: Mapping[str, Cells], raw: Mapping[str, pa.BinaryArray]
) -> dict[int, list[tuple[str, str]]]:
    """Returns (category, reason) of every cell at fault, by row, in the order of the columns."""
    causes: dict[int, list[tuple[str, str]]] = {}
    for name, read in cells.items():
        if read.absent is not None:
            cause = (f"{name}: {_MISSING}", f"{name}: {_MISSING}")
            for row in _rows(read.absent):
                causes.setdefault(row, []).append(cause)
        for problem in read.problems:
            rows = _rows(problem.mask)
            values = raw[name].take(pa.array(rows)).to_pylist()
            for row, value in zip(rows.tolist(), values, strict=True):
                reason = f"{name}: {_shown(value)} is {problem.text}"
                causes.setdefault(row, []).append((f"{name}: {problem.text}", reason))
    return causes


def _rows(mask: BoolArray) -> Int64Array:
    return np.flatnonzero(mask)


def _reject_row(
    data: bytes, offset: int, records: Records, index: int, causes: list[tuple[str, str]]
) -> Reject:
    start, end = int(records.starts[index]), int(records.ends[index])
    reason = "; ".join(reason for _, reason in causes)
    return Reject(offset + start, reason, data[start:end], causes[0][0])


def _shown(value: bytes) -> str:
    text = value[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")
