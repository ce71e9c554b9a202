"""Which events and requests the windows of a definition need, as Arrow batches.

Aggregates that read the same events (key, times, filter) form one group, which is computed in one
pass over those events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.aggregation.aggregate import Aggregate
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
class WindowGroup:
    """The aggregates over one set of events.

    Attributes:
        key, row_key: the columns compared, of the event and of the asking row.
        at, available_at, where: the event's time, its availability and the filter on it.
        row_time: the instant at which a row asks.
        aggregates: what to compute, by output column.
    """

    key: tuple[str, ...]
    row_key: tuple[str, ...]
    at: str
    available_at: str | None
    where: Where | None
    row_time: str
    aggregates: Mapping[str, Aggregate]

    @property
    def values(self) -> list[str]:
        """The columns that are aggregated."""
        return sorted({a.column for a in self.aggregates.values() if a.column is not None})

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the events of a batch of rows, those without a key or a time left out.

        The columns are ``key0``.., ``time``, ``available_at`` where declared, `ROW` and one
        ``value:NAME`` for each aggregated column.
        """
        wanted = {f"key{i}": batch[name] for i, name in enumerate(self.key)}
        wanted[TIME] = batch[self.at].cast(pa.int64())
        if self.available_at is not None:
            wanted[AVAILABLE] = batch[self.available_at].cast(pa.int64())
        seen = (
            pa.array(np.ones(len(batch), bool))
            if self.where is None
            else _passes(self.where, batch)
        )
        for column in wanted.values():
            seen = pc.and_(seen, pc.is_valid(column))
        wanted[ROW] = batch[ROW]
        wanted |= {f"value:{name}": batch[name] for name in self.values}
        return pa.RecordBatch.from_pydict(wanted).filter(seen)

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
    groups: dict[Any, dict[str, Aggregate]] = {}
    for windowed in dataset.windows:
        at = windowed.at or dataset.row_time
        identity = (windowed.key, windowed.row_keys, at, windowed.available_at, windowed.where)
        groups.setdefault(identity, {}).update(_aggregates(windowed))
    return [
        WindowGroup(key, row_key, at, available_at, where, str(dataset.row_time), aggregates)
        for (key, row_key, at, available_at, where), aggregates in groups.items()
    ]


def _aggregates(windowed: Windowed) -> dict[str, Aggregate]:
    return {
        windowed.name(op, window): Aggregate(
            op=op.name,  # type: ignore[arg-type]
            column=windowed.value,
            window_us=None if window == UNBOUNDED else duration_us(window),
            lag_us=duration_us(windowed.lag),
            default=op.default,
            min_count=op.min_count,
        )
        for window in windowed.over
        for op in windowed.ops  # type: ignore[union-attr]
    }


def _passes(where: Where, batch: pa.RecordBatch) -> pa.Array:
    compared = _COMPARE[where.comparison](batch[where.column], pa.scalar(where.value))
    return pc.fill_null(compared, False)
