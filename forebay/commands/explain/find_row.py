"""The row that a user means: by its place in a file, or by the values of its columns."""

import csv
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.console.words import counted
from forebay.pipelines.lookups.tables import Lookups, read_rows
from forebay.pipelines.sources.csv.table import CsvFile
from forebay.pipelines.sources.inputs import TableInput, place_of
from forebay.pipelines.sources.row_identity import row_identity
from forebay.pipelines.sources.tables import Tables
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError, nearest_names
from forebay.transforms.parsing.cells import read_cells

# Not what `str.isdigit` takes, of which `int` refuses some, such as a raised 2 or 5,000 digits.
_LINE = re.compile(r"[0-9]{1,18}")
_SHOWN = 10
_NEAR = 3
_LETTERS = 80
# More distinct values of a column than this are not remembered for near misses.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Condition:
    """What one column of the row must hold.

    Attributes:
        column: its name.
        text: the value as the user wrote it.
        value: the value as the column's kind reads it, of its Arrow type; null: missing.
    """

    column: str
    text: str
    value: pa.Scalar

    def holds(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Returns which rows hold it, bool (n,)."""
        if not self.value.is_valid:
            return pc.is_null(rows[self.column])
        return pc.fill_null(pc.equal(rows[self.column], self.value), False)


@dataclass
class _Seen:
    """What was seen on the way to rows that meet all conditions."""

    matches: list[pa.RecordBatch] = field(default_factory=list)
    count: int = 0
    holding: dict[str, int] = field(default_factory=dict)
    near: list[pa.RecordBatch] = field(default_factory=list)
    values: dict[str, set[Any]] = field(default_factory=dict)


def find_row(tables: Tables, lookups: Lookups, key: str, max_record_bytes: int) -> pa.RecordBatch:
    """Finds the one row that a key means, in one pass over the input.

    Args:
        tables: the inputs of each table.
        lookups: the definition, and what its lookups find.
        key: ``FILE:LINE``, or ``column=value`` pairs with commas between, each value read as the
            column's cells are.
        max_record_bytes: longer records are rejects.

    Returns:
        The row: the definition's row columns and `ROW`.

    Raises:
        InputError: the key cannot be read, or means no row or several.
    """
    files = tables[ROWS]
    place = _place(files, key)
    if place is not None:
        return _row_at(lookups, key, place, max_record_bytes)
    dataset = lookups.dataset
    conditions = _read_conditions(dataset, tables, key)
    seen = _Seen()
    for read in read_rows(files, lookups, max_record_bytes):
        _look(read.rows, conditions, seen)
    if seen.count == 1:
        return seen.matches[0]
    if seen.count:
        places = "; ".join(_described(files, row, dataset) for row in seen.matches)
        more = f"; and {seen.count - _SHOWN:,} more" if seen.count > _SHOWN else ""
        raise InputError(
            f"--row {key!r} matches {counted(seen.count, 'row')}; narrow it with another "
            f"column=value, or name one as FILE:LINE: {places}{more}"
        )
    raise InputError(
        f"--row {key!r} matches no row; {_near_misses(files, dataset, conditions, seen)}"
    )


def _read_conditions(dataset: Dataset, tables: Tables, key: str) -> list[Condition]:
    """Reads ``column=value`` pairs; a pair with a comma in it stands in double quotes.

    Raises:
        InputError: a pair is not COLUMN=VALUE, names no column, or its value is not of the column's
            kind.
    """
    formats = _formats(dataset, tables)
    conditions = []
    for pair in _pairs(key):
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(
                f"--row {key!r}: {pair!r} is not column=value; write such as "
                "carrier=UA,flight=1545, or FILE:LINE of an --input file"
            )
        column = dataset.row_columns.get(name)
        if column is None:
            cure = nearest_names(name, dataset.row_columns) or ", ".join(dataset.row_columns)
            raise InputError(f"--row {key!r}: no column {name!r}; did you mean {cure}?")
        cell = pa.array([text.encode(errors="surrogateescape")], pa.binary())
        cells = read_cells(cell, column, formats.get(name))
        if cells.problems:
            raise InputError(
                f"--row {key!r}: {text!r} is {cells.problems[0].text}, as {name} must be "
                f"({type(column).__name__}); write it as the files do"
            )
        conditions.append(Condition(name, text, cells.values[0]))
    return conditions


def _pairs(key: str) -> list[str]:
    try:
        return next(csv.reader([key])) or [""]
    except csv.Error as error:
        raise InputError(
            f"--row {key!r} cannot be read ({error}); put a pair with a comma or a line end in "
            "double quotes"
        ) from error


def _formats(dataset: Dataset, tables: Tables) -> dict[str, CsvFormat]:
    """Returns how the cells of each column are written that is read of CSV files."""
    tables_of = dict.fromkeys(dataset.columns, ROWS)
    for lookup in dataset.lookups:
        cells = dataset.sources[lookup.source].columns
        tables_of |= {name: lookup.source for name, read in lookup.outputs.items() if read in cells}
    return {
        name: one.format
        for name, table in tables_of.items()
        for one in tables[table]
        if isinstance(one, CsvFile)
    }


def _look(rows: pa.RecordBatch, conditions: Sequence[Condition], seen: _Seen) -> None:
    holding = np.array(
        [condition.holds(rows).to_numpy(zero_copy_only=False) for condition in conditions]
    )
    met = holding.sum(axis=0)
    for condition, mask in zip(conditions, holding, strict=True):
        seen.holding[condition.column] = seen.holding.get(condition.column, 0) + int(mask.sum())
    found = np.flatnonzero(met == len(conditions))
    seen.count += len(found)
    seen.matches += [rows.slice(i, 1) for i in found[: _SHOWN - len(seen.matches)].tolist()]
    if len(conditions) > 1:
        near = np.flatnonzero(met == len(conditions) - 1)
        seen.near += [rows.slice(i, 1) for i in near[: _NEAR - len(seen.near)].tolist()]
        return
    name = conditions[0].column
    values = seen.values.setdefault(name, set())
    if len(values) < _REMEMBERED:
        values.update(pc.unique(rows[name]).to_pylist())


def _near_misses(
    files: Sequence[TableInput], dataset: Dataset, conditions: Sequence[Condition], seen: _Seen
) -> str:
    if seen.near:
        places = "; ".join(
            f"{_described(files, row, dataset)}: {_differing(row, conditions)}" for row in seen.near
        )
        return f"rows that meet all but one of its values: {places}"
    counts = ", ".join(
        f"{c.column}={c.text} ({counted(seen.holding.get(c.column, 0), 'row')})" for c in conditions
    )
    if len(conditions) > 1:
        return f"rows that each value alone means: {counts}"
    (condition,) = conditions
    found = seen.values.get(condition.column)
    if not found:
        return "the input has no rows"
    known = [value for value in found if value is not None]
    if not known:
        return f"{condition.column} is missing in every row"
    return f"values of {condition.column} near it: {_nearest(condition, known)}"


def _nearest(condition: Condition, known: Sequence[Any]) -> str:
    wanted = condition.value.as_py()
    if wanted is None or isinstance(wanted, bool | bytes):  # none is nearer than another
        return ", ".join(sorted(f"{value!s:.{_LETTERS}}" for value in known)[:_NEAR])
    if isinstance(wanted, str):
        near = difflib.get_close_matches(wanted, known, n=_NEAR, cutoff=0.0)
    else:
        near = sorted(known, key=lambda value: abs(value - wanted))[:_NEAR]
    return ", ".join(map(str, near))


def _differing(row: pa.RecordBatch, conditions: Sequence[Condition]) -> str:
    (differing,) = (c for c in conditions if not c.holds(row)[0].as_py())
    return f"{differing.column} is {row[differing.column][0].as_py()}, not {differing.text}"


def _described(files: Sequence[TableInput], row: pa.RecordBatch, dataset: Dataset) -> str:
    asked = "" if dataset.row_time is None else f" ({row[dataset.row_time][0].as_py()})"
    return f"{place_of(files, row[ROW][0].as_py())}{asked}"


def _place(files: Sequence[TableInput], key: str) -> tuple[TableInput, int] | None:
    """Reads ``FILE:LINE``; None where the key is something else."""
    name, colon, line = key.rpartition(":")
    if not colon or not _LINE.fullmatch(line):
        return None
    exact = [file for file in files if file.path == name]
    found = exact or [f for f in files if f.path.endswith("/" + name)]
    if len(found) == 1:
        return found[0], int(line)
    if "=" in name:
        return None
    paths = ", ".join(file.path for file in (found or files)[:_NEAR])
    what = "several of the" if found else "none of the"
    raise InputError(f"--row {key!r}: {name!r} is {what} --input files; they are {paths}")


def _row_at(
    lookups: Lookups, key: str, place: tuple[TableInput, int], max_record_bytes: int
) -> pa.RecordBatch:
    file, line = place
    offset = file.offset_of(line) if line else None
    if offset is None:
        why = "it ends before" if line else "the first one is 1"
        raise InputError(f"--row {key!r}: {file.path} has no {file.place_word} {line}; {why}")
    wanted = int(row_identity(file.number, np.array([offset], np.int64))[0])
    reject = None
    for read in read_rows([file], lookups, max_record_bytes):
        found = np.flatnonzero(read.rows[ROW].to_numpy() == wanted)
        if len(found):
            return read.rows.slice(int(found[0]), 1)
        reject = next((r.reason for r in read.rejects if r.offset == offset), reject)
    if reject is not None:
        raise InputError(f"--row {key!r}: the record there is a reject: {reject}")
    raise InputError(
        f"--row {key!r}: no record begins on line {line}; it is a header, a blank line, or a later "
        "line of the record before"
    )


def identity_columns(dataset: Dataset, row: pa.RecordBatch) -> Mapping[str, Any]:
    """Returns what tells a row from others: its passthrough columns, windowed ones left out."""
    names = [name for name in dataset.passthrough if name in dataset.row_columns]
    return {name: row[name][0].as_py() for name in names}
