"""Windowed aggregates as data: column × operators × windows, and the names they give."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from transforms.columns import Boolean, Column, Date, Integer, Number, String, Timestamp
from transforms.durations import DURATION_CURE, UNBOUNDED, parse_duration
from transforms.errors import Problem
from transforms.freeze import freeze_sequences
from transforms.operators import OF_EVENTS, OF_ONE_VALUE, OF_TEXT, OPERATORS, Op, count

COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


@dataclass(frozen=True)
class Where:
    """Keeps the events whose column compares so with a value; a missing cell keeps none.

    Attributes:
        column: the column compared.
        comparison: one of ``== != < <= > >=``.
        value: text, number or truth value of the column's kind.
    """

    column: str
    comparison: Literal["==", "!=", "<", "<=", ">", ">="]
    value: str | float | bool

    @property
    def label(self) -> str:
        """The part of a column name that tells this filter, such as ``carrier_eq_UA``."""
        text = "".join(c if c.isalnum() else "_" for c in str(self.value))
        return f"{self.column}_{COMPARISONS[self.comparison]}_{text}"

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this filter; ``where`` is its path in the definition."""
        if self.comparison not in COMPARISONS:
            yield Problem(
                where, self.comparison, "no such comparison", f"use one of {' '.join(COMPARISONS)}"
            )
        column = columns.get(self.column)
        if column is None:
            yield unknown_column(f"{where}.column", self.column, columns)
            return
        fitting: tuple[type, ...] = {
            Boolean: (bool,),
            String: (str,),
            Number: (int, float),
            Integer: (int, float),
        }.get(type(column), ())
        if not isinstance(self.value, fitting) or (bool not in fitting and self.value is True):
            yield Problem(
                f"{where}.value",
                self.value,
                f"cannot be compared with {self.column}, a {type(column).__name__} column",
                "compare Boolean with bool, String with text, Number and Integer with numbers",
            )


