"""Predictions brought back into the order of the input, a file for each part of it."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.pipelines.sources.row_identity import whole_row
from forebay.transforms.definition.identity import ROW


@dataclass(frozen=True)
class PartKind:
    """What the files of predictions are.

    Attributes:
        suffix: the end of their names.
        bits: a file has the rows of so many bits of offsets of an input.
    """

    suffix: str
    bits: int


# Read again at once, piece by piece.
ARROW = PartKind(".arrow", 20)
# To stay: the rows of 64 MiB of text.
PARQUET = PartKind(".parquet", 26)


class WriteInOrder(beam.PTransform):
    """Writes the rows of each part of the input as one file, in its order, without `ROW`.

    Rows that are made of one follow each other where it stood.

    Input: record batches. The files' names are in the order of the parts. Output: their names.

    Args:
        folder: where they are written.
        temp_location: a folder that all workers can write to and read from.
        kind: what they are.
    """

    def __init__(self, folder: str, temp_location: str, kind: PartKind) -> None:
        super().__init__()
        self.folder = folder
        self.temp_location = temp_location
        self.kind = kind

    def expand(self, answers: Any) -> beam.PCollection:  # noqa: D102
        parts = answers | "ToPart" >> beam.Map(_to_part, self.kind.bits).with_output_types(
            Partitioned
        )
        grouped = (parts,) | "GroupByPlace" >> GroupBatches(self.temp_location)
        return grouped | "Write" >> beam.Map(_write, self.folder, self.kind)


def _to_part(batch: pa.RecordBatch, bits: int) -> Partitioned:
    part = whole_row(batch[ROW].to_numpy()) >> bits
    return Partitioned("answers", "answers", part, batch)


def _write(element: Group, folder: str, kind: PartKind) -> str:
    (table,) = element.tables().values()
    identities = table[ROW].to_numpy()
    order = np.lexsort((identities, whole_row(identities)))
    rows = table.drop_columns([ROW]).take(pa.array(order)).combine_chunks()
    path = FileSystems.join(folder, f"part-{element.partition:020d}{kind.suffix}")
    with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as sink:
        if kind == PARQUET:
            pa_parquet.write_table(rows, pa.PythonFile(sink, mode="w"))
        else:
            with pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_table(rows)
    return str(path)
