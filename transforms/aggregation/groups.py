"""Which events and requests the windows of a definition need, as Arrow batches.

Aggregates that read the same events (key, times, filter) form one group, which is computed in one
pass over those events.
"""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.aggregation.aggregates import Aggregate
from transforms.columns import String
from transforms.dataset import Dataset
from transforms.durations import UNBOUNDED, duration_us
from transforms.partition import hash_rows
from transforms.windows import Where, Windowed

ROW = "__row"
TIME, AVAILABLE, RETIRED, ASKS = "time", "available_at", "retired_at", "asks"
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
        hashed: whether to take 64-bit hashes of the text in the column, instead of the text.
        text: whether what is taken is text.
    """

    source: str | None
    nulls: bool = False
    where: tuple[Where, ...] = ()
    hashed: bool = False
    text: bool = False

    @property
    def label(self) -> str:
        """The name of this column among a group's."""
        name = self.source or "events"
        name = f"nulls of {name}" if self.nulls else f"hashes of {name}" if self.hashed else name
        return " and ".join([name, *(condition.label for condition in self.where)])

    def take(self, batch: pa.RecordBatch) -> pa.Array:
        """Returns the values of a batch of rows, missing where there is none."""
        ones = pa.array(np.ones(len(batch), np.int64))
        values = ones if self.source is None else batch[self.source]
        if self.nulls:
            values = pc.if_else(_has_value(values), None, ones)
        if self.hashed:
            values = _hash_text(values)
        return pc.if_else(_passes(self.where, batch), values, None) if self.where else values


@dataclass(frozen=True)
class WindowGroup:
    """The aggregates over one set of events.

    Attributes:
        key, row_key: the columns compared, of the event and of the asking row.
        at, available_at: the event's time and its availability.
        row_time: the instant at which a row asks.
        tile_us: rows ask as if at the last multiple of this, the lag later; None: as they ask.
        aggregates: what to compute, by output column.
        values: what is aggregated, by label.
    """

    key: tuple[str, ...]
    row_key: tuple[str, ...]
    at: str
    available_at: str | None
    row_time: str
    tile_us: int | None
    aggregates: Mapping[str, Aggregate]
    values: Mapping[str, ValueColumn]

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the output columns: text, or float64 whatever they count."""
        return pa.schema(
            [(name, self._output_type(aggregate)) for name, aggregate in self.aggregates.items()]
        )

    def _output_type(self, aggregate: Aggregate) -> pa.DataType:
        value = self.values.get(str(aggregate.column))
        text = value is not None and value.text and aggregate.gives_a_value
        return pa.string() if text else pa.float64()

    @property
    def is_shared(self) -> bool:
        """Whether rows that ask at one instant are answered alike: none can see its own event."""
        return self.tile_us is not None and self.at == self.row_time

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
        if self.at != self.row_time:
            wanted[ASKS] = batch[self.row_time].cast(pa.int64())
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
        wanted[TIME] = self.asked(batch[self.row_time].cast(pa.int64()))
        wanted[ROW] = batch[ROW]
        return pa.RecordBatch.from_pydict(wanted).filter(pc.is_valid(batch[self.row_time]))

    def asked(self, times: pa.Array) -> pa.Array:
        """Returns the instants for which rows of some times are answered, int64 µs (n,)."""
        if self.tile_us is None:
            return times
        lag_us = next(iter(self.aggregates.values())).lag_us
        ends = pc.fill_null(times, 0).to_numpy() - lag_us
        return pa.array(ends // self.tile_us * self.tile_us + lag_us, mask=_is_null(times))

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
        # Rows of one group ask at one instant; rounded to tiles, that depends on the lag.
        tiles = (windowed.tile, windowed.lag) if windowed.tile else None
        identity = (windowed.key, windowed.row_keys, at, windowed.available_at, tiles)
        text = isinstance(dataset.row_columns.get(str(windowed.value)), String)
        groups.setdefault(identity, {}).update(_columns(windowed, text))
    return [
        WindowGroup(
            key=key,
            row_key=row_key,
            at=at,
            available_at=available_at,
            row_time=str(dataset.row_time),
            tile_us=duration_us(tiles[0]) if tiles else None,
            aggregates={name: aggregate for name, (aggregate, _) in columns.items()},
            values={value.label: value for _, value in columns.values() if value is not None},
        )
        for (key, row_key, at, available_at, tiles), columns in groups.items()
    ]


def _columns(
    windowed: Windowed, text: bool
) -> Iterator[tuple[str, tuple[Aggregate, ValueColumn | None]]]:
    """Yields each output column's name, aggregate and what it aggregates; None: the events."""
    for name, (op, window, where) in windowed.outputs.items():
        nulls, hashed = op.name == "count_nulls", text and op.name == "distinct"
        value = ValueColumn(windowed.value, nulls, where, hashed, text and not (nulls or hashed))
        unfiltered_events = value == ValueColumn(None)
        aggregate = Aggregate(
            op="count" if value.nulls else op.name,  # type: ignore[arg-type]
            column=None if unfiltered_events else value.label,
            window_us=None if window == UNBOUNDED else duration_us(window),
            lag_us=duration_us(windowed.lag),
            default=op.default,
            min_count=op.min_count,
            place=op.place,
            per_us=duration_us(op.per) if op.per else 1,
            half_life_us=duration_us(op.half_life) if op.half_life else 1,
            q=0.5 if op.q is None else op.q,
            limit=op.limit,
            accuracy=op.accuracy,
        )
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


def _is_null(column: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def _hash_text(texts: pa.Array) -> pa.Array:
    """64-bit hashes as int64 (n,), missing where there is no text."""
    encoded = texts.dictionary_encode()
    hashes = [
        int.from_bytes(
            hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True
        )
        for text in encoded.dictionary.to_pylist()
    ]
    return pa.array(hashes, pa.int64()).take(encoded.indices)
