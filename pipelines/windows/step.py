"""The windows as a step of anybody's pipeline: rows numbered, temporary files removed."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.pvalue import AsSingleton

from forebay.pipelines.options import WINDOW_MEMORY_MB
from forebay.pipelines.shuffle.coders import register_coders
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.storage.names import is_remote
from forebay.storage.plain_paths import plain_path
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.windows.table import WindowedTable
from forebay.transforms.errors import InputError

# Less than 0 are the identities of events that have an id.
_IDENTITY_BITS = 62


class WindowedAggregates(beam.PTransform):
    """Adds windowed columns to batches of rows, in any pipeline.

    Input: ``pyarrow.RecordBatch`` elements with the columns of a table, in a bounded PCollection;
    where the table has sources, a mapping of ``"rows"`` and each source's name to such
    PCollections. Columns of other types than their kinds', timestamps in seconds, milliseconds and
    nanoseconds among them, are converted where that is exact; what cannot be read is refused by an
    `InputError`. Rows of batches without a column `ROW` are numbered here; where batches have one,
    it is an int64 that is distinct over all rows of all tables.

    Output: ``(shard, RecordBatch)``, one for each of ``shards`` shards that has rows, with the
    windowed columns added (missing for rows without a row time), `ROW` and `CONTENT`. Rows are
    spread over the shards by a hash of what they hold and ordered by it, so that every shard is a
    fair sample in a fair order, whatever the rows were read from.

    Args:
        table: the columns and the windows over them: a `WindowedTable`, or a `Dataset`.
        temp_location: a folder that all workers can write to and read from; None: the pipeline's
            own ``--temp_location``, or else a folder of this machine. What is written there is
            removed once the windows are computed; a pipeline that fails may leave it.
        shards: how many output batches at most.
        key_partitions: into how many parts the keys of a window are divided. A worker thread
            works on one part at a time.
        memory_bytes: how much of a part a worker thread holds in memory, see
            docs/concepts/memory.md; its events are cut along time where they are more.
        keep: the row columns of the output, beside `ROW`, `CONTENT` and windowed ones; None: all.
    """

    def __init__(
        self,
        table: WindowedTable,
        temp_location: str | None = None,
        *,
        shards: int = 1,
        key_partitions: int = 1,
        memory_bytes: int = WINDOW_MEMORY_MB << 20,
        keep: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(table, WindowedTable):
            raise InputError(
                f"WindowedAggregates of a {type(table).__name__}: give a WindowedTable or a Dataset"
            )
        self.table = table
        self.temp_location = temp_location
        self.shards = shards
        self.key_partitions = key_partitions
        self.memory_bytes = memory_bytes
        self.keep = keep

    def expand(self, tables: Any) -> beam.PCollection:  # noqa: D102
        register_coders(Partitioned)
        tables = dict(tables) if isinstance(tables, Mapping) else {ROWS: tables}
        self._check(tables)
        folder = self._folder(tables[ROWS].pipeline)
        numbered = {
            name: rows
            | f"Number {name}" >> beam.ParDo(_NumberRows(name)).with_output_types(pa.RecordBatch)
            # Every step is to see the same numbers, whatever is computed twice.
            | f"Settle {name}" >> beam.Reshuffle()
            for name, rows in tables.items()
        }
        added = numbered | "Windows" >> AddWindows(
            self.table, folder, shards=self.shards, key_partitions=self.key_partitions,
            memory_bytes=self.memory_bytes, keep=self.keep,
        )  # fmt: skip
        done = added | "Done" >> beam.combiners.Count.Globally()
        pipeline = tables[ROWS].pipeline
        _ = (
            pipeline
            | "Folder" >> beam.Create([folder])
            | "Clean" >> beam.Map(_remove, AsSingleton(done))
        )
        return added

    def _check(self, tables: Mapping[str, beam.PCollection]) -> None:
        wanted = [*self.table.tables]
        if {*tables} != {*wanted}:
            raise InputError(
                f"WindowedAggregates is given {', '.join(tables) or 'nothing'}; its table reads "
                f"{', '.join(wanted)}: give a mapping of these names to PCollections"
            )
        for name, rows in tables.items():
            if not getattr(rows, "is_bounded", True):
                raise InputError(
                    f"{name}: an unbounded PCollection never has all events of a window; give a "
                    "bounded one"
                )
            if not rows.windowing.is_default():
                raise InputError(
                    f"{name}: the PCollection is in windows of Beam's, which would hide events of "
                    "one from another; apply beam.WindowInto(beam.window.GlobalWindows()) before"
                )

    def _folder(self, pipeline: beam.Pipeline) -> str:
        """Returns a folder that is this step's alone."""
        given = self.temp_location or pipeline.options.view_as(GoogleCloudOptions).temp_location
        parent = given or _own_folder().name
        if is_remote(parent):
            plain_path(parent)
        return str(FileSystems.join(parent, f"forebay-windows-{uuid.uuid4().hex}"))


@cache
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    """Returns a folder of this process, which is removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="forebay-windows-")


class _NumberRows(beam.DoFn):
    """Gives rows identities: numbers one after another, from one that is drawn for each bundle."""

    def __init__(self, table: str) -> None:
        self._table = table

    def start_bundle(self) -> None:
        self._next = secrets.randbits(_IDENTITY_BITS)

    def process(self, batch: Any) -> Iterator[pa.RecordBatch]:
        if not isinstance(batch, pa.RecordBatch):
            raise InputError(
                f"{self._table}: an element is a {type(batch).__name__}; give "
                "pyarrow.RecordBatch, such as pa.RecordBatch.from_pylist(rows, schema)"
            )
        if ROW not in batch.schema.names:
            numbers = np.arange(self._next, self._next + len(batch))
            self._next += len(batch)
            batch = batch.append_column(ROW, pa.array(numbers, pa.int64()))
        yield batch


def _remove(folder: str, _done: int) -> None:
    if is_remote(folder):
        FileSystems.delete([f"{folder}/"])  # there a folder is how names begin
    elif os.path.exists(folder):
        shutil.rmtree(folder)
