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
    predict_steps,
)
from forebay.pipelines.predictions.write import ARROW
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.progress import progress
from forebay.pipelines.runners.run import Runner, opened, run_pipeline
from forebay.pipelines.sinks.run_folder import removed_at_last
from forebay.pipelines.sources.tables import all_inputs, text_bytes
from forebay.pipelines.tallies.tallies import Tallies, read_tallies, write_tallies
from forebay.storage.names import is_remote
from forebay.transforms.definition.sources import ROWS

_TALLIES = "tallies.json"


@dataclass(frozen=True)
class Predictions:
    """Predictions as they were written, in the order of the input.

    Attributes:
        schema: the passed columns and the model's outputs.
        counts: what became of the records.
        parts: Arrow files with the predictions.
        rejects: files with the rejects, JSON lines.
    """

    schema: pa.Schema
    counts: Counts
    parts: Sequence[str]
    rejects: Sequence[str]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields the predictions in the order of the input."""
        for path in self.parts:
            with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
                yield from pa.ipc.open_file(source.read()).read_all().to_batches()


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
        parts, rejects = (files_in(folder, one) for one in (PREDICTIONS_FOLDER, REJECTS_FOLDER))
        yield Predictions(asked.schema, counts, parts, rejects)


@contextmanager
def _temporary(options: PipelineOptions) -> Iterator[str]:
    """Gives a folder that all workers reach, and removes it afterwards."""
    given = options.view_as(GoogleCloudOptions).temp_location
    if given is not None and is_remote(given):
        folder = FileSystems.join(given, f"forebay-predict-{uuid.uuid4().hex}")
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
    parts = FileSystems.join(folder, PREDICTIONS_FOLDER, "*")
    with progress("predict", parts, shards_of(asked.tables[ROWS])):
        run_pipeline(steps, runner)
    return read_tallies(tallies)
