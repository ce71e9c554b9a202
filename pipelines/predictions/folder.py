"""Predictions that workers write to a folder, each its part, with what was counted written last."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsIter

from forebay.console.machine import full_disk_told
from forebay.console.terminal import warn
from forebay.pipelines.job import shards_of
from forebay.pipelines.predictions.counts import Counts, checked_counts
from forebay.pipelines.predictions.options import PredictFolderOptions
from forebay.pipelines.predictions.question import (
    PREDICTIONS_FOLDER,
    REJECTS_FOLDER,
    Question,
    Written,
    make_folders,
    open_question,
    parts_pattern,
    predict_steps,
)
from forebay.pipelines.predictions.write import PARQUET
from forebay.pipelines.runners.dataflow.from_beam import template_of
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.engines import chosen_engine
from forebay.pipelines.runners.progress import progress
from forebay.pipelines.runners.run import Build, opened, run_pipeline
from forebay.pipelines.sinks.run_folder import made, remove_remote
from forebay.pipelines.sources.tables import Tables, all_inputs, text_bytes
from forebay.pipelines.tallies.tallies import Tallies
from forebay.storage.json_records import read_record
from forebay.storage.locks import locked
from forebay.storage.names import LOCK_NAME, absolute, check_place, is_remote
from forebay.storage.plain_paths import plain_path
from forebay.storage.run.layout import TEMPORARY
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError
from forebay.transforms.json_text import json_text

COUNTS_NAME = "counts.json"


def predict_to_folder(options: PredictFolderOptions) -> Counts | None:
    """Answers the rows of a table on any engine.

    Returns:
        What became of the records; None: Beam's ``--template_location`` asks for the job as a file,
        and nothing is answered.

    Raises:
        UserError: the model, the definition, a table or the folder is not as it must be.
        RunFailed: the pipeline failed.
    """
    engine, beam_arguments = chosen_engine(options.on, options.beam)
    engine.check_account()
    folder = new_folder(options.output)
    asked = open_question(options)
    work = work_of(asked, folder, beam_arguments)
    engine.check(work)
    if template_of(beam_arguments) is not None:
        with opened(engine, work) as runner:
            run_pipeline(folder_steps(asked, folder, alone=True), runner, waits=False)
        return None
    parts = parts_pattern(folder)
    with full_disk_told(folder), _taken(options.output) as left, opened(engine, work) as runner:
        make_folders(folder)
        left.stays = not engine.is_here
        with progress("predict", parts, shards_of(asked.tables[ROWS])):
            run_pipeline(folder_steps(asked, folder), runner)
    path = FileSystems.join(folder, COUNTS_NAME)
    with FileSystems.open(path) as source:
        counts = read_record(Counts, source.read(), path, "answer the rows anew")
    for warning in counts.warnings:
        warn(warning)
    return counts


def new_folder(output: str) -> str:
    """Returns the folder that predictions go to, from wherever it is asked for.

    Raises:
        InputError: it is none, is taken for a pattern, or holds something.
    """
    if not output.strip():
        raise InputError(f"--output {output!r} names no folder; write its name")
    check_place(output)
    folder = _place(output)
    if is_remote(folder):
        plain_path(folder)  # no file system takes it for a pattern
    if FileSystems.exists(FileSystems.join(folder, COUNTS_NAME)):
        raise InputError(f"--output {output}: predictions are there already; name a new folder")
    if _holds_something(folder):
        raise InputError(
            f"--output {output}: files are there without a {COUNTS_NAME}, of another kind or of a "
            "job that failed or still works; name a new folder, or remove them"
        )
    return folder


def work_of(asked: Question, folder: str, beam_arguments: Any) -> Work:
    """Returns what an engine needs to know."""
    inputs = all_inputs(asked.tables)
    return Work(
        asked.dataset, asked.dataset, folder, [asked.model.path, *(one.path for one in inputs)],
        beam=beam_arguments, text_bytes=text_bytes(inputs),
    )  # fmt: skip


def folder_steps(asked: Question, folder: str, *, alone: bool = False) -> Build:
    """Returns what applies the steps from rows to a folder of predictions.

    Args:
        asked: what is asked.
        folder: the folder.
        alone: whether nobody waits for the end, so that workers remove what they leave by the way.
    """

    def publish(made: Written) -> None:
        _ = made.tallies | "Publish" >> beam.Map(
            _publish,
            asked.dataset,
            asked.tables,
            asked.options.max_reject_fraction,
            folder,
            AsIter(made.predictions),
            AsIter(made.rejects),
            temporary if alone else None,
        )

    temporary = FileSystems.join(folder, TEMPORARY)
    return predict_steps(asked, folder, temporary, PARQUET, publish)


def _publish(
    found: Tallies, dataset: Dataset, tables: Tables, max_reject_fraction: float, folder: str,
    predictions: Any, rejects: Any, temporary: str | None,
) -> None:  # fmt: skip
    """Writes what was counted, once all predictions and rejects are whole."""
    counts = checked_counts(found, dataset, tables, max_reject_fraction)
    with FileSystems.create(FileSystems.join(folder, COUNTS_NAME)) as sink:
        sink.write(json_text(asdict(counts)).encode())
    if temporary is not None:
        _remove(temporary)


def _place(output: str) -> str:
    return absolute(output.rstrip("/") or "/")


def _holds_something(folder: str) -> bool:
    if is_remote(folder):
        return bool(FileSystems.match([f"{folder}/**"], limits=[1])[0].metadata_list)
    if os.path.isdir(folder):
        return any(name != LOCK_NAME for name in os.listdir(folder))
    return os.path.exists(folder)


@dataclass
class _Left:
    """What is left where predictions fail.

    Attributes:
        stays: whether what was written does: workers elsewhere may go on although nobody waits for
            them.
    """

    stays: bool = False


@contextmanager
def _taken(output: str) -> Iterator[_Left]:
    """Makes a folder and holds it alone, and removes from it what nobody is to find there.

    On an object store nothing holds it.

    Args:
        output: the folder, as it is asked for.

    Raises:
        InputError: it holds something by now.
        RunFolderError: another process holds it, or it cannot be made.
    """
    place = _place(output)
    with made(place), locked(place):
        folder = new_folder(output)  # whatever is there from now on, this process made
        if not is_remote(folder):
            os.mkdir(os.path.join(folder, TEMPORARY))
        left = _Left()
        try:
            yield left
        except BaseException:
            if not left.stays:
                _remove_left(folder)
            raise
        _remove(FileSystems.join(folder, TEMPORARY))


def _remove_left(folder: str) -> None:
    """Removes what failed has left; what is published stays, for it is whole."""
    if not FileSystems.exists(FileSystems.join(folder, COUNTS_NAME)):
        for name in (PREDICTIONS_FOLDER, REJECTS_FOLDER):
            _remove(FileSystems.join(folder, name))
    _remove(FileSystems.join(folder, TEMPORARY))


def _remove(folder: str) -> None:
    if is_remote(folder):
        remove_remote(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