@dataclass(frozen=True)
class Windowed:
    """Aggregates of the events of a key in windows that end where a row asks.

    A row asked at time ``q`` (its row time) sees the events ``e`` of its key with
    ``q - lag - w <= e.at < q - lag`` and, where ``available_at`` is given,
    ``e.available_at < q``; never its own event.

    Attributes:
        value: the Number, Integer or (for some operators) String column aggregated; None counts
            events.
        key: the column or columns that say whose event it is; empty: one key for all.
        over: the window lengths, such as ``"1h"``, or ``"unbounded"``.
        ops: the operators, each applied to each window; several in one, as `last_k` gives them,
            count as several.
        row_key: the columns of the asking row compared with ``key``; empty: the same.
        at: the Timestamp column with the event's time; None: the dataset's row time.
        available_at: the Timestamp column with the instant from which the event is known.
        lag: how far before ``q`` the windows end.
        where: a filter on the events, or several that must all hold.
        by: a column of the events; each of ``categories`` gets columns of its own, over the
            events that have this category there.
        categories: the values of ``by``.
        tile: for very dense keys: rows ask as if at the last multiple of this duration (counted
            from 1970, UTC, the lag later), so that rows of one tile share their windows. What they
            see is exact for that instant, which is less than a tile before their own.
    """

    value: str | None = None
    key: tuple[str, ...] | str = ()
    over: tuple[str, ...] | str = ()
    ops: tuple[Op | tuple[Op, ...], ...] | Op = field(default_factory=count)
    row_key: tuple[str, ...] | str = ()
    at: str | None = None
    available_at: str | None = None
    lag: str = "0s"
    where: tuple[Where, ...] | Where = ()
    by: str | None = None
    categories: tuple[str | float | bool, ...] = ()
    tile: str | None = None

    def __post_init__(self) -> None:
        freeze_sequences(self)
        for name in ("key", "over", "ops", "row_key", "where"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, tuple) else (value,))
        flat = [op if isinstance(op, tuple | list) else (op,) for op in self.operators]
        object.__setattr__(self, "ops", tuple(itertools.chain.from_iterable(flat)))

    @property
    def operators(self) -> tuple[Op, ...]:
        """The operators, one for each output column of a window."""
        return self.ops  # type: ignore[return-value]

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The columns of the asking row that are compared with ``key``."""
        return tuple(self.row_key or self.key)

    @property
    def filters(self) -> tuple[tuple[Where, ...], ...]:
        """The filters to apply, each a conjunction: one, or one for each category."""
        common: tuple[Where, ...] = self.where  # type: ignore[assignment]
        if self.by is None:
            return (common,)
        return tuple((*common, Where(self.by, "==", category)) for category in self.categories)

    def name(self, op: Op, window: str, where: tuple[Where, ...]) -> str:
        """Names one output column, such as ``dep_delay_mean_1h_by_origin``."""
        parts = [self.value or "events", op.label, window]
        if parse_duration(self.lag):
            parts.append(f"lag_{self.lag}")
        if self.tile:
            parts.append(f"tile_{self.tile}")
        if where:
            parts.append("where_" + "_and_".join(condition.label for condition in where))
        if self.key:
            parts.append("by_" + "_".join(self.key))
        if self.row_keys != self.key:
            parts.append("for_" + "_".join(self.row_keys))
        return "_".join(parts)

    @property
    def outputs(self) -> dict[str, tuple[Op, str, tuple[Where, ...]]]:
        """Operator, window and filter of each output column, by name.

        Columns of one name are one: a definition that has them is refused.
        """
        return dict(self._outputs())

    @property
    def names(self) -> tuple[str, ...]:
        """The output columns: for each filter, each window and each operator."""
        return tuple(name for name, _ in self._outputs())

    def _outputs(self) -> Iterator[tuple[str, tuple[Op, str, tuple[Where, ...]]]]:
        for where in self.filters:
            for window in self.over:
                for op in self.operators:
                    yield self.name(op, window, where), (op, window, where)

    def kind(self, op: Op, columns: Mapping[str, Column]) -> Column:
        """The kind of an operator's output columns."""
        text = isinstance(columns.get(str(self.value)), String) and op.name in OF_ONE_VALUE
        return String() if text else Number()

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns that this aggregate reads, the row time apart."""
        optional = (self.value, self.at, self.available_at, self.by)
        compared = (condition.column for condition in self.where)  # type: ignore[union-attr]
        return (*self.key, *self.row_keys, *(name for name in optional if name), *compared)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this aggregate; ``where`` is its path in the definition."""
        yield from self._column_problems(where, columns)
        if not self.over:
            yield Problem(f"{where}.over", self.over, "no window", DURATION_CURE)
        for text in self.over:
            if text != UNBOUNDED and not parse_duration(text):
                yield Problem(
                    f"{where}.over",
                    text,
                    "not a positive duration",
                    f"{DURATION_CURE}, or 'unbounded'",
                )
        if parse_duration(self.lag) is None:
            yield Problem(f"{where}.lag", self.lag, "not a duration", DURATION_CURE)
        if self.tile is not None and not parse_duration(self.tile):
            yield Problem(f"{where}.tile", self.tile, "not a positive duration", DURATION_CURE)
        for op in self.operators:
            yield from self._operator_problems(where, op, columns)
        if len(self.row_keys) != len(self.key):
            yield Problem(
                f"{where}.row_key",
                self.row_keys,
                f"compared with the {len(self.key)} columns of key {self.key!r}",
                "name as many columns as key has",
            )
        if (self.by is None) != (not self.categories):
            yield Problem(
                f"{where}.categories", self.categories, f"beside by={self.by!r}",
                "name a column in by and list its values in categories",
            )  # fmt: skip
        for condition in sorted(set().union(*self.filters), key=repr):
            yield from condition.problems(f"{where}.where", columns)

    def _operator_problems(
        self, where: str, op: Op, columns: Mapping[str, Column]
    ) -> Iterator[Problem]:
        is_text = isinstance(columns.get(str(self.value)), String)
        yield from op.problems(f"{where}.ops")
        if is_text and op.name in OPERATORS and op.name not in OF_TEXT:
            yield Problem(
                f"{where}.value", self.value, f"text has no {op.name}",
                f"name a Number or Integer column, or use one of {', '.join(OF_TEXT)}",
            )  # fmt: skip
        if is_text and op.name in OF_ONE_VALUE and op.default is not None:
            yield Problem(
                f"{where}.ops.default", op.default, f"a number, but {self.value} is text",
                "leave it out",
            )  # fmt: skip
        if self.value is None and op.name not in OF_EVENTS:
            yield Problem(
                f"{where}.value",
                None,
                f"{op.name} needs a column",
                "name the column to aggregate",
            )

    def _column_problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        wanted: list[tuple[str, Any, tuple[type[Column], ...]]] = [
            ("value", self.value, (Number, Integer, String)),
            ("at", self.at, (Timestamp,)),
            ("available_at", self.available_at, (Timestamp,)),
        ]
        keys = (String, Integer, Boolean, Date)
        wanted += [("key", name, keys) for name in self.key]
        wanted += [("row_key", name, keys) for name in self.row_keys if self.row_key]
        for attribute, name, kinds in wanted:
            if name is None:
                continue
            column = columns.get(name)
            if column is None:
                yield unknown_column(f"{where}.{attribute}", name, columns)
            elif not isinstance(column, kinds):
                yield Problem(
                    f"{where}.{attribute}",
                    name,
                    f"a {type(column).__name__} column",
                    "name a column of kind " + " or ".join(kind.__name__ for kind in kinds),
                )
        for key, row_key in zip(self.key, self.row_keys, strict=False):
            if key in columns and row_key in columns:
                kinds_found = (type(columns[key]).__name__, type(columns[row_key]).__name__)
                if kinds_found[0] != kinds_found[1]:
                    yield Problem(
                        f"{where}.row_key",
                        row_key,
                        f"a {kinds_found[1]} column, compared with {key}, a {kinds_found[0]}",
                        "compare columns of one kind",
                    )


def unknown_column(where: str, name: str, columns: Mapping[str, Any]) -> Problem:
    """Describes a name that no column has, with the nearest names there are."""
    import difflib

    near = difflib.get_close_matches(name, columns, n=3, cutoff=0.5)
    cure = f"did you mean {' or '.join(near)}?" if near else f"the columns are {', '.join(columns)}"
    return Problem(where, name, "no such column", cure)
