"""Windowed aggregates as data: column × operators × windows, and the names they give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from transforms.columns import Boolean, Column, Date, Integer, Number, String, Timestamp
from transforms.durations import DURATION_CURE, UNBOUNDED, parse_duration
from transforms.errors import Problem
from transforms.freeze import freeze_sequences

OPERATORS = ("count", "sum", "mean", "min", "max", "std", "last")
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


@dataclass(frozen=True)
class Op:
    """One operator of a windowed aggregate.

    Attributes:
        name: one of `OPERATORS`.
        default: the value of an empty window; None: missing (a count is 0 then).
        min_count: a window with fewer values than this, but at least one, is missing; an empty
            one gives ``default``.
    """

    name: str
    default: float | None = None
    min_count: int = 0

    def problems(self, where: str) -> Iterator[Problem]:
        """Yields the mistakes of this operator; ``where`` is its path in the definition."""
        if self.name not in OPERATORS:
            yield Problem(
                where, self.name, "no such operator", f"use one of {', '.join(OPERATORS)}"
            )
        if self.name == "count" and self.default is not None:
            yield Problem(
                f"{where}.default", self.default, "an empty window counts 0", "leave it out"
            )
        if self.min_count < 0:
            yield Problem(f"{where}.min_count", self.min_count, "negative", "write 0 or more")


def count(*, min_count: int = 0) -> Op:
    """Counts the values of a column, or the events where no column is named."""
    return Op("count", None, min_count)


def sum(*, default: float | None = None, min_count: int = 0) -> Op:
    """Adds the values; exact for Integer columns."""
    return Op("sum", default, min_count)


def mean(*, default: float | None = None, min_count: int = 0) -> Op:
    """Averages the values."""
    return Op("mean", default, min_count)


def min(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the least value."""
    return Op("min", default, min_count)


def max(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the greatest value."""
    return Op("max", default, min_count)


def std(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the sample standard deviation (ddof 1), missing for fewer than two values."""
    return Op("std", default, min_count)


def last(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the value of the latest event; equal times are ordered by availability, then value."""
    return Op("last", default, min_count)


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
        value: the Number or Integer column aggregated; None counts events.
        key: the column or columns that say whose event it is; empty: one key for all.
        over: the window lengths, such as ``"1h"``, or ``"unbounded"``.
        ops: the operators, each applied to each window.
        row_key: the columns of the asking row compared with ``key``; empty: the same.
        at: the Timestamp column with the event's time; None: the dataset's row time.
        available_at: the Timestamp column with the instant from which the event is known.
        lag: how far before ``q`` the windows end.
        where: a filter on the events.
    """

    value: str | None = None
    key: tuple[str, ...] | str = ()
    over: tuple[str, ...] | str = ()
    ops: tuple[Op, ...] | Op = field(default_factory=count)
    row_key: tuple[str, ...] | str = ()
    at: str | None = None
    available_at: str | None = None
    lag: str = "0s"
    where: Where | None = None

    def __post_init__(self) -> None:
        freeze_sequences(self)
        for name in ("key", "over", "ops", "row_key"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, tuple) else (value,))

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The columns of the asking row that are compared with ``key``."""
        return tuple(self.row_key or self.key)

    def name(self, op: Op, window: str) -> str:
        """Names one output column, such as ``dep_delay_mean_1h_by_origin``."""
        parts = [self.value or "events", op.name, window]
        if parse_duration(self.lag):
            parts.append(f"lag_{self.lag}")
        if self.where is not None:
            parts.append(f"where_{self.where.label}")
        if self.key:
            parts.append("by_" + "_".join(self.key))
        if self.row_keys != self.key:
            parts.append("for_" + "_".join(self.row_keys))
        return "_".join(parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The output columns: for each window, each operator."""
        return tuple(self.name(op, window) for window in self.over for op in self.ops)  # type: ignore[union-attr]

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns that this aggregate reads, the row time apart."""
        optional = (self.value, self.at, self.available_at, self.where and self.where.column)
        return (*self.key, *self.row_keys, *(name for name in optional if name))

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
        for op in self.ops:  # type: ignore[union-attr]
            yield from op.problems(
                f"{where}.ops",
            )
            if self.value is None and op.name != "count":
                yield Problem(
                    f"{where}.value",
                    None,
                    f"{op.name} needs a column",
                    "name the column to aggregate",
                )
        if len(self.row_keys) != len(self.key):
            yield Problem(
                f"{where}.row_key",
                self.row_keys,
                f"compared with the {len(self.key)} columns of key {self.key!r}",
                "name as many columns as key has",
            )
        if self.where is not None:
            yield from self.where.problems(f"{where}.where", columns)

    def _column_problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        wanted: list[tuple[str, Any, tuple[type[Column], ...]]] = [
            ("value", self.value, (Number, Integer)),
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
