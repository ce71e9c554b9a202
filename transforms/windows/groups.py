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

from forebay.transforms.definition.columns import String
from forebay.transforms.definition.identity import CONTENT, ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.windows.table import WindowedTable
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.durations import UNBOUNDED, duration_us
from forebay.transforms.hashing import hash_rows, hash_values
from forebay.transforms.windows.kernels.ordering import INT64_MIN
from forebay.transforms.windows.operations import Aggregate, Window
from forebay.transforms.windows.value_columns import ValueColumn, passes

TIME, AVAILABLE, RETIRED, ASKS = "time", "available_at", "retired_at", "asks"
EVENT, ID, SEEN, RANK = "event", "id", "seen", "rank"


@dataclass(frozen=True)
class Versioned:
    """Which columns tell the versions of an event.

    Attributes:
        event_id: what versions of one event share.
        deleted: whether a version says that there is no such event; None: none does.
        precedence: what decides between versions that become available at once, the first first.
    """

    event_id: str
    deleted: str | None
    precedence: tuple[str, ...]


@dataclass(frozen=True)
class WindowGroup:
    """The aggregates over one set of events.

    Attributes:
        source: the table of the events; `ROWS`: the asking rows' own.
        key, row_key: the columns compared, of the event and of the asking row.
        at, available_at: the event's time and its availability.
        versions: how events are corrected and deleted; None: rows are events of their own.
        row_time: the instant at which a row asks.
        tile_us: rows ask as if at the last multiple of this, the lag later; None: as they ask.
        aggregates: what to compute, by output column.
        values: what is aggregated, by label.
    """

    source: str
    key: tuple[str, ...]
    row_key: tuple[str, ...]
    at: str
    available_at: str | None
    versions: Versioned | None
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

    @property
    def windows(self) -> list[Window]:
        """The widths and lags of its windows, each once."""
        return list(dict.fromkeys(aggregate.window for aggregate in self.aggregates.values()))

    def _output_type(self, aggregate: Aggregate) -> pa.DataType:
        value = self.values.get(str(aggregate.column))
        text = value is not None and value.text and aggregate.gives_a_value
        return pa.string() if text else pa.float64()

    @property
    def is_shared(self) -> bool:
        """Whether rows that ask at one instant are answered alike: none can see its own event."""
        return self.tile_us is not None and not self.asks_later

    @property
    def asks_later(self) -> bool:
        """Whether a row may ask after its own event happened."""
        return self.source == ROWS and (self.at != self.row_time or self.versions is not None)

    @property
    def event_columns(self) -> tuple[str, ...]:
        """The columns of the source's rows that tell the events."""
        names = [*self.key, self.at, self.available_at]
        for value in self.values.values():
            names += [value.source, *(condition.column for condition in value.where)]
        if self.source == ROWS:
            names.append(self.row_time)
        if self.versions is not None:
            names += [self.versions.event_id, self.versions.deleted, *self.versions.precedence]
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def columns_of(self, table: str) -> tuple[str, ...]:
        """The columns that are read of a table's rows, as events and as what asks."""
        events = self.event_columns if table == self.source else ()
        return (*events, *self.row_key, self.row_time) if table == ROWS else events

    def decided_by(self, name: str) -> tuple[str, ...]:
        """The columns of the events that decide an output column: its value's, its filters'."""
        label = self.aggregates[name].column
        if label is None:
            return ()
        value = self.values[label]
        source = () if value.source is None else (value.source,)
        return (*source, *(condition.column for condition in value.where))

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the events of a batch of the source's rows.

        Those without a key or a time are left out, and those that every aggregate filters out. The
        columns are ``key0``.., ``time``, ``available_at`` where declared, `ROW` and one
        ``value:LABEL`` for each column that is aggregated.

        Where events have versions, these are all of them, none left out: ``seen`` tells those that
        would not be, ``id`` the versions of one event, ``event`` the same as a number, ``rank0``..
        which of them stands. `forebay.transforms.windows.versions.resolve` makes events of them.
        """
        wanted = {f"key{i}": batch[name] for i, name in enumerate(self.key)}
        wanted[TIME] = batch[self.at].cast(pa.int64())
        if self.available_at is not None:
            wanted[AVAILABLE] = batch[self.available_at].cast(pa.int64())
        seen = self._passing(batch)
        for column in wanted.values():
            seen = pc.and_(seen, pc.is_valid(column))
        if self.asks_later:
            wanted[ASKS] = batch[self.row_time].cast(pa.int64())
        wanted[ROW] = batch[ROW]
        wanted |= {f"value:{label}": value.take(batch) for label, value in self.values.items()}
        if self.versions is None:
            return _kept(wanted, seen)
        return pa.RecordBatch.from_pydict(wanted | self._of_versions(self.versions, batch, seen))

    def _of_versions(
        self, versions: Versioned, batch: pa.RecordBatch, seen: pa.Array
    ) -> dict[str, pa.Array]:
        """Returns the columns that only versions have."""
        if versions.deleted is not None:
            deleted = pc.fill_null(batch[versions.deleted], False)
            seen = pc.and_(seen, pc.invert(deleted))
        columns = {ID: batch[versions.event_id], EVENT: _identity(versions, batch), SEEN: seen}
        ranks = {f"{RANK}{i}": batch[name] for i, name in enumerate(versions.precedence)}
        return columns | ranks

    def _passing(self, batch: pa.RecordBatch) -> pa.Array:
        """Tells which events pass the filter of any aggregate."""
        everything = pa.array(np.ones(len(batch), bool))
        if any(aggregate.column is None for aggregate in self.aggregates.values()):
            return everything
        filters = {value.where for value in self.values.values()}
        if () in filters:
            return everything
        return functools.reduce(pc.or_, (passes(where, batch) for where in filters))

    def requests(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns what a batch of the dataset's rows asks, those without a row time left out.

        The columns are ``key0``.., ``time``, `ROW` and `CONTENT`, and ``event`` where events of the
        same table have versions: the identity of the row's own event.
        """
        wanted = {f"key{i}": batch[name] for i, name in enumerate(self.row_key)}
        wanted[TIME] = self.asked(batch[self.row_time].cast(pa.int64()))
        wanted |= {name: batch[name] for name in (ROW, CONTENT) if name in batch.schema.names}
        if self.versions is not None and self.source == ROWS:
            wanted[EVENT] = _identity(self.versions, batch)
        return _kept(wanted, pc.is_valid(batch[self.row_time]))

    def asked(self, times: pa.Array) -> pa.Array:
        """Returns the instants for which rows of some times are answered, int64 µs (n,)."""
        if self.tile_us is None:
            return times
        lag_us = next(iter(self.aggregates.values())).lag_us
        asked = pc.fill_null(times, 0).to_numpy()
        # Of times, not of their differences, which may be beyond int64.
        into_tile = (asked % self.tile_us - lag_us % self.tile_us) % self.tile_us
        tiles = np.where(asked >= INT64_MIN + into_tile, asked - into_tile, INT64_MIN)
        return pa.array(tiles, mask=_is_null(times))

    def partition(self, batch: pa.RecordBatch, partitions: int) -> npt.NDArray[np.int64]:
        """Returns the partition of each event or request, int64 (n,): equal keys meet."""
        keys = [batch[f"key{i}"] for i in range(len(self.key))]
        if not keys:
            return np.zeros(len(batch), np.int64)
        return (hash_rows(keys) % np.uint64(partitions)).astype(np.int64)


