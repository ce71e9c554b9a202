"""Rows and examples as Parquet files, beside the TFRecords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.sinks.run_folder import write_file
from forebay.pipelines.tallies.tallies import Tally
from forebay.pipelines.transform.read import Shard, Transformed, read_shard
from forebay.storage.run.layout import PARQUET_FOLDER
from forebay.transforms.definition.identity import ROW

ROWS_FOLDER, TRANSFORMED_FOLDER = "rows", "transformed"


class WriteParquet(beam.PTransform):
    """Writes each shard as two Parquet files: its rows after the windows, and transformed.

    Input: `Transformed`. The files are ``parquet/rows/SPLIT/part-NNNNN.parquet`` and
    ``parquet/transformed/SPLIT/part-NNNNN.parquet``, row by row those of the TFRecord file of the
    same split and number. An output of several values is a column of lists of one length.
    Output: `Tally` elements, each file's entry.

    Args:
        folder: the staged run.
        shards: the files of the rows after the windows.
    """

    def __init__(self, folder: str, shards: Sequence[Shard]) -> None:
        super().__init__()
        self.folder = folder
        self.shards = shards

    def expand(self, transformed: beam.PCollection) -> beam.PCollection:  # noqa: D102
        examples = transformed | "WriteTransformed" >> beam.Map(_transformed, self.folder)
        rows = (
            transformed.pipeline
            | "Shards" >> beam.Create(self.shards, reshuffle=True)
            | "WriteRows" >> beam.Map(_rows, self.folder)
        )
        return (examples, rows) | beam.Flatten()


def _transformed(element: Transformed, folder: str) -> Tally:
    (split, number), batch = element
    columns = dict(zip(batch.schema.names, map(_values, batch.columns), strict=True))
    name = f"{TRANSFORMED_FOLDER}/{split}/part-{number:05d}.parquet"
    return _write(pa.RecordBatch.from_pydict(columns), folder, name)


def _values(column: pa.Array) -> pa.Array:
    """Returns the one value of each list, or, where they are longer, all of one length, lists."""
    flat = column.flatten()
    width = len(flat) // len(column)
    return flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width)


def _rows(shard: Shard, folder: str) -> Tally:
    split, number, path = shard
    name = f"{ROWS_FOLDER}/{split}/part-{number:05d}.parquet"
    return _write(read_shard(path).drop_columns([ROW]), folder, name)


def _write(batch: pa.RecordBatch, folder: str, name: str) -> Tally:
    name = f"{PARQUET_FOLDER}/{name}"
    sink = pa.BufferOutputStream()
    pa_parquet.write_table(pa.Table.from_batches([batch]), sink)
    entry = write_file(FileSystems.join(folder, name), [sink.getvalue()])
    return ("files", name, asdict(replace(entry, rows=len(batch))))
