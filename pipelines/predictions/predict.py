"""Any row answered: read, derived, its windows computed over history, and given to the model."""

import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from forebay.console.machine import full_disk_told
from forebay.console.terminal import warn
from forebay.pipelines.job import shards_of
from forebay.pipelines.predictions.counts import Counts, checked_counts
from forebay.pipelines.predictions.question import (
    PREDICTIONS_FOLDER,
    REJECTS_FOLDER,
    Question,
    files_in,
    make_folders,
    parts_pattern,
    predict_steps,
)
from forebay.pipelines.predictions.write import ARROW
from forebay.pipelines.rows import HISTORY
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.progress import progress
from forebay.pipelines.runners.run import Runner, opened, run_pipeline
from forebay.pipelines.sinks.rejects import read_rejects
from forebay.pipelines.sinks.run_folder import removed_at_last
from forebay.pipelines.sources.tables import all_inputs, text_bytes
from forebay.pipelines.tallies.tallies import Tallies, read_tallies, tallies_of, write_tallies
from forebay.storage.names import is_remote
from forebay.storage.plain_paths import plain_path
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import RunFailed

_TALLIES = "tallies.json"


@dataclass(frozen=True)
class Predictions:
    """Predictions as they were written, in the order of the input.

    Attributes:
        schema: the passed columns and the model's outputs.
        counts: what became of the records.
        rejected: how many rejects there are, those of the history and of sources among them.
        folder: where both are.
    """

    schema: pa.Schema
    counts: Counts
    rejected: int
    folder: str

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields the predictions in the order of the input.

        Raises:
            RunFailed: in the end, they are not as many as were counted.
        """
        found = _read(files_in(self.folder, PREDICTIONS_FOLDER))
        return _all_of(found, self.counts.answered, "predictions")

    def rejects(self) -> Iterator[pa.RecordBatch]:
        """Yields the rejects with `REJECT_COLUMNS`, in the order of the inputs; raises likewise."""
        found = read_rejects(files_in(self.folder, REJECTS_FOLDER))
        return _all_of(found, self.rejected, "rejects")


def _read(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            yield from pa.ipc.open_file(source.read()).read_all().to_batches()


def _all_of(batches: Iterator[pa.RecordBatch], counted: int, what: str) -> Iterator[pa.RecordBatch]:
    """Yields batches, and checks in the end that they have as many rows as were counted."""
    rows = 0
    for batch in batches:
        rows += len(batch)
        yield batch
    if rows != counted:
        raise RunFailed(
            f"{counted:,} {what} were counted and {rows:,} read back; this is a defect of Forebay "
            "or of the runner"
        )


@contextmanager
def predicted(asked: Question) -> Iterator[Predictions]:
    """Answers the rows of a table; what it gives is there as long as the context.

    Raises:
        UserError: a table is not as it must be.
        RunFailed: the pipeline failed.
    """
    options = asked.options
    with _temporary(PipelineOptions(list(options.beam))) as folder, full_disk_told(folder):
        work = Work(
            asked.dataset, asked.dataset, folder, beam=options.beam,
            text_bytes=text_bytes(all_inputs(asked.tables)),
        )  # fmt: skip
        with opened(Local(), work) as runner:
            found = _run(asked, folder, runner)
        counts = checked_counts(found, asked.dataset, asked.tables, options.max_reject_fraction)
        for warning in counts.warnings:
            warn(warning)
        yield Predictions(asked.schema, counts, _rejected(found, asked.dataset), folder)


def _rejected(found: Tallies, dataset: Dataset) -> int:
    """Returns how many records of all tables are rejects."""
    apart = (tallies_of(found, table) for table in (HISTORY, *dataset.sources))
    return sum(sum(table.get("rejects", {}).values()) for table in (found, *apart))


@contextmanager
def _temporary(options: PipelineOptions) -> Iterator[str]:
    """Gives a folder that all workers reach, and removes it afterwards."""
    given = options.view_as(GoogleCloudOptions).temp_location
    if given is not None and is_remote(given):
        folder = FileSystems.join(plain_path(given), f"forebay-predict-{uuid.uuid4().hex}")
        with removed_at_last(folder):
            yield folder
        return
    if given is not None:
        os.makedirs(given, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forebay-predict-", dir=given) as folder:
        yield folder


def _run(asked: Question, folder: str, runner: Runner) -> Tallies:
    """Leaves predictions and rejects as files, and returns what was counted."""
    tallies = FileSystems.join(folder, _TALLIES)
    steps = predict_steps(
        asked, folder, folder, ARROW,
        lambda made: made.tallies | "WriteTallies" >> beam.Map(write_tallies, tallies),
    )  # fmt: skip
    make_folders(folder)
    with progress("predict", parts_pattern(folder), shards_of(asked.tables[ROWS])):
        run_pipeline(steps, runner)
    return read_tallies(tallies)
