"""Windows added to a table in memory: no pipeline, no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.sources.frames import Frame, Table, as_arrow
from forebay.pipelines.windows.conform import conform
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.fields.types import class_problem
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import RESERVED_PREFIX, ROWS, Source
from forebay.transforms.definition.windows.table import WindowedTable
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.errors import DefinitionError, InputError, Problem
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import WindowGroup, window_groups

_FRAME = "the frame"


def windows(
    frame: Frame,
    windows: Windowed | Sequence[Windowed],
    at: str,
    sources: Mapping[str, Frame] | None = None,
) -> Table:
    """Adds windowed columns to a table in memory.

    A row sees the events before it asks, never its own and none from its future: the values are
    those of a run. Kinds of columns follow from their Arrow types; timestamps may have any unit and
    zone, and are UTC where they have none.

    Args:
        frame: the rows: a data frame of pandas or Polars, an Arrow table, a relation of DuckDB, or
            a list of dicts.
        windows: what to add.
        at: the column with the instant at which each row asks.
        sources: the tables of the events of windows that name a ``source``, by that name.

    Returns:
        The rows in their order, with the windowed columns behind their own; missing where a row has
        no time.

    Raises:
        DefinitionError: the windows have mistakes, such as a column that the table lacks.
        InputError: something given is of the wrong kind, or has values that cannot be converted
            exactly.
    """
    asked = _checked(windows, at, sources)
    tables = {ROWS: as_arrow(frame, _FRAME)}
    tables |= {name: as_arrow(one, _called(name)) for name, one in (sources or {}).items()}
    needed = {name: _needed(name, asked, at) for name in tables}
    for name, table in tables.items():
        _check_names(table, needed[name], _called(name))
        _check_times(table, _times(name, asked, at), _called(name))
    definition = _definition(tables, asked, at)
    batches = _batches(tables, needed, definition)
    added: dict[str, pa.Array] = {}
    for group in window_groups(definition):
        added |= _answers(group, batches)
    result = tables[ROWS]
    for name in definition.windowed_columns:
        if name in result.column_names:
            raise InputError(f"{_FRAME} has a column {name!r} already; rename it")
        result = result.append_column(name, added[name])
    return Table(result)


def _checked(windows: Any, at: Any, sources: Any) -> tuple[Windowed, ...]:
    """Returns the windows, whatever else is given being of its class."""
    asked = (windows,) if isinstance(windows, Windowed) else windows
    given = tuple(asked) if isinstance(asked, Sequence) and not isinstance(asked, str) else asked
    wanted = {
        "windows": (given, tuple[Windowed, ...]), "at": (at, str),
        "sources": (sources, Mapping[str, Any] | None),
    }  # fmt: skip
    for name, (value, kind) in wanted.items():
        problem = class_problem(value, kind, name)
        if problem is not None:
            raise InputError(f"windows: {problem}")
    found: tuple[Windowed, ...] = given
    return found


def _definition(
    tables: Mapping[str, pa.Table], windows: tuple[Windowed, ...], at: str
) -> WindowedTable:
    """Returns the definition of windows over tables, whose columns are of their types' kinds."""
    kinds = {name: Source(columns=_kinds(table)) for name, table in tables.items()}
    try:
        return WindowedTable(
            columns=kinds.pop(ROWS).columns, row_time=at, sources=kinds, windows=windows
        )
    except DefinitionError as error:
        raise DefinitionError(None, list(map(_of_argument, error.problems))) from None


def _of_argument(problem: Problem) -> Problem:
    """Returns a mistake as one of `windows`' arguments, not of a definition's parts."""
    return replace(problem, where="at") if problem.where == "row_time" else problem


def _called(name: str) -> str:
    return _FRAME if name == ROWS else f"the source {name!r}"


def _needed(table: str, windows: Sequence[Windowed], at: str) -> list[str]:
    """Returns the columns of a table that windows read, each once."""
    names = [at] if table == ROWS else []
    for one in windows:
        if table == ROWS:
            names += one.row_keys if one.source is not None else one.columns_read
        elif one.source == table:
            names += one.event_columns
    return list(dict.fromkeys(names))