def window_groups(table: WindowedTable) -> list[WindowGroup]:
    """Returns the groups of a definition's windows, in order of first mention."""
    groups: dict[Any, dict[str, tuple[Aggregate, ValueColumn | None]]] = {}
    for windowed in table.windows:
        at = windowed.at or table.row_time
        # Rows of one group ask at one instant; rounded to tiles, that depends on the lag.
        tiles = (windowed.tile, windowed.lag) if windowed.tile else None
        source = windowed.source or ROWS
        versions = None
        if windowed.event_id is not None:
            versions = Versioned(windowed.event_id, windowed.deleted, windowed.precedence(str(at)))
        available_at = windowed.available_at
        identity = (source, windowed.key, windowed.row_keys, at, available_at, versions, tiles)
        columns = table.tables[source].row_columns
        text = isinstance(columns.get(str(windowed.value)), String)
        groups.setdefault(identity, {}).update(_columns(windowed, text))
    return [
        WindowGroup(
            source=source,
            key=key,
            row_key=row_key,
            at=at,
            available_at=available_at,
            versions=versions,
            row_time=str(table.row_time),
            tile_us=duration_us(tiles[0]) if tiles else None,
            aggregates={name: aggregate for name, (aggregate, _) in columns.items()},
            values={value.label: value for _, value in columns.values() if value is not None},
        )
        for (source, key, row_key, at, available_at, versions, tiles), columns in groups.items()
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


def _kept(columns: Mapping[str, pa.Array], seen: pa.Array) -> pa.RecordBatch:
    """Returns the rows that are seen; where all are, nothing is copied."""
    rows = pa.RecordBatch.from_pydict(dict(columns))
    return rows if seen.true_count == len(seen) else rows.filter(seen)


def _identity(versions: Versioned, batch: pa.RecordBatch) -> pa.Array:
    """The identity of each row's event, int64 (n,): less than 0, or its row's if it has no id."""
    ids = batch[versions.event_id]
    of_id = hash_values(ids).view(np.int64) | np.iinfo(np.int64).min
    return pc.if_else(pc.is_valid(ids), pa.array(of_id), batch[ROW])


def _is_null(column: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return mask
