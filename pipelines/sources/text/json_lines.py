"""Files of JSON lines: one object a line, whose fields are read as the cells of a CSV file are."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from forebay.console.words import counted
from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.missing_columns import NAMED_BY_RECORDS, refuse_missing
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.pipelines.sources.rows import joined, make_rows
from forebay.pipelines.sources.text.input import TextChunk, TextInput
from forebay.pipelines.sources.text.json_objects import (
    Odd,
    Written,
    as_written,
    field_at,
    parsed,
    paths,
)
from forebay.pipelines.sources.text.ranges import GuardedReader
from forebay.pipelines.sources.text.record_ends import OK
from forebay.pipelines.sources.text.records import ANY_ARITY, Records, scan_records
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError, RunFailed
from forebay.transforms.json_text import MOST_NESTED
from forebay.transforms.parsing.casts import Fault, without
from forebay.transforms.parsing.cells import Cells, read_cells
from forebay.transforms.parsing.missing_numbers import as_number, missing_numbers
from forebay.transforms.parsing.typed_cells import read_values

# Every line is a record, whatever it holds.
LINES = CsvFormat(quote=None)
_HEAD_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_TOO_LONG = "record too long"
_NO_OBJECT = "not a JSON object"
# What may be two objects on one line; where it stands in a text, no more than time is lost.
_TWO_OBJECTS = re.compile(rb"\}[ \t]*\{")
# What Arrow takes for a number, and Python's reader does not.
_NO_INFINITY = re.compile(rb"Inf(?!inity)")
_OPEN, _CLOSE, _OPEN_LIST = b"{}["


@dataclass(frozen=True)
class JsonLinesFile(TextInput):
    """A file of JSON lines in whose first records every column that it does not lack was seen."""

    kind: ClassVar[str] = "JSON lines"
    records_name_fields: ClassVar[bool] = True

    @property
    def fields(self) -> int:  # noqa: D102
        return ANY_ARITY

    def parse(self, chunk: TextChunk, table: Source, max_record_bytes: int) -> Parsed:  # noqa: D102
        return parse_lines(
            chunk.data, chunk.offset, table.columns, max_record_bytes, table.forgiven
        )


def open_json_lines(file: SourceFile, table: Source | None) -> JsonLinesFile:
    """Reads the first records of a file, of which one must have each field of a table.

    Raises:
        InputError: there is no object among them, or none has a field.
    """
    with file.open() as source:
        head = GuardedReader(source, file.path).read(_HEAD_BYTES)
    start = len(_BOM) if head.startswith(_BOM) else 0
    objects = _objects(head[start:])
    if not objects:
        raise InputError(
            f"{file.path}: no line that ends within its first {_HEAD_BYTES} bytes is a JSON "
            "object; write each object on a line of its own, as by jq -c ."
        )
    lacks: frozenset[str] = frozenset()
    if table is not None:
        names = list(dict.fromkeys(name for one in objects for name in paths(one)))
        what = f"field in its first {counted(len(objects), 'record')}"
        refuse_missing(names, table.fields(table.optional), file.path, what, NAMED_BY_RECORDS)
        lacks = table.lacking(names)
    return JsonLinesFile(file, LINES, start, lacks=lacks)


def _objects(text: bytes) -> list[dict[str, Any]]:
    lines = text.splitlines()
    found = []
    for line in lines if len(text) < _HEAD_BYTES else lines[:-1]:
        value = parsed(line)
        if isinstance(value, dict):
            found.append(value)
    return found


def parse_lines(
    data: bytes,
    offset: int,
    columns: Mapping[str, Column],
    max_record_bytes: int,
    forgiven: Collection[str] = (),
) -> Parsed:
    """Parses a stretch of whole lines.

    Args:
        data: the text.
        offset: where it starts in the file's text, bytes.
        columns: the columns to read.
        max_record_bytes: greatest length of a line, line end excluded.
        forgiven: the columns of which a value that cannot be read is missing.

    Returns:
        the rows, and the rejects in order of offset. Numbers are read as they are written; texts
        as the cells of a CSV file are, true and false as a Boolean column's; null, and a field
        that is not there, is missing. A name that is there twice is a fault of its column.
    """
    records = scan_records(data, LINES, ANY_ARITY, max_record_bytes, is_last=True)
    table = _as_arrow(data, records, columns)
    if table is None:
        lines = [line_at(data, records, index) for index in range(len(records.starts))]
        return _parse_each(lines, records.starts + offset, columns, max_record_bytes, forgiven)
    given = {name: _column(table, name, kind) for name, kind in columns.items()}
    cells = {name: read_values(given[name], kind) for name, kind in columns.items()}
    made = make_rows(cells, given, records.starts + offset, forgiven)
    faulty = [fault.row for fault in made.faults]
    lines = [line_at(data, records, row) for row in faulty]
    # Again, one by one, so that reasons show what is written.
    offsets = records.starts[faulty] + offset
    again = _parse_each(lines, offsets, columns, max_record_bytes, forgiven)
    if len(again.rejects) != len(faulty):
        row = again.rows[ROW_OFFSET][0].as_py()
        fault = next(fault for fault in made.faults if fault.offset == row)
        raise RunFailed(
            f"the JSON line at byte {row} is a reject among others ({fault.reason}) and a row by "
            "itself; please report this with the line"
        )
    return Parsed(made.batch, again.rejects, made.unread)


_ARROW: dict[type[Column], pa.DataType] = {
    Number: pa.float64(), Integer: pa.int64(), Boolean: pa.bool_(), String: pa.string(),
    Bytes: pa.string(), Date: pa.string(), Numbers: pa.string(), Timestamp: pa.string(),
}  # fmt: skip


def _as_arrow(data: bytes, records: Records, columns: Mapping[str, Column]) -> pa.Table | None:
    """Parses lines of which every one holds what its columns' kinds hold; None where one may not.

    It is ten times as fast as to look at each line.
    """
    types: dict[str, pa.DataType] = {}
    for name, kind in columns.items():
        for field in kind.fields(name):
            counted = isinstance(kind, Timestamp) and kind.unit is not None
            wanted = pa.int64() if counted else _ARROW[type(kind)]
            if "." in field or types.setdefault(field, wanted) != wanted:
                return None
    if not _is_regular(data, records):
        return None
    try:
        table = pa_json.read_json(
            pa.BufferReader(data),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pa_json.ParseOptions(
                explicit_schema=pa.schema(list(types.items())),
                unexpected_field_behavior="ignore",
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return table if table.num_rows == len(records.starts) else None


def _is_regular(data: bytes, records: Records) -> bool:
    """Tells whether Arrow's reader finds in lines what Python's does, each of them an object."""
    if not len(records.starts) or (records.statuses != OK).any():
        return False
    view = np.frombuffer(data, np.uint8)
    whole = (view[records.starts] == _OPEN) & (view[records.ends - 1] == _CLOSE)
    if not whole.all() or _TWO_OBJECTS.search(data) or b"\\u" in data or b"\r" in data:
        return False
    if b"-NaN" in data or (b"Inf" in data and _NO_INFINITY.search(data)):
        return False
    if data.count(b"{") + data.count(b"[") - len(records.starts) >= MOST_NESTED:
        opens = (view == _OPEN) | (view == _OPEN_LIST)
        if np.add.reduceat(opens, records.starts, dtype=np.int32).max() > MOST_NESTED:
            return False
    return data.isascii() or _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _column(table: pa.Table, name: str, kind: Column) -> pa.Array:
    parts = [table[field].combine_chunks() for field in kind.fields(name)]
    if len(parts) == 1:
        return parts[0]
    return joined([part.cast(pa.binary()) for part in parts], kind.nulls)


def line_at(data: bytes, records: Records, index: int) -> bytes:
    """Returns one of the lines that were found in a text."""
    return data[int(records.starts[index]) : int(records.ends[index])]


class Objects(NamedTuple):
    """The objects of lines.

    Attributes:
        values: them, as `forebay.pipelines.sources.text.json_objects.parsed` returns them.
        rows: the numbers of their lines.
        rejects: the lines without one.
    """

    values: list[dict[str, Any]]
    rows: list[int]
    rejects: list[Reject]


def read_objects(
    lines: Sequence[bytes], offsets: npt.NDArray[np.int64], max_record_bytes: int
) -> Objects:
    """Reads lines one after another; those too long are cut to one byte more than the limit."""
    found = Objects([], [], [])
    for row, (line, offset) in enumerate(zip(lines, offsets.tolist(), strict=True)):
        if len(line) > max_record_bytes:
            reason = f"longer than {max_record_bytes} bytes"
            found.rejects.append(Reject(offset, reason, line, _TOO_LONG))
            continue
        value = parsed(line)
        if isinstance(value, dict):
            found.values.append(value)
            found.rows.append(row)
        else:
            found.rejects.append(Reject(offset, value or _NO_OBJECT, line, _NO_OBJECT))
    return found


def _parse_each(
    lines: Sequence[bytes],
    offsets: npt.NDArray[np.int64],
    columns: Mapping[str, Column],
    max_record_bytes: int,
    forgiven: Collection[str],
) -> Parsed:
    """Parses lines one after another."""
    objects, good, rejects = read_objects(lines, offsets, max_record_bytes)
    given: dict[str, pa.Array] = {}
    cells: dict[str, Cells] = {}
    for name, kind in columns.items():
        given[name], odd = _texts(objects, name, kind)
        faulty = np.logical_or.reduce([np.zeros(len(objects), bool), *(f.mask for f in odd)])
        read = read_cells(without(given[name], faulty), kind)
        absent = None if read.absent is None else read.absent & ~faulty
        cells[name] = Cells(read.values, (*odd, *read.problems), absent)
    made = make_rows(cells, given, offsets[good], forgiven)
    rejects += [Reject(f.offset, f.reason, lines[good[f.row]], f.category) for f in made.faults]
    return Parsed(made.batch, sorted(rejects, key=lambda reject: reject.offset), made.unread)


def _texts(
    objects: Sequence[Mapping[str, Any]], name: str, kind: Column
) -> tuple[pa.BinaryArray, list[Fault]]:
    """Returns a column's texts, null where there is none, and which are no single value."""
    text = _text_of(kind)
    parts = [[text(field_at(one, field)) for one in objects] for field in kind.fields(name)]
    odds = [
        next((part for part in row if isinstance(part, Odd)), None)
        for row in zip(*parts, strict=True)
    ]
    whys = [None if odd is None else odd.why for odd in odds]
    faults = [
        Fault(np.array([one == why for one in whys], bool), why)
        for why in dict.fromkeys(whys) if why is not None
    ]  # fmt: skip
    arrays = [
        pa.array([None if isinstance(part, Odd) else part for part in column], pa.binary())
        for column in parts
    ]
    shown = pa.array([None if odd is None else odd.value for odd in odds], pa.binary())
    return pc.coalesce(shown, joined(arrays, kind.nulls)), faults


