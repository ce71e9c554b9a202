"""How large the largest key of each group of windows is: what no second worker can share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.tables import Tables
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.durations import UNBOUNDED


@dataclass(frozen=True)
class LargestKey:
    """The key that has most events.

    Attributes:
        table: the table of the events.
        columns: the columns of the key; empty: all events have one key.
        value: the key.
        events: how many there are, those without a key left out.
        share: the share of them that this key has; None: a column of the key is made after reading,
            as what is looked up is, and was not looked at.
        is_unbounded: whether a window of it reaches back without bound: then one worker has all of
            its events.
    """

    table: str
    columns: tuple[str, ...]
    value: str
    events: int
    share: float | None
    is_unbounded: bool


def largest_keys(dataset: Dataset, tables: Tables, max_record_bytes: int) -> list[LargestKey]:
    """Finds the largest key of every set of key columns that windows have.

    Raises:
        InputError: a table cannot be read.
    """
    unbounded: dict[tuple[str, tuple[str, ...]], bool] = {}
    for window in dataset.windows:
        which = (window.source or ROWS, tuple(window.key))
        unbounded[which] = unbounded.get(which, False) or UNBOUNDED in window.over
    found = []
    for name in dict.fromkeys(table for table, _ in unbounded):
        keys = [columns for table, columns in unbounded if table == name]
        at_reading = dataset.tables[name].columns_at_reading
        there = [columns for columns in keys if at_reading.keys() >= {*columns}]
        counts = _counts(dataset, tables, name, there, max_record_bytes)
        found += [
            _largest(name, columns, counts[columns], unbounded[name, columns])
            if columns in counts
            else LargestKey(name, columns, "", 0, None, unbounded[name, columns])
            for columns in keys
        ]
    return found


def _counts(
    dataset: Dataset, tables: Tables, name: str, keys: list[tuple[str, ...]], most_bytes: int
) -> Mapping[tuple[str, ...], pa.Table]:
    """Counts the rows of a table by key."""
    parts: dict[tuple[str, ...], list[pa.Table]] = {columns: [] for columns in keys}
    for batch in read_batches(tables[name], dataset.tables[name], most_bytes):
        rows = pa.Table.from_batches([batch.rows])
        for columns in keys:
            kept = rows.select(columns).drop_null() if columns else rows
            ones = pa.chunked_array([pa.repeat(pa.scalar(1), len(kept))])
            parts[columns].append(kept.select(columns).append_column("count", ones))
    return {columns: _summed(tables) for columns, tables in parts.items()}


def _summed(parts: list[pa.Table]) -> pa.Table:
    whole = pa.concat_tables(parts)
    keys = [name for name in whole.column_names if name != "count"]
    return whole.group_by(keys).aggregate([("count", "sum")])


def _largest(
    name: str, columns: tuple[str, ...], counts: pa.Table, is_unbounded: bool
) -> LargestKey:
    events = pc.sum(counts["count_sum"]).as_py() or 0
    if not events:
        return LargestKey(name, columns, "", 0, 0.0, is_unbounded)
    row = counts.sort_by([("count_sum", "descending")]).slice(0, 1).to_pylist()[0]
    value = ", ".join(str(row[one]) for one in columns)
    return LargestKey(name, columns, value, events, row["count_sum"] / events, is_unbounded)
