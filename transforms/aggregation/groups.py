"""Which events and requests the windows of a definition need, as Arrow batches.

Aggregates that read the same events (key, times, filter) form one group, which is computed in one
pass over those events.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.aggregation.aggregates import Aggregate
from transforms.dataset import Dataset
from transforms.durations import UNBOUNDED, duration_us
from transforms.partition import hash_rows
from transforms.windows import Where, Windowed

ROW = "__row"
TIME, AVAILABLE = "time", "available_at"
_COMPARE = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


@dataclass(frozen=True)
class ValueColumn:
    """What is aggregated: a column of the events, or the events themselves, seen through a filter.

    Attributes:
        source: the column; None: 1 for each event.
        nulls: whether to take 1 for each event without a value in the column, instead of the value.
        where: the conditions that an event must pass; the values of others are missing.
    """

    source: str | None
    nulls: bool = False
    where: tuple[Where, ...] = ()

    @property
    def label(self) -> str:
        """The name of this column among a group's."""
        name = f"nulls of {self.source}" if self.nulls else self.source or "events"
        return " and ".join([name, *(condition.label for condition in self.where)])

    def take(self, batch: pa.RecordBatch) -> pa.Array:
        """Returns the values of a batch of rows, missing where there is none."""
        ones = pa.array(np.ones(len(batch), np.int64))
        values = ones if self.source is None else batch[self.source]
        if self.nulls:
            values = pc.if_else(_has_value(values), None, ones)
        return pc.if_else(_passes(self.where, batch), values, None) if self.where else values


@dataclass(frozen=True)
class WindowGroup:
    """The aggregates over one set of events.

    Attributes:
        key, row_key: the columns compared, of the event and of the asking row.
        at, available_at: the event's time and its availability.
        row_time: the instant at which a row asks.
        aggregates: what to compute, by output column.
        values: what is aggregated, by label.
    """

    key: tuple[str, ...]
    row_key: tuple[str, ...]
    at: str
    available_at: str | None
    row_time: str
    aggregates: Mapping[str, Aggregate]
    values: Mapping[str, ValueColumn]

    def decided_by(self, name: str) -> tuple[str, ...]:
        """The columns of the events that decide an output column: its value's, its filters'."""
        label = self.aggregates[name].column
        if label is None:
            return ()
        value = self.values[label]
        source = () if value.source is None else (value.source,)
        return (*source, *(condition.column for condition in value.where))

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the events of a batch of rows, those without a key or a time left out.

        Events that every aggregate filters out are left out too. The columns are ``key0``..,
        ``time``, ``available_at`` where declared, `ROW` and one ``value:LABEL`` for each column
        that is aggregated.
        """
        wanted = {f"key{i}": batch[name] for i, name in enumerate(self.key)}
        wanted[TIME] = batch[self.at].cast(pa.int64())
        if self.available_at is not None:
            wanted[AVAILABLE] = batch[self.available_at].cast(pa.int64())
        seen = self._passing(batch)
        for column in wanted.values():
            seen = pc.and_(seen, pc.is_valid(column))
        wanted[ROW] = batch[ROW]
        wanted |= {f"value:{label}": value.take(batch) for label, value in self.values.items()}
        return pa.RecordBatch.from_pydict(wanted).filter(seen)

    def _passing(self, batch: pa.RecordBatch) -> pa.Array:
        """Tells which events pass the filter of any aggregate."""
        everything = pa.array(np.ones(len(batch), bool))
        if any(aggregate.column is None for aggregate in self.aggregates.values()):
            return everything
        filters = {value.where for value in self.values.values()}
        if () in filters:
            return everything
        return functools.reduce(pc.or_, (_passes(where, batch) for where in filters))

    def requests(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns what the rows of a batch ask, those without a row time left out.

        The columns are ``key0``.., ``time`` and `ROW`.
        """
        wanted = {f"key{i}": batch[name] for i, name in enumerate(self.row_key)}
        wanted[TIME] = batch[self.row_time].cast(pa.int64())
        wanted[ROW] = batch[ROW]
        return pa.RecordBatch.from_pydict(wanted).filter(pc.is_valid(batch[self.row_time]))

    def partition(self, batch: pa.RecordBatch, partitions: int) -> npt.NDArray[np.int64]:
        """Returns the partition of each event or request, int64 (n,): equal keys meet."""
        keys = [batch[f"key{i}"] for i in range(len(self.key))]
        if not keys:
            return np.zeros(len(batch), np.int64)
        return (hash_rows(keys) % np.uint64(partitions)).astype(np.int64)


def window_groups(dataset: Dataset) -> list[WindowGroup]:
    """Returns the groups of a definition's windows, in order of first mention."""
    groups: dict[Any, dict[str, tuple[Aggregate, ValueColumn | None]]] = {}
    for windowed in dataset.windows:
        at = windowed.at or dataset.row_time
        identity = (windowed.key, windowed.row_keys, at, windowed.available_at)
        groups.setdefault(identity, {}).update(_columns(windowed))
    return [
        WindowGroup(
            key=key,
            row_key=row_key,
            at=at,
            available_at=available_at,
            row_time=str(dataset.row_time),
            aggregates={name: aggregate for name, (aggregate, _) in columns.items()},
            values={value.label: value for _, value in columns.values() if value is not None},
        )
        for (key, row_key, at, available_at), columns in groups.items()
    ]


def _columns(windowed: Windowed) -> Iterator[tuple[str, tuple[Aggregate, ValueColumn | None]]]:
    """Yields each output column's name, aggregate and what it aggregates; None: the events."""
    for where in windowed.filters:
        for window in windowed.over:
            for op in windowed.ops:  # type: ignore[union-attr]
                value = ValueColumn(windowed.value, op.name == "count_nulls", where)
                unfiltered_events = value == ValueColumn(None)
                aggregate = Aggregate(
                    op="count" if value.nulls else op.name,  # type: ignore[arg-type]
                    column=None if unfiltered_events else value.label,
                    window_us=None if window == UNBOUNDED else duration_us(window),
                    lag_us=duration_us(windowed.lag),
                    default=op.default,
                    min_count=op.min_count,
                    per_us=duration_us(op.per) if op.per else 1,
                )
                name = windowed.name(op, window, where)
                yield name, (aggregate, None if unfiltered_events else value)


def _passes(where: tuple[Where, ...], batch: pa.RecordBatch) -> pa.Array:
    compared = [
        _COMPARE[condition.comparison](batch[condition.column], pa.scalar(condition.value))
        for condition in where
    ]
    return pc.fill_null(functools.reduce(pc.and_, compared), False)


def _has_value(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        return pc.fill_null(pc.is_finite(column), False)
    return pc.is_valid(column)
