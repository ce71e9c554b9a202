"""From inputs to rows with their windows: what every run does, whatever becomes of its rows."""

from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from forebay.pipelines.lookups.look_up import LookUp
from forebay.pipelines.sources.read import ReadTable
from forebay.pipelines.sources.tables import Tables, text_bytes
from forebay.pipelines.tallies.tallies import tally_of
from forebay.pipelines.windows.aggregates import WindowedAggregates
from forebay.pipelines.windows.period import SelectPeriod
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.period import Period


class WindowedRows(beam.PTransform):
    """Reads the tables of a definition, looks up what its rows find, and adds their windows.

    Output: ``rows`` as `WindowedAggregates` gives them, and ``rejects`` and ``tallies``, tuples of
    PCollections for `WriteRejects` and `WriteTallies`.

    Args:
        dataset: the definition.
        tables: the inputs of each table.
        temporary: a folder that all workers can write to and read from.
        shards, key_partitions, memory_bytes, keep, period: as `WindowedAggregates` has them.
        max_record_bytes: longer records are rejected.
    """

    def __init__(
        self,
        dataset: Dataset,
        tables: Tables,
        temporary: str,
        *,
        shards: int,
        key_partitions: int,
        memory_bytes: int,
        max_record_bytes: int,
        keep: Sequence[str] | None = None,
        period: Period | None = None,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.tables = tables
        self.temporary = temporary
        self.shards = shards
        self.key_partitions = key_partitions
        self.memory_bytes = memory_bytes
        self.max_record_bytes = max_record_bytes
        self.keep = keep
        self.period = period

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        read = {
            name: pipeline
            | f"Read {name}" >> ReadTable(table, self.tables[name], self.max_record_bytes)
            for name, table in self.dataset.tables.items()
        }
        tables = {name: table["rows"] for name, table in read.items()}
        rejects = [table["rejects"] for table in read.values()]
        tallies = [_tallies(name, table["tallies"]) for name, table in read.items()]
        if self.dataset.lookups:
            looked_up = tables | "LookUp" >> LookUp(
                self.dataset,
                self.temporary,
                table_bytes={name: text_bytes(self.tables[name]) for name in self.dataset.sources},
                memory_bytes=self.memory_bytes,
            )
            tables[ROWS] = looked_up["rows"]
            rejects.append(looked_up["rejects"])
            tallies.append(looked_up["tallies"])
        if self.period is not None:
            selected = tables[ROWS] | "Period" >> SelectPeriod(self.dataset, self.period)
            tables[ROWS] = selected.rows
            tallies.append(selected.tallies)
        rows = tables | "Windows" >> WindowedAggregates(
            self.dataset,
            self.temporary,
            shards=self.shards,
            key_partitions=self.key_partitions,
            memory_bytes=self.memory_bytes,
            keep=self.keep,
            period=self.period,
        )
        return {"rows": rows, "rejects": tuple(rejects), "tallies": tuple(tallies)}


def _tallies(table: str, tallies: beam.PCollection) -> beam.PCollection:
    """Sets what is learned of a source apart from what is learned of the dataset's own rows."""
    return tallies if table == ROWS else tallies | f"TalliesOf {table}" >> beam.Map(tally_of, table)
