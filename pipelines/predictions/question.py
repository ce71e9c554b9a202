"""What is asked of a model about a table, and the steps that answer it."""

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from forebay.console.terminal import note
from forebay.pipelines.job import key_partitions_of, shards_of
from forebay.pipelines.predictions.answers import AnswerRows, answer_types, prediction_columns
from forebay.pipelines.predictions.options import PredictOptions
from forebay.pipelines.predictions.same_rows import WithHistory
from forebay.pipelines.predictions.write import PartKind, WriteInOrder
from forebay.pipelines.rows import HISTORY, ReadRows
from forebay.pipelines.runners.run import Build
from forebay.pipelines.sinks.rejects import WriteRejects
from forebay.pipelines.sinks.run_folder import paths_in
from forebay.pipelines.sources.named_inputs import INPUT, Option
from forebay.pipelines.sources.spool import several
from forebay.pipelines.sources.tables import (
    Asked,
    Tables,
    all_inputs,
    asked_sources,
    lacked,
    names_read,
    open_asked,
)
from forebay.pipelines.tallies.tallies import AddTallies
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.pipelines.windows.asking import AskingInputs
from forebay.storage.entries import files_below
from forebay.storage.run.definition_files import load_same_definition
from forebay.storage.run.exported import ExportedModel, open_exported
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.new_rows import (
    asked_columns,
    derived_of,
    for_answers,
    history,
    new_rows,
)
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.errors import InputError

PREDICTIONS_FOLDER, REJECTS_FOLDER = "predictions", "rejects"


class Written(NamedTuple):
    """What the steps make, none of it before its files are whole.

    Attributes:
        tallies: one element, what was counted.
        predictions, rejects: an element for each file.
    """

    tallies: beam.PCollection
    predictions: beam.PCollection
    rejects: beam.PCollection


@dataclass(frozen=True)
class Question:
    """What is asked of a model about a table.

    Attributes:
        options: what was asked for.
        model: the model.
        dataset: its definition.
        tables: the new rows, their history, and the sources.
    """

    options: PredictOptions
    model: ExportedModel
    dataset: Dataset
    tables: Tables

    @property
    def passed(self) -> list[str]:
        """The columns that are passed through, the label last where the rows have it."""
        return prediction_columns(self.model, _has_label(self.dataset, self.tables))

    @property
    def schema(self) -> pa.Schema:
        """The predictions' columns."""
        kinds = [(name, self.dataset.all_columns[name].arrow_type) for name in self.passed]
        return pa.schema([*kinds, *answer_types(self.model)])

    @property
    def read(self) -> list[str]:
        """The names of files and tables that are read, those of the model too."""
        names = names_read(self.tables, self.options.definition)
        return [*names, *files_below(self.options.model)]


def open_question(options: PredictOptions) -> Question:
    """Opens the model and the tables.

    Raises:
        UserError: the model, the definition or a table is not as it must be.
    """
    model = open_exported(options.model)
    dataset = _with_functions(model.definition, options.definition)
    return Question(options, model, dataset, _open(dataset, options))


