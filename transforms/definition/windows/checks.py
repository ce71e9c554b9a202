"""What can be wrong with a windowed aggregate."""

from collections.abc import Iterator, Mapping
from typing import Any

from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Kinds,
    Number,
    String,
    Timestamp,
    kind_problems,
)
from forebay.transforms.definition.windows.operators import (
    OF_EVENTS,
    OF_ONE_VALUE,
    OF_TEXT,
    OPERATORS,
    Op,
)
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.durations import DURATION_CURE, UNBOUNDED, duration_problems
from forebay.transforms.errors import Problem, unknown_column

# The cause of a problem with a name that no source has.
NO_SUCH_SOURCE = "no such source"

# What says whose event it is, or which row of a table is meant.
KEYS: Kinds = (String, Integer, Boolean, Date)


def window_problems(
    windowed: Windowed,
    where: str,
    rows: Mapping[str, Column],
    sources: Mapping[str, Mapping[str, Column]],
) -> Iterator[Problem]:
    """Yields the mistakes of a windowed aggregate.

    Args:
        windowed: the aggregate.
        where: its path in the definition.
        rows: the columns of the dataset's rows.
        sources: the columns of each of its sources.
    """
    if windowed.source is not None and windowed.source not in sources:
        yield unknown_source(where, windowed.source, sources)
        return
    columns = rows if windowed.source is None else sources[windowed.source]
    yield from _event_problems(windowed, where)
    yield from _column_problems(windowed, where, columns)
    yield from _row_key_problems(windowed, where, rows, columns)
    yield from _duration_problems(windowed, where)
    if not windowed.operators:
        yield Problem(f"{where}.ops", (), "no operator", "write such as mean(), or leave it out")
    for op in windowed.operators:
        yield from _operator_problems(windowed, where, op, columns)
    if (windowed.by is None) != (not windowed.categories):
        yield Problem(
            f"{where}.categories", windowed.categories, f"beside by={windowed.by!r}",
            "name a column in by and list its values in categories",
        )  # fmt: skip
    for condition in sorted(set().union(*windowed.filters), key=repr):
        yield from where_problems(condition, f"{where}.where", columns)


def _event_problems(windowed: Windowed, where: str) -> Iterator[Problem]:
    if windowed.source is not None and windowed.at is None:
        yield Problem(
            f"{where}.at", None, f"events of the source {windowed.source!r} have no row time",
            "name the Timestamp column of the source with their time",
        )  # fmt: skip
    if windowed.event_id is not None and windowed.available_at is None:
        yield Problem(
            f"{where}.available_at", None, f"beside event_id={windowed.event_id!r}",
            "name the Timestamp column that says when each version becomes known",
        )  # fmt: skip
    if windowed.deleted is not None and windowed.event_id is None:
        yield Problem(
            f"{where}.event_id", None, f"beside deleted={windowed.deleted!r}",
            "name the column that says which event is deleted",
        )  # fmt: skip


def _duration_problems(windowed: Windowed, where: str) -> Iterator[Problem]:
    if not windowed.over:
        yield Problem(f"{where}.over", windowed.over, "no window", DURATION_CURE)
    for text in windowed.over:
        if text != UNBOUNDED:
            yield from duration_problems(f"{where}.over", text, or_else=", or 'unbounded'")
    yield from duration_problems(f"{where}.lag", windowed.lag, zero=True)
    if windowed.tile is not None:
        yield from duration_problems(f"{where}.tile", windowed.tile)


def _operator_problems(
    windowed: Windowed, where: str, op: Op, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    is_text = isinstance(columns.get(str(windowed.value)), String)
    yield from op.problems(f"{where}.ops")
    if is_text and op.name in OPERATORS and op.name not in OF_TEXT:
        yield Problem(
            f"{where}.value", windowed.value, f"text has no {op.name}",
            f"name a Number or Integer column, or use one of {', '.join(OF_TEXT)}",
        )  # fmt: skip
    if is_text and op.name in OF_ONE_VALUE and op.default is not None:
        yield Problem(
            f"{where}.ops.default", op.default, f"a number, but {windowed.value} is text",
            "leave it out",
        )  # fmt: skip
    if windowed.value is None and op.name not in OF_EVENTS:
        yield Problem(
            f"{where}.value",
            None,
            f"{op.name} needs a column",
            "name the column to aggregate",
        )


def _column_problems(
    windowed: Windowed, where: str, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    wanted: list[tuple[str, str | None, Kinds]] = [
        ("value", windowed.value, (Number, Integer, String)),
        ("at", windowed.at, (Timestamp,)),
        ("available_at", windowed.available_at, (Timestamp,)),
        ("event_id", windowed.event_id, (String, Integer)),
        ("deleted", windowed.deleted, (Boolean,)),
    ]
    wanted += [("key", name, KEYS) for name in windowed.key]
    for attribute, name, kinds in wanted:
        if name is not None:
            yield from kind_problems(f"{where}.{attribute}", name, kinds, columns)


def _row_key_problems(
    windowed: Windowed, where: str, rows: Mapping[str, Column], columns: Mapping[str, Column]
) -> Iterator[Problem]:
    """Yields the mistakes of the rows' keys, given the columns of rows and of events."""
    if len(windowed.row_keys) != len(windowed.key):
        yield Problem(
            f"{where}.row_key",
            windowed.row_keys,
            f"compared with the {len(windowed.key)} columns of key {windowed.key!r}",
            "name as many columns as key has",
        )
    if windowed.row_key or windowed.source is not None:
        for name in windowed.row_keys:
            yield from kind_problems(f"{where}.row_key", name, KEYS, rows)
    for key, row_key in zip(windowed.key, windowed.row_keys, strict=False):
        if key in columns and row_key in rows:
            kinds_found = (type(columns[key]).__name__, type(rows[row_key]).__name__)
            if kinds_found[0] != kinds_found[1]:
                yield Problem(
                    f"{where}.row_key",
                    row_key,
                    f"a {kinds_found[1]} column, compared with {key}, a {kinds_found[0]}",
                    "compare columns of one kind",
                )


def where_problems(
    condition: Where, where: str, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    """Yields the mistakes of a condition on the cells of some columns."""
    column = columns.get(condition.column)
    if column is None:
        yield unknown_column(f"{where}.column", condition.column, columns)
        return
    fitting: tuple[type, ...] = {
        Boolean: (bool,),
        String: (str,),
        Number: (int, float),
        Integer: (int, float),
    }.get(type(column), ())
    is_other_bool = isinstance(condition.value, bool) and bool not in fitting
    if is_other_bool or not isinstance(condition.value, fitting):
        yield Problem(
            f"{where}.value",
            condition.value,
            f"cannot be compared with {condition.column}, a {type(column).__name__} column",
            "compare Boolean with bool, String with text, Number and Integer with numbers",
        )


def unknown_source(where: str, name: str, sources: Mapping[str, Any]) -> Problem:
    """Describes a name that no source has."""
    known = f"the sources are {', '.join(sources)}" if sources else "the dataset has none"
    cure = f"{known}; name one, or declare it in sources"
    return Problem(f"{where}.source", name, NO_SUCH_SOURCE, cure)