def _check_names(table: pa.Table, needed: Sequence[str], called: str) -> None:
    """Refuses columns that cannot be told apart, or of types that windows do not read."""
    for name in needed:
        found = table.schema.get_all_field_indices(name)
        if len(found) > 1:
            raise InputError(f"{called} has {len(found)} columns {name!r}; rename all but one")
        if found and _kind(table.schema.field(name).type) is None:
            raise InputError(
                f"{called}: the column {name!r} is {table.schema.field(name).type}, which windows "
                "do not read; make numbers, text, truth values, dates or timestamps of it"
            )


def _times(table: str, windows: Sequence[Windowed], at: str) -> list[str]:
    """Returns the columns of a table that are to hold instants."""
    events = [one.at for one in windows if (one.source or ROWS) == table and one.at is not None]
    return list(dict.fromkeys([at, *events] if table == ROWS else events))


def _check_times(table: pa.Table, times: Sequence[str], called: str) -> None:
    """Refuses columns of other types in the place of instants."""
    for name in times:
        place = table.schema.get_field_index(name)
        kind = None if place < 0 else table.schema.field(place).type
        if kind is not None and not pa.types.is_timestamp(kind):
            raise InputError(
                f"{called}: the column {name!r} is {kind}, where instants are meant; make "
                "timestamps of it, such as by pandas.to_datetime"
            )


def _kinds(table: pa.Table) -> dict[str, Column]:
    """Returns the kinds of a table's columns, those apart that windows do not read."""
    kinds = {field.name: _kind(field.type) for field in table.schema}
    return {
        name: kind
        for name, kind in kinds.items()
        if kind is not None and name and not name.startswith(RESERVED_PREFIX)
    }


def _kind(given: pa.DataType) -> Column | None:
    if pa.types.is_dictionary(given):
        given = given.value_type
    return next((kind() for holds, kind in _KINDS if holds(given)), None)


def _is_text(given: pa.DataType) -> bool:
    found = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_one(given) for is_one in found)


# An Arrow type is of the first kind that holds it; a column without any value fits as a key, too.
_KINDS: Sequence[tuple[Callable[[pa.DataType], bool], type[Column]]] = (
    (pa.types.is_boolean, Boolean),
    (pa.types.is_integer, Integer),
    (pa.types.is_floating, Number),
    (pa.types.is_decimal, Number),
    (_is_text, String),
    (pa.types.is_timestamp, Timestamp),
    (pa.types.is_date, Date),
    (pa.types.is_binary, Bytes),
    (pa.types.is_null, Integer),
)


def _batches(
    tables: Mapping[str, pa.Table], needed: Mapping[str, Sequence[str]], definition: WindowedTable
) -> dict[str, list[pa.RecordBatch]]:
    """Returns the needed columns of each table as windows read them, and identities of the rows."""
    found: dict[str, list[pa.RecordBatch]] = {}
    rows = 0
    for name, table in tables.items():
        columns = definition.tables[name].columns
        given = table.select(needed[name])
        batches = given.to_batches() or [pa.RecordBatch.from_pylist([], given.schema)]
        found[name] = []
        for batch in batches:
            identities = pa.array(np.arange(rows, rows + len(batch)))
            batch = batch.append_column(ROW, identities)
            found[name].append(conform(batch, columns, needed[name], _called(name)))
            rows += len(batch)
    return found


def _answers(
    group: WindowGroup, batches: Mapping[str, Sequence[pa.RecordBatch]]
) -> dict[str, pa.Array]:
    """Returns the columns of a group, one value for each row."""
    rows = sum(map(len, batches[ROWS]))
    events = pa.Table.from_batches([group.events(batch) for batch in batches[group.source]])
    requests = pa.Table.from_batches([group.requests(batch) for batch in batches[ROWS]])
    answers = compute(group, events, requests, threads=usable_cores())
    place = np.zeros(rows, np.int64)
    has_time = np.zeros(rows, np.bool_)
    place[answers[ROW].to_numpy()] = np.arange(len(answers))
    has_time[answers[ROW].to_numpy()] = True
    taken = pa.array(place, mask=~has_time)
    return {field.name: answers[field.name].cast(field.type).take(taken) for field in group.schema}
