"""The rows that a run of one period needs; the others leave before anything is shuffled."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.tables import Tables
from forebay.pipelines.sources.typed.input import ParquetFile
from forebay.pipelines.sources.typed.row_groups import MayNeed, skip_row_groups
from forebay.pipelines.splits.rows import NO_ROW_TIME
from forebay.pipelines.tallies.by_split import SplitOfInput, tallies_of_rows
from forebay.pipelines.tallies.tallies import Tally, input_kind, tally_of
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.parsing.casts import to_mask
from forebay.transforms.windows.groups import WindowGroup, window_groups
from forebay.transforms.windows.period import Period, Span

OUTSIDE_PERIOD = "outside period"


class SelectPeriod(beam.PTransform):
    """Keeps the rows of a period and those that their windows can reach.

    Input: batches of rows. Output: ``rows``, the batches without what no window can reach, and
    ``tallies``: ``("history", "rows", n)`` counts the rows that are events only, and dropped rows
    are those without a row time and those outside the period that no window can reach.

    Args:
        dataset: the definition.
        period: the row times that ask.
        splits: the split of each input that says one, by its number.
    """

    def __init__(self, dataset: Dataset, period: Period, splits: SplitOfInput) -> None:
        super().__init__()
        self.dataset = dataset
        self.period = period
        self.splits = splits

    def expand(self, rows: beam.PCollection) -> Any:  # noqa: D102
        select = beam.ParDo(_SelectPeriod(self.dataset, self.period, self.splits))
        return rows | select.with_output_types(pa.RecordBatch).with_outputs("tallies", main="rows")


class _SelectPeriod(beam.DoFn):
    def __init__(self, dataset: Dataset, period: Period, splits: SplitOfInput) -> None:
        self._dataset = dataset
        self._period = period
        self._splits = splits

    def setup(self) -> None:
        groups = window_groups(self._dataset)
        self._groups = [group for group in groups if group.source == ROWS]

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        times = batch[str(self._dataset.row_time)]
        asking = self._period.asks(times)
        kept = pc.or_(asking, self._period.reaches_any(self._groups, batch))
        timed, asks, keeps = map(to_mask, (times.is_valid(), asking, kept))
        counted = (
            ("history", "rows", timed & keeps & ~asks),
            ("dropped", NO_ROW_TIME, ~timed),
            ("dropped", OUTSIDE_PERIOD, timed & ~keeps),
        )
        identity = batch[ROW].to_numpy()
        for kind, name, rows in counted:
            for tally in tallies_of_rows(kind, name, identity[rows], self._splits):
                yield beam.pvalue.TaggedOutput("tallies", tally)
        if keeps.any():
            yield batch.filter(kept)


def without_unneeded(
    tables: Tables, dataset: Dataset, period: Period | None
) -> tuple[Tables, list[Tally]]:
    """Leaves out what the statistics of Parquet files prove to be out of reach of a period.

    Args:
        tables: the inputs of each table.
        dataset: the definition.
        period: the row times that ask; None: all.

    Returns:
        The inputs as they are to be read, and what would be counted of the rest, were it read.
    """
    if period is None or dataset.lookups or dataset.prepare is not None:  # which count all rows
        return tables, []
    left: dict[str, Sequence[TableInput]] = {}
    tallies: list[Tally] = []
    for name, inputs in tables.items():
        groups = [group for group in window_groups(dataset) if group.source == name]
        asked = str(dataset.row_time) if name == ROWS else None
        found = [
            skip_row_groups(one, dataset.tables[name], _may_need(period, groups, asked), asked)
            if isinstance(one, ParquetFile) else (one, 0)
            for one in inputs
        ]  # fmt: skip
        left[name] = [one for one, _ in found]
        tallies += [tally for one, rows in found if rows for tally in _left_out(one, name, rows)]
    return left, tallies


def _left_out(source: TableInput, table: str, rows: int) -> Iterator[Tally]:
    """Yields what is counted of rows that are not read: see `forebay.pipelines.sources.read`."""
    read = ("records", "read", rows)
    if table != ROWS:
        yield tally_of(read, table)
        return
    for tally in (read, ("dropped", OUTSIDE_PERIOD, rows)):
        yield tally
        if source.split is not None:
            yield tally_of(tally, input_kind(source.split))


def _may_need(period: Period, groups: Sequence[WindowGroup], asked: str | None) -> MayNeed:
    def may_need(spans: Mapping[str, Span]) -> bool:
        asks = asked is not None and period.may_ask(spans.get(asked))
        return asks or any(period.may_reach(group, spans) for group in groups)

    return may_need
