"""Any row answered: read, derived, its windows computed over history, and given to the model."""

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from forebay.console.machine import full_disk_told
from forebay.console.terminal import note, warn
from forebay.pipelines.job import key_partitions_of, shards_of
from forebay.pipelines.lookups.counts import check_lookups, lookup_entries
from forebay.pipelines.predictions.answers import AnswerRows, answer_types, prediction_columns
from forebay.pipelines.predictions.checks import check_derived, check_history, check_rows, warnings
from forebay.pipelines.predictions.options import PredictOptions
from forebay.pipelines.predictions.same_rows import WithHistory
from forebay.pipelines.predictions.write import WriteInOrder
from forebay.pipelines.rows import HISTORY, ReadRows
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.progress import progress
from forebay.pipelines.runners.run import Runner, opened, run_pipeline
from forebay.pipelines.sinks.rejects import WriteRejects
from forebay.pipelines.sources.named_inputs import INPUT, Option
from forebay.pipelines.sources.spool import several
from forebay.pipelines.sources.tables import (
    Asked,
    Tables,
    all_inputs,
    asked_sources,
    lacked,
    open_asked,
    text_bytes,
)
from forebay.pipelines.tallies.tallies import Tallies, WriteTallies, read_tallies
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.pipelines.windows.asking import AskingInputs
from forebay.storage.run.definition_files import load_same_definition
from forebay.storage.run.exported import ExportedModel, open_exported
from forebay.storage.run.manifest import LookupEntry
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.new_rows import (
    asked_columns,
    derived_of,
    history,
    later_steps,
    new_rows,
)
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.errors import InputError

_PARTS, _REJECTS, _TALLIES = "predictions", "rejects", "tallies.json"


@dataclass(frozen=True)
class Counts:
    """What became of the records.

    Attributes:
        records: of the input.
        answered: those that have a prediction.
        rejects: how many have none, by reason.
        dropped: how many rows the definition's own step dropped, by what it is.
        added: how many rows it added.
        history: how many earlier rows the windows could see.
        lookups: what the rows found in tables without events, by lookup.
    """

    records: int
    answered: int
    rejects: dict[str, int]
    dropped: dict[str, int]
    added: int
    history: int
    lookups: dict[str, LookupEntry]


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
def predicted(
    options: PredictOptions, check: Callable[[pa.Schema], None] | None = None
) -> Iterator[Predictions]:
    """Answers the rows of a table; what it gives is there as long as the context.

    Args:
        options: what is asked for.
        check: told the predictions' columns before a row is read.

    Raises:
        UserError: the model, the definition or a table is not as it must be.
        RunFailed: the pipeline failed.
    """
    model = open_exported(options.model)
    dataset = _with_functions(model.definition, options.definition)
    tables = _open(dataset, options)
    schema = _schema(model, dataset, tables)
    if check is not None:
        check(schema)
    with _temporary(PipelineOptions(list(options.beam))) as folder, full_disk_told(folder):
        work = Work(
            dataset, dataset, folder, beam=options.beam, text_bytes=text_bytes(all_inputs(tables))
        )
        with opened(Local(), work) as runner:
            found = _run(model, dataset, tables, folder, options, runner)
        check_rows(found, tables)
        check_history(found, dataset, options.max_reject_fraction)
        check_lookups(found, dataset)
        check_derived(found, dataset, tables)
        for warning in warnings(found, dataset, bool(several(options.history))):
            warn(warning)
        yield _predictions(schema, folder, found, dataset)


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


@contextmanager
def _temporary(options: PipelineOptions) -> Iterator[str]:
    """Gives a folder that all workers reach, and removes it afterwards."""
    remote = options.view_as(GoogleCloudOptions).temp_location
    if remote is None:
        with tempfile.TemporaryDirectory(prefix="forebay-predict-") as folder:
            yield folder
        return
    folder = FileSystems.join(remote, f"forebay-predict-{uuid.uuid4().hex}")
    FileSystems.mkdirs(folder)
    try:
        yield folder
    finally:
        FileSystems.delete([folder])


def _run(
    model: ExportedModel, dataset: Dataset, tables: Tables, folder: str,
    options: PredictOptions, runner: Runner,
) -> Tallies:  # fmt: skip
    """Reads, computes windows and answers; leaves predictions and rejects as files."""

    def build(pipeline: beam.Pipeline) -> None:
        read = pipeline | "Rows" >> ReadRows(
            dataset,
            _reading(dataset, tables),
            tables,
            folder,
            max_record_bytes=most_bytes,
            memory_bytes=memory_bytes,
            later_steps=later_steps(dataset),
        )
        rows, tallied = dict(read["tables"]), [*read["tallies"]]
        if HISTORY in rows:
            both = {"new": rows[ROWS], "history": rows.pop(HISTORY)}
            joined = both | "History" >> WithHistory(dataset, folder)
            rows[ROWS] = joined["rows"]
            tallied.append(joined["tallies"])
        windowed = rows | "Windows" >> AddWindows(
            dataset,
            folder,
            shards=shards_of(tables[ROWS]),
            key_partitions=key_partitions_of(all_inputs(tables)),
            memory_bytes=memory_bytes,
            keep=_kept(dataset, passed),
            asking=AskingInputs(len(tables[ROWS])),
        )
        answered = windowed | "Answer" >> AnswerRows(model, passed, options.batch_size)
        _ = answered.answers | "Write" >> WriteInOrder(_path(folder, _PARTS), folder)
        rejects = (*read["rejects"], answered.rejects)
        _ = rejects | "Rejects" >> WriteRejects(
            _path(folder, _REJECTS), folder, all_inputs(tables), most_bytes
        )
        _ = (*tallied, answered.tallies) | "Tallies" >> WriteTallies(_path(folder, _TALLIES))

    most_bytes, memory_bytes = options.max_record_bytes, options.window_memory_mb << 20
    passed = prediction_columns(model, _has_label(dataset, tables))
    for name in (_PARTS, _REJECTS):
        FileSystems.mkdirs(_path(folder, name))
    with progress("predict", _path(folder, _PARTS, "*"), shards_of(tables[ROWS])):
        run_pipeline(build, runner)
    return read_tallies(_path(folder, _TALLIES))


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


def _schema(model: ExportedModel, dataset: Dataset, tables: Tables) -> pa.Schema:
    """Returns the predictions' columns."""
    passed = prediction_columns(model, _has_label(dataset, tables))
    kinds = [(name, dataset.all_columns[name].arrow_type) for name in passed]
    return pa.schema([*kinds, *answer_types(model)])


def _predictions(schema: pa.Schema, folder: str, found: Tallies, dataset: Dataset) -> Predictions:
    counts = Counts(
        records=sum(found.get("records", {}).values()),
        answered=found.get("answered", {}).get("rows", 0),
        rejects=dict(found.get("rejects", {})),
        dropped=dict(found.get("dropped", {})),
        added=sum(found.get("added", {}).values()),
        history=found.get("history", {}).get("rows", 0),
        lookups=lookup_entries(found, dataset),
    )
    return Predictions(schema, counts, _files(folder, _PARTS), _files(folder, _REJECTS))


def _files(folder: str, name: str) -> list[str]:
    found = FileSystems.match([_path(folder, name, "*")])[0].metadata_list
    return sorted(one.path for one in found)


def _path(folder: str, *parts: str) -> str:
    return str(FileSystems.join(folder, *parts))
