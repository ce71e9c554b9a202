"""Windowed aggregates as data: column × operators × windows, and the names they give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from transforms.columns import Boolean, Column, Date, Integer, Number, String, Timestamp
from transforms.durations import DURATION_CURE, UNBOUNDED, parse_duration
from transforms.errors import Problem
from transforms.freeze import freeze_sequences
from transforms.operators import OF_EVENTS, Op, count

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
        value: the Number or Integer column aggregated; None counts events.
        key: the column or columns that say whose event it is; empty: one key for all.
        over: the window lengths, such as ``"1h"``, or ``"unbounded"``.
        ops: the operators, each applied to each window.
        row_key: the columns of the asking row compared with ``key``; empty: the same.
        at: the Timestamp column with the event's time; None: the dataset's row time.
        available_at: the Timestamp column with the instant from which the event is known.
        lag: how far before ``q`` the windows end.
        where: a filter on the events, or several that must all hold.
        by: a column of the events; each of ``categories`` gets columns of its own, over the
            events that have this category there.
        categories: the values of ``by``.
    """

    value: str | None = None
    key: tuple[str, ...] | str = ()
    over: tuple[str, ...] | str = ()
    ops: tuple[Op, ...] | Op = field(default_factory=count)
    row_key: tuple[str, ...] | str = ()
    at: str | None = None
    available_at: str | None = None
    lag: str = "0s"
    where: tuple[Where, ...] | Where = ()
    by: str | None = None
    categories: tuple[str | float | bool, ...] = ()

    def __post_init__(self) -> None:
        freeze_sequences(self)
        for name in ("key", "over", "ops", "row_key", "where"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, tuple) else (value,))

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
        if where:
            parts.append("where_" + "_and_".join(condition.label for condition in where))
        if self.key:
            parts.append("by_" + "_".join(self.key))
        if self.row_keys != self.key:
            parts.append("for_" + "_".join(self.row_keys))
        return "_".join(parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The output columns: for each filter, each window and each operator."""
        return tuple(
            self.name(op, window, where)
            for where in self.filters
            for window in self.over
            for op in self.ops  # type: ignore[union-attr]
        )

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
        for op in self.ops:  # type: ignore[union-attr]
            yield from op.problems(
                f"{where}.ops",
            )
            if self.value is None and op.name not in OF_EVENTS:
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
        if (self.by is None) != (not self.categories):
            yield Problem(
                f"{where}.categories", self.categories, f"beside by={self.by!r}",
                "name a column in by and list its values in categories",
            )  # fmt: skip
        for condition in sorted(set().union(*self.filters), key=repr):
            yield from condition.problems(f"{where}.where", columns)

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
