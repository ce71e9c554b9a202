"""From inputs to rows ready for their windows: what every run does, whatever becomes of them."""

from collections.abc import Mapping
from typing import Any

import apache_beam as beam

from forebay.pipelines.lookups.look_up import LookUp
from forebay.pipelines.prepare import PrepareRows
from forebay.pipelines.sources.read import ReadTable
from forebay.pipelines.sources.tables import Tables, text_bytes
from forebay.pipelines.tallies.by_split import split_of_input
from forebay.pipelines.tallies.tallies import set_apart
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS, Source

# Earlier rows of the dataset's own table, where its rows are new: no source has this name.
HISTORY = "--history"


class ReadRows(beam.PTransform):
    """Reads the tables of a definition, and looks up what its rows find.

    Output: ``tables``, batches of rows by table; ``rejects`` and ``tallies``, tuples of
    PCollections for `WriteRejects` and `WriteTallies`.

    Args:
        dataset: the definition.
        reading: what is read of each table: `Dataset.tables`, or other forms of them, and
            `HISTORY`, whose rows look up the same.
        tables: the inputs of each.
        temporary: a folder that all workers can write to and read from.
        max_record_bytes: longer records are rejected.
        memory_bytes: what a worker thread may hold of the tables looked into.
    """

    def __init__(
        self,
        dataset: Dataset,
        reading: Mapping[str, Source],
        tables: Tables,
        temporary: str,
        *,
        max_record_bytes: int,
        memory_bytes: int,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.reading = reading
        self.tables = tables
        self.temporary = temporary
        self.max_record_bytes = max_record_bytes
        self.memory_bytes = memory_bytes

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        read = {
            name: pipeline
            | f"Read {name}" >> ReadTable(table, self.tables[name], self.max_record_bytes)
            for name, table in self.reading.items()
        }
        tables = {name: table["rows"] for name, table in read.items()}
        asking = [name for name in (ROWS, HISTORY) if name in tables]
        rejects = [table["rejects"] for table in read.values()]
        tallies = {name: table["tallies"] for name, table in read.items()}
        splits = split_of_input(self.tables[ROWS])
        for name in asking if self.dataset.prepare is not None else ():
            prepared = tables[name] | f"Prepare {name}" >> PrepareRows(
                self.dataset, self.temporary, splits
            )
            tables[name] = prepared["rows"]
            tallies[name] = (tallies[name], prepared["tallies"]) | f"Prepared {name}" >> (
                beam.Flatten()
            )
        looked_up = tables | "LookUp" >> LookUp(
            self.dataset,
            self.temporary,
            table_bytes={name: text_bytes(inputs) for name, inputs in self.tables.items()},
            memory_bytes=self.memory_bytes,
            asking=asking,
            splits=splits,
        )
        rejects += looked_up["rejects"]
        for name, found in looked_up["tallies"].items():
            tallies[name] = (tallies[name], found) | f"Tallies {name}" >> beam.Flatten()
        return {
            "tables": looked_up["tables"],
            "rejects": tuple(rejects),
            "tallies": tuple(set_apart(name, found) for name, found in tallies.items()),
        }
