"""Predictions brought back into the order of the input, a file for each part of it."""

from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.transforms.definition.identity import ROW


class WriteInOrder(beam.PTransform):
    """Writes the rows of each partition as one Arrow file, ordered by `ROW`, which is left out.

    Input: `Partitioned`. The files' names are in the order of the partitions.

    Args:
        folder: where they are written.
        temp_location: a folder that all workers can write to and read from.
    """

    def __init__(self, folder: str, temp_location: str) -> None:
        super().__init__()
        self.folder = folder
        self.temp_location = temp_location

    def expand(self, answers: Any) -> beam.PCollection:  # noqa: D102
        grouped = (answers,) | "GroupByPlace" >> GroupBatches(self.temp_location)
        return grouped | "Write" >> beam.Map(_write, self.folder)


def _write(element: Group, folder: str) -> None:
    (table,) = element.tables().values()
    rows = table.sort_by(ROW).drop_columns([ROW]).combine_chunks()
    path = FileSystems.join(folder, f"{element.partition:020d}.arrow")
    with FileSystems.create(path) as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
