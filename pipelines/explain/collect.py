"""The events that the windows of one row may see, in one pass over the input, and what they give.

Rows of other keys leave as soon as they are read. Of the row's own key, those that no window
reaches leave too, but for the nearest one on each side, which readers look for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.read_batches import CsvFile, read_batches
from transforms.aggregation.compute import compute
from transforms.aggregation.groups import ROW, WindowGroup, window_groups
from transforms.dataset import Dataset
from transforms.errors import RunFailed
from transforms.explanation import (
    Explanation,
    Value,
    WindowedColumn,
    explain,
    output_columns,
    passes,
)
from transforms.recomputation import agree, recompute
from transforms.windows import Where


@dataclass(frozen=True)
class Explained:
    """A windowed value with its explanation: the engine's value, None where it is missing."""

    value: Value | None
    explanation: Explanation


class _Events:
    """Collects the rows that the columns of one window group may see.

    Args:
        group: the windows, restricted to the wanted columns.
        columns: those columns.
        row: the asking row.
    """

    def __init__(
        self, group: WindowGroup, columns: Sequence[WindowedColumn], row: pa.RecordBatch
    ) -> None:
        self.group = group
        self.columns = columns
        self.row = row
        self.own: int = row[ROW][0].as_py()
        self.asked_us: int = row[group.row_time].cast(pa.int64())[0].as_py()
        self.filters = list(dict.fromkeys(column.where for column in columns))
        names = (
            *group.key, group.at, group.row_time, *(c.windowed.value for c in columns),
            group.available_at, *(c.column for where in self.filters for c in where), ROW,
        )  # fmt: skip
        self.names = list(dict.fromkeys(name for name in names if name is not None))
        starts = [column.bounds(self.asked_us)[0] for column in columns]
        self.first = None if None in starts else min(s for s in starts if s is not None)
        self.inside: list[pa.RecordBatch] = []
        self.outside: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Keeps what the windows may see of a batch of rows."""
        rows = batch.select(self.names).filter(self._of_key(batch))
        times = rows[self.group.at].cast(pa.int64())
        late = pc.greater_equal(times, self.asked_us)
        early = pc.less(times, self.asked_us if self.first is None else self.first)
        if self.first is None:
            early = pc.and_(early, False)
        # `filter` leaves out the rows without a time, too.
        self.inside.append(rows.filter(pc.invert(pc.or_(early, late))))
        for side, nearest in ((early, pc.max), (late, pc.min)):
            for where in self.filters:
                beside = self._expected(rows.filter(side), where)
                if len(beside):
                    times = beside[self.group.at].cast(pa.int64())
                    self.outside.append(beside.filter(pc.equal(times, nearest(times))).slice(0, 1))

    def table(self) -> pa.Table:
        """Returns what was kept."""
        return pa.Table.from_batches([*self.inside, *self.outside]).combine_chunks()

    def _of_key(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        mask = pa.array(np.ones(len(batch), bool))
        for name, row_name in zip(self.group.key, self.group.row_key, strict=True):
            wanted = self.row[row_name][0]
            same = pc.equal(batch[name], wanted) if wanted.is_valid else pc.and_(mask, False)
            mask = pc.and_(mask, pc.fill_null(same, False))
        return mask

    def _expected(self, rows: pa.RecordBatch, where: tuple[Where, ...]) -> pa.RecordBatch:
        kept = passes(where, pa.Table.from_batches([rows])).combine_chunks()
        return rows.filter(pc.and_(kept, pc.not_equal(rows[ROW], self.own)))


def explain_row(
    files: Sequence[CsvFile],
    dataset: Dataset,
    row: pa.RecordBatch,
    names: Sequence[str],
    max_record_bytes: int,
) -> dict[str, Explained]:
    """Explains windowed values of a row.

    Args:
        files: the input.
        dataset: the definition.
        row: the row, with a row time.
        names: the windowed columns.
        max_record_bytes: longer records are rejects.

    Returns:
        What each value was made of, by column.

    Raises:
        RunFailed: the engine's value is not that of the events listed.
    """
    collected = _collectors(dataset, row, names)
    for read in read_batches(files, dataset, max_record_bytes):
        for events in collected:
            events.add(read.rows)
    found: dict[str, Explained] = {}
    for events in collected:
        found |= _explained(events)
    return {name: found[name] for name in names}


def _collectors(dataset: Dataset, row: pa.RecordBatch, names: Sequence[str]) -> list[_Events]:
    columns = output_columns(dataset)
    collectors = []
    for group in window_groups(dataset):
        wanted = {name: a for name, a in group.aggregates.items() if name in names}
        if wanted:
            read = {aggregate.column for aggregate in wanted.values()}
            values = {label: value for label, value in group.values.items() if label in read}
            group = replace(group, aggregates=wanted, values=values)
            collectors.append(_Events(group, [columns[name] for name in wanted], row))
    return collectors


def _explained(events: _Events) -> Mapping[str, Explained]:
    rows = events.table()
    (batch,) = rows.to_batches() or [events.row.select(events.names).slice(0, 0)]
    seen = pa.Table.from_batches([events.group.events(batch)])
    asked = pa.Table.from_batches([events.group.requests(events.row)])
    values = compute(events.group, seen, asked)
    found = {}
    for column in events.columns:
        explanation = explain(column, events.group.at, rows, events.own, events.asked_us)
        value = values[column.name][0].as_py()
        if not agree(value, explanation):
            raise RunFailed(
                f"{column.name} is {value!r}, but the events listed give "
                f"{recompute(explanation)!r}; please report this with the definition and the row"
            )
        found[column.name] = Explained(value, explanation)
    return found