def _text_of(kind: Column) -> Callable[[Any], bytes | Odd | None]:
    yes, no = (kind.true[0], kind.false[0]) if isinstance(kind, Boolean) else ("true", "false")
    separator = kind.separator if isinstance(kind, Numbers) else None
    why = "no single value" if separator is None else "not a list of numbers"
    means_missing = missing_numbers(kind)

    def text(value: Any) -> bytes | Odd | None:
        if value is None or isinstance(value, Odd):
            return value
        if isinstance(value, bool):
            return (yes if value else no).encode()
        if means_missing and isinstance(value, Written) and as_number(value, kind) in means_missing:
            return None
        if isinstance(value, str):
            return value.encode("utf-8", "surrogatepass")
        if separator is not None and isinstance(value, list):
            items = ["" if item is None else item for item in value]
            if all(isinstance(item, str) for item in items):
                return separator.join(items).encode("utf-8", "surrogatepass")
        return Odd(as_written(value).encode(), why)

    return text


def refuse_array(head: bytes, path: str) -> None:
    """Refuses a JSON document that is one array of objects."""
    if re.match(rb"\s*\[\s*\{", head):
        raise InputError(
            f"{path}: is one JSON array; write its objects as JSON lines, one a line, as by "
            "jq -c '.[]'"
        )
