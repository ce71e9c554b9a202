"""Windowed aggregates as data: column × operators × windows, and the names they give."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from forebay.transforms.definition.columns import Column, Number, String
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.windows.operators import OF_ONE_VALUE, Op, count
from forebay.transforms.durations import parse_duration

COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


@dataclass(frozen=True)
class Where:
    """Keeps the events whose cell compares so with a value; missing, NaN and infinite ones don't.

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

    def __str__(self) -> str:
        return f"{self.column} {self.comparison} {self.value!r}"


@dataclass(frozen=True)
class Windowed:
    """Aggregates of the events of a key in windows that end where a row asks.

    A row asked at time ``q`` (its row time) sees the events ``e`` of its key with
    ``q - lag - w <= e.at < q - lag`` and, where ``available_at`` is given,
    ``e.available_at < q``; never its own event. The columns named are those of the events, but
    for ``row_key``.

    Attributes:
        value: the Number, Integer or (for some operators) String column aggregated; None counts
            events.
        key: the column or columns that say whose event it is; empty: one key for all.
        over: the window lengths, such as ``"1h"``, or ``"unbounded"``.
        ops: the operators, each applied to each window; several in one, as `last_k` gives them,
            count as several.
        row_key: the columns of the asking row compared with ``key``; empty: those of these names.
        at: the Timestamp column with the event's time; None: the dataset's row time.
        available_at: the Timestamp column with the instant from which the event is known.
        lag: how far before ``q`` the windows end.
        where: a filter on the events, or several that must all hold.
        by: a column of the events; each of ``categories`` gets columns of its own, over the
            events that have this category there.
        categories: the values of ``by``.
        tile: a duration, for very dense keys: rows ask as if at its last multiple (counted from
            1970, UTC, the lag later), so that rows of one tile share their windows. What they see
            is exact for that instant, which is less than a tile before their own.
        event_id: what the versions of one event share: of those available before ``q``, the
            greatest by (``available_at``, ``value``) replaces the others, its time and key too. A
            row's own event is then every version of its id. Needs ``available_at``.
        deleted: the Boolean column that is true in a version which deletes the event.
        source: which of the dataset's sources the events are from; None: its own rows.
    """

    value: str | None = None
    key: Several[str] | str = ()
    over: Several[str] | str = ()
    ops: Several[Op | Several[Op]] | Op = field(default_factory=count)
    row_key: Several[str] | str = ()
    at: str | None = None
    available_at: str | None = None
    lag: str = "0s"
    where: Several[Where] | Where = ()
    by: str | None = None
    categories: Several[str | float | bool] = ()
    tile: str | None = None
    event_id: str | None = None
    deleted: str | None = None
    source: str | None = None

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
        parts = [] if self.source is None else [self.source]
        parts += [self.value or "events", op.label, window]
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

    def precedence(self, at: str) -> tuple[str, ...]:
        """The columns that decide between versions of an event that become available at once.

        The greater value of the first stands, then of the second and so on; a missing one is less
        than any other. All columns that this aggregate reads are among them, so that never the
        order of the input decides.

        Args:
            at: the column with the events' times.
        """
        filtered = (condition.column for where in self.filters for condition in where)
        names = (self.value, at, self.deleted, *self.key, *filtered)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns of the dataset's rows that this aggregate reads, the row time apart."""
        if self.source is not None:
            return self.row_keys
        return (*self.row_keys, *self.event_columns)

    @property
    def event_columns(self) -> tuple[str, ...]:
        """The columns of the events that this aggregate reads, the row time apart."""
        optional = (
            self.value, self.at, self.available_at, self.by, self.event_id, self.deleted,
        )  # fmt: skip
        compared = (condition.column for condition in self.where)  # type: ignore[union-attr]
        return (*self.key, *(name for name in optional if name), *compared)
