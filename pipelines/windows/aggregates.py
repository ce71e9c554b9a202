"""Windowed aggregates over batches of rows, as PTransforms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.free_memory import give_back_free_memory
from forebay.pipelines.options import WINDOW_MEMORY_MB
from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned, Piece, read_pieces
from forebay.pipelines.windows.asking import Asking
from forebay.pipelines.windows.tables import conforming, in_parts
from forebay.pipelines.windows.versions import ResolveVersions, by_event
from forebay.transforms.definition.identity import CONTENT, ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.windows.table import WindowedTable
from forebay.transforms.one_batch import one_batch
from forebay.transforms.windows.groups import (
    ASKS,
    AVAILABLE,
    RETIRED,
    TIME,
    WindowGroup,
    window_groups,
)
from forebay.transforms.windows.kernels.ordering import NEVER, places_in, sort_by
from forebay.transforms.windows.operations import furthest
from forebay.transforms.windows.sliced import SlicedWindows
from forebay.transforms.windows.slices import Block, Slice, cut, reach, spanning

_EVENTS, _REQUESTS = "events", "requests"
_LATER_TIMES = (AVAILABLE, RETIRED, ASKS)
# What is written is held twice, in the order of arrival and sorted, by each of two groupings; where
# events have versions, by each of three.
_SPILLS_IN_MEMORY, _SPILLS_WITH_VERSIONS = 4, 6
# The kernels make about eight times as much of a slice: sorted copies, trees, and their answers.
_SLICES_IN_MEMORY = 16
# A chunk of requests with its states, and the summaries of slices, take a quarter each.
_CHUNKS_IN_MEMORY = 4
# The requests that are answered one after the other, at least.
_PARTS_IN_MEMORY = 32
# With it flipped, signed numbers are in the order of unsigned ones.
_SIGN = np.uint64(1 << 63)


class AddWindows(beam.PTransform):
    """Adds a definition's windowed columns to batches of rows.

    Input: ``pyarrow.RecordBatch`` elements with the definition's row columns and an int64 column
    `ROW`, the identity of each row, distinct over all batches. Columns of other types than their
    kinds', timestamps in seconds, milliseconds and nanoseconds among them, are converted where that
    is exact; where it is not, an `InputError` names the column. Where the definition has sources: a
    mapping of ``"rows"`` and each source's name to such a PCollection; identities are distinct over
    all tables. A table may be a tuple of PCollections: a Flatten of batches would be held in memory
    by local runners.

    Output: ``(shard, RecordBatch)``, one for each of ``shards`` shards that has rows, with the
    windowed columns added (missing for rows without a row time) and `CONTENT`. Rows are spread over
    the shards by a hash of what they hold and ordered by it, so that every shard is a fair sample
    in a fair order, whatever the rows were read from.

    Args:
        table: the rows' columns and their windows: a definition is one.
        temp_location: a folder that all workers can write to and read from.
        shards: how many output batches at most.
        key_partitions: into how many parts the keys of a window are divided. A worker thread
            works on one part at a time.
        memory_bytes: how much of a part a worker thread holds in memory, see
            docs/concepts/memory.md; its events are cut along time where they are more.
        keep: the row columns of the output, beside `ROW`, `CONTENT` and windowed ones; None: all.
        asking: which rows ask and are in the output; the others are events only. None: all ask.
    """

    def __init__(
        self,
        table: WindowedTable,
        temp_location: str,
        *,
        shards: int,
        key_partitions: int,
        memory_bytes: int = WINDOW_MEMORY_MB << 20,
        keep: Sequence[str] | None = None,
        asking: Asking | None = None,
    ) -> None:
        super().__init__()
        self.table = table
        self.temp_location = temp_location
        self.shards = shards
        self.key_partitions = key_partitions
        self.memory_bytes = memory_bytes
        self.keep = keep
        self.asking = asking

    def expand(self, tables: Any) -> beam.PCollection:  # noqa: D102
        groups = window_groups(self.table)
        parted = conforming(in_parts(tables), self.table, groups, self.keep or ())
        has_versions = any(group.versions for group in groups)
        spills = _SPILLS_WITH_VERSIONS if has_versions else _SPILLS_IN_MEMORY
        spill_bytes = self.memory_bytes // spills
        parts = [
            rows | f"Shard {label}" >> _each(_shard_rows, self.keep, self.shards, self.asking)
            for label, rows in parted[ROWS].items()
        ]
        if groups:
            asked = [
                rows
                | f"ToEventsAndRequests {label}"
                >> _each(_to_keys, groups, name, self.key_partitions, self.asking)
                for name in dict.fromkeys([ROWS, *(group.source for group in groups)])
                for label, rows in parted[name].items()
            ]
            for name in dict.fromkeys(group.source for group in groups if group.versions):
                asked.append(self._corrected(parted[name], groups, name, spill_bytes))
            by_key = tuple(asked) | "GroupByKey" >> GroupBatches(self.temp_location, spill_bytes)
            parts.append(
                by_key
                | "Divide" >> beam.FlatMap(divide, groups, self.memory_bytes)
                | "Spread" >> beam.Reshuffle()
                | "Aggregate" >> _each(_aggregate, groups, self.shards, self.memory_bytes)
            )
        return (
            tuple(parts)
            | "GroupByShard" >> GroupBatches(self.temp_location, spill_bytes)
            | "Join" >> beam.Map(_join, groups).with_output_types(tuple[int, pa.RecordBatch])
        )

    def _corrected(
        self, parts: Mapping[str, beam.PCollection], groups: Sequence[WindowGroup], table: str,
        spill_bytes: int,
    ) -> beam.PCollection:  # fmt: skip
        """The events of a table of which there may be several versions."""
        to_versions = _each(_to_versions, groups, table, self.key_partitions, self.asking)
        versions = [rows | f"ToVersions {label}" >> to_versions for label, rows in parts.items()]
        return (
            tuple(versions)
            | f"Resolve {table}" >> ResolveVersions(self.temp_location, spill_bytes)
            | f"ToEvents {table}" >> _each(_to_events, groups, self.key_partitions)
        )


def _each(function: Callable[..., Iterator[Partitioned]], *arguments: Any) -> beam.PTransform:
    """Applies a function that yields `Partitioned`, and tells Beam that it does."""
    return beam.FlatMap(function, *arguments).with_output_types(Partitioned)


def grouped_batches(
    batch: pa.RecordBatch, groups: Sequence[WindowGroup], table: str, keep: Sequence[str]
) -> Iterator[Partitioned]:
    """Yields all that is written to files of a batch, until windows are computed over it.

    Args:
        batch: rows of a table, `CONTENT` among them where it is the table that asks.
        groups: the windows.
        table: the table.
        keep: the row columns of the output.
    """
    if table == ROWS:
        yield from _shard_rows(batch, keep, 1, None)
    yield from _to_keys(batch, groups, table, 1, None)
    for versions in _to_versions(batch, groups, table, 1, None):
        yield versions  # and, once they are resolved, as many events
        yield from _to_events((int(versions.stage), versions.batch), groups, 1)


def _shard_rows(
    batch: pa.RecordBatch, keep: Sequence[str] | None, shards: int, asking: Asking | None
) -> Iterator[Partitioned]:
    rows = _asking(batch, asking)
    if len(rows):
        yield _to_shards(rows if keep is None else rows.select([*keep, ROW, CONTENT]), ROWS, shards)


def _to_shards(batch: pa.RecordBatch, stream: str, shards: int) -> Partitioned:
    shard = batch[CONTENT].to_numpy() % np.uint64(shards)
    return Partitioned("join", stream, shard.astype(np.int64), batch)


def _to_keys(
    batch: pa.RecordBatch, groups: Sequence[WindowGroup], table: str, partitions: int,
    asking: Asking | None,
) -> Iterator[Partitioned]:  # fmt: skip
    """Yields what rows of a table are to each group: events, and requests if they are to ask."""
    for i, group in enumerate(groups):
        if group.source == table and group.versions is None:
            events = _reached(batch, group, asking)
            yield from _to_events((i, events), groups, partitions)
        if table == ROWS:
            requests = group.requests(_asking(batch, asking))
            if len(requests):
                keys = group.partition(requests, partitions)
                yield Partitioned(str(i), _REQUESTS, keys, requests, (TIME,))


def _to_versions(
    batch: pa.RecordBatch, groups: Sequence[WindowGroup], table: str, partitions: int,
    asking: Asking | None,
) -> Iterator[Partitioned]:  # fmt: skip
    for i, group in enumerate(groups):
        if group.source == table and group.versions is not None:
            versions = _reached(batch, group, asking)
            if len(versions):
                yield by_event(i, versions, partitions)


def _asking(batch: pa.RecordBatch, asking: Asking | None) -> pa.RecordBatch:
    return batch if asking is None else batch.filter(asking.asks(batch))


def _reached(batch: pa.RecordBatch, group: WindowGroup, asking: Asking | None) -> pa.RecordBatch:
    return group.events(batch if asking is None else batch.filter(asking.reaches(group, batch)))


def _to_events(
    element: tuple[int, pa.RecordBatch], groups: Sequence[WindowGroup], partitions: int
) -> Iterator[Partitioned]:
    number, events = element
    if len(events):
        times = (TIME, *(name for name in _LATER_TIMES if name in events.schema.names))
        keys = groups[number].partition(events, partitions)
        yield Partitioned(str(number), _EVENTS, keys, events, times)


def divide(element: Group, groups: Sequence[WindowGroup], memory_bytes: int) -> Iterator[Group]:
    """Divides the requests of a key partition along time: a hot key keeps all workers busy.

    A part spans at least as much time as its windows reach back, so that few events are read for
    more than two parts; windows without bound share what they know of the past in one.
    """
    windows = groups[int(element.stage)].windows
    requests = cut(map(_block, element.of(_REQUESTS)), memory_bytes // _PARTS_IN_MEMORY)
    events = Slice(tuple(map(_block, element.of(_EVENTS))))
    for part in spanning(requests, furthest(windows)):
        seen = events.within(*reach(windows, part.first_us, part.last_us))
        pieces = tuple(block.place for block in (*part.blocks, *seen.blocks))
        yield Group(element.stage, element.partition, pieces)


def _aggregate(
    element: Group, groups: Sequence[WindowGroup], shards: int, memory_bytes: int
) -> Iterator[Partitioned]:
    """Computes the windows of requests of one key partition, a slice of events at a time."""
    group = groups[int(element.stage)]
    slices = cut(map(_block, element.of(_EVENTS)), memory_bytes // _SLICES_IN_MEMORY)
    chunks = cut(map(_block, element.of(_REQUESTS)), memory_bytes // _CHUNKS_IN_MEMORY)
    windows = SlicedWindows(group, slices, _read, memory_bytes // _CHUNKS_IN_MEMORY)
    kinds = pa.schema([(ROW, pa.int64()), (CONTENT, pa.uint64()), *group.schema])
    for values in windows.answer(map(_read, chunks)):
        yield _to_shards(values.cast(kinds, safe=False), f"windows{element.stage}", shards)
    give_back_free_memory()


def _block(piece: Piece) -> Block[Piece]:
    first_us, last_us = piece.ranges[0]
    settled_us = max(greatest for _, greatest in piece.ranges)
    return Block(piece, piece.nbytes, first_us, last_us, settled_us)


def _read(rows: Slice[Piece]) -> pa.Table:
    table = read_pieces(block.place for block in rows.blocks)
    return table.drop_columns([ASKS]) if ASKS in table.column_names else table


def _join(element: Group, groups: Sequence[WindowGroup]) -> tuple[int, pa.RecordBatch]:
    """Puts each row's windowed values beside it and orders the rows by what they hold."""
    tables = element.tables()
    order = _by_contents(tables[ROWS])
    rows = tables[ROWS].combine_chunks().take(pa.array(order))
    for i, group in enumerate(groups):
        values = tables.get(f"windows{i}")
        for name, column in _beside(tables[ROWS], order, values, group.schema):
            rows = rows.append_column(name, column)
    return element.partition, one_batch(rows, "make more shards")


def _by_contents(table: pa.Table) -> npt.NDArray[np.int64]:
    """Returns the order of rows by what they hold; of equal ones, by their identity."""
    identities, contents = table[ROW].to_numpy(), table[CONTENT].to_numpy()
    order = sort_by(np.arange(len(identities)), identities)
    return order[sort_by(np.arange(len(order)), (contents[order] ^ _SIGN).view(np.int64))]


def _beside(
    rows: pa.Table, order: npt.NDArray[np.int64], values: pa.Table | None, schema: pa.Schema
) -> Iterator[tuple[str, pa.Array]]:
    """Yields windowed columns for rows in an order; null for those without values."""
    if values is None:
        yield from ((kind.name, pa.nulls(len(order), kind.type)) for kind in schema)
        return
    # Whatever was answered was asked by one of the rows, and both are in one order.
    given = _by_contents(values)
    places = places_in(rows[ROW].to_numpy()[order], values[ROW].to_numpy()[given])
    index = pa.array(given[places], mask=places == NEVER)
    for name in schema.names:
        yield name, pc.take(values[name].combine_chunks(), index)