def predict_steps(
    asked: Question,
    folder: str,
    temporary: str,
    kind: PartKind,
    then: Callable[[Written], object],
) -> Build:
    """Returns what applies the steps from rows to predictions and rejects as files.

    Args:
        asked: what is asked.
        folder: where predictions and rejects are written, each in its folder.
        temporary: a folder that all workers can write to and read from.
        kind: what the files of predictions are.
        then: applies what follows.
    """

    def build(pipeline: beam.Pipeline) -> None:
        read = pipeline | "Rows" >> ReadRows(
            for_answers(dataset),
            _reading(dataset, tables),
            tables,
            temporary,
            max_record_bytes=most_bytes,
            memory_bytes=memory_bytes,
        )
        rows, tallied = dict(read["tables"]), [*read["tallies"]]
        if HISTORY in rows:
            both = {"new": rows[ROWS], "history": rows.pop(HISTORY)}
            joined = both | "History" >> WithHistory(dataset, temporary)
            rows[ROWS] = joined["rows"]
            tallied.append(joined["tallies"])
        windowed = rows | "Windows" >> AddWindows(
            dataset,
            temporary,
            shards=shards_of(tables[ROWS]),
            key_partitions=key_partitions_of(all_inputs(tables)),
            memory_bytes=memory_bytes,
            keep=_kept(dataset, passed),
            asking=AskingInputs(len(tables[ROWS])),
        )
        answered = windowed | "Answer" >> AnswerRows(asked.model, passed, asked.options.batch_size)
        written = answered.answers | "Write" >> WriteInOrder(
            _path(folder, PREDICTIONS_FOLDER), temporary, kind
        )
        rejects = (*read["rejects"], answered.rejects) | "Rejects" >> WriteRejects(
            _path(folder, REJECTS_FOLDER), temporary, all_inputs(tables), most_bytes
        )
        tallies = (*tallied, answered.tallies) | "Tallies" >> AddTallies()
        then(Written(tallies, written, rejects))

    dataset, tables, passed = asked.dataset, asked.tables, asked.passed
    most_bytes = asked.options.max_record_bytes
    memory_bytes = asked.options.window_memory_mb << 20
    return build


def make_folders(folder: str) -> None:
    """Makes the folders that `predict_steps` writes to."""
    for name in (PREDICTIONS_FOLDER, REJECTS_FOLDER):
        FileSystems.mkdirs(_path(folder, name))


def files_in(folder: str, name: str) -> list[str]:
    """Returns the files in one of those folders, in order."""
    return paths_in(_path(folder, name))


def parts_pattern(folder: str) -> str:
    """Returns what matches the files of predictions, and nothing else, whatever the folder's name.

    Only on a local disk: elsewhere nobody looks for them.
    """
    return _path(glob.escape(folder), PREDICTIONS_FOLDER, "*")


def _with_functions(dataset: Dataset, reference: str | Dataset | None) -> Dataset:
    """Makes the functions of a model's definition importable, from the file they are in."""
    if reference is not None:
        load_same_definition(reference, dataset)
    for step in dataset.derive:
        try:
            resolve(str(step.function))
        except InputError as error:
            raise InputError(
                f"{', '.join(step.outputs)} cannot be derived: {error}, or name the definition's "
                "file by --definition"
            ) from error
    return dataset


def _open(dataset: Dataset, options: PredictOptions) -> Tables:
    """Opens the new rows, their history and the sources, and says which columns are absent."""
    asked = {ROWS: Asked(new_rows(dataset), options.inputs, INPUT)}
    if several(options.history):
        asked[HISTORY] = Asked(history(dataset), options.history, Option("--history ", "history"))
    tables = open_asked(asked | asked_sources(dataset, options.sources))
    absent = sorted(lacked(tables[ROWS]) - {dataset.label.column})
    if absent:
        note(f"--input has no {', '.join(absent)}: missing in every row")
    return tables


def _reading(dataset: Dataset, tables: Tables) -> dict[str, Source]:
    """Returns what is read of each table."""
    partial = {ROWS: new_rows(dataset), HISTORY: history(dataset)}
    return {name: partial.get(name) or dataset.sources[name] for name in tables}


def _has_label(dataset: Dataset, tables: Tables) -> bool:
    """Tells whether the new rows come with a label."""
    label = dataset.label.column
    absent = lacked(tables[ROWS])
    return label in {*dataset.row_columns} - absent - {*derived_of(dataset, absent)}


def _kept(dataset: Dataset, passed: Sequence[str]) -> list[str]:
    """Returns the columns of the rows that are read after the windows."""
    kept = {*asked_columns(dataset), *passed}
    return [name for name in dataset.row_columns if name in kept]


def _path(folder: str, *parts: str) -> str:
    return str(FileSystems.join(folder, *parts))
