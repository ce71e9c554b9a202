"""The rows that a run of one period needs; the others leave before anything is shuffled."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.splits.rows import NO_ROW_TIME
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.groups import window_groups
from forebay.transforms.windows.period import Period

OUTSIDE_PERIOD = "outside period"


class SelectPeriod(beam.PTransform):
    """Keeps the rows of a period and those that their windows can reach.

    Input: batches of rows. Output: ``rows``, the batches without what no window can reach, and
    ``tallies``: ``("history", "rows", n)`` counts the rows that are events only, and dropped rows
    are those without a row time and those outside the period that no window can reach.
    """

    def __init__(self, dataset: Dataset, period: Period) -> None:
        super().__init__()
        self.dataset = dataset
        self.period = period

    def expand(self, rows: beam.PCollection) -> Any:  # noqa: D102
        return rows | beam.ParDo(_SelectPeriod(self.dataset, self.period)).with_outputs(
            "tallies", main="rows"
        )


class _SelectPeriod(beam.DoFn):
    def __init__(self, dataset: Dataset, period: Period) -> None:
        self._dataset = dataset
        self._period = period

    def setup(self) -> None:
        groups = window_groups(self._dataset)
        self._groups = [group for group in groups if group.source == ROWS]

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        times = batch[str(self._dataset.row_time)]
        asking = self._period.asks(times)
        kept = asking
        for group in self._groups:
            kept = pc.or_(kept, self._period.reaches(group, batch))
        untimed = times.null_count
        history = _count(pc.and_(pc.and_(kept, pc.invert(asking)), pc.is_valid(times)))
        outside = len(batch) - untimed - _count(asking) - history
        tallies = (
            ("history", "rows", history),
            ("dropped", NO_ROW_TIME, untimed),
            ("dropped", OUTSIDE_PERIOD, outside),
        )
        for tally in tallies:
            if tally[2]:
                yield beam.pvalue.TaggedOutput("tallies", tally)
        if _count(kept):
            yield batch.filter(kept)


def _count(mask: pa.BooleanArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
