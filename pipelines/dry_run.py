"""The jobs that a run would be, written to a folder: nothing is sent.

Of the data only the heads of the inputs are read, from which the work is cut into parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.pipelines.job import Job
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.predictions.folder import folder_steps, work_of
from forebay.pipelines.predictions.options import PredictFolderOptions
from forebay.pipelines.predictions.question import open_question
from forebay.pipelines.preprocess import ingest_steps, plan
from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.engines import chosen_engine
from forebay.pipelines.runners.run import Build
from forebay.pipelines.sources.bigquery.address import QUERY_SCHEME, TABLE_SCHEME, BigQuery
from forebay.pipelines.sources.named_inputs import SplitInput
from forebay.pipelines.sources.spool import Inputs, several, several_by_split
from forebay.pipelines.sources.tables import all_inputs, text_bytes
from forebay.pipelines.transform.read import Shard
from forebay.pipelines.transform.steps import transform_steps
from forebay.transforms.definition.splits import SPLITS
from forebay.transforms.errors import InputError
from forebay.transforms.graph.embedded import EmbeddedTable, is_embedded
from forebay.transforms.lookup_tables import empty_table

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.job_graph import DrawnJob


def write_jobs(options: PreprocessOptions, folder: str) -> Mapping[str, DrawnJob]:
    """Writes the jobs of Dataflow that a run would be.

    The tables may be rows of the same columns on this machine: then nothing is asked of anybody.
    A table of BigQuery that rows or rejects go to is looked at, and not made.

    Args:
        options: what is asked for, on Dataflow.
        folder: is made; each job has a folder of its name in it.

    Returns:
        The jobs, by their names, in order.

    Raises:
        UserError: options, definition or inputs are not as they must be, the engine is another, or
            the folder is there.
    """
    of_rows = several_by_split(options.inputs)
    rows = [one.given if isinstance(one, SplitInput) else one for one in of_rows]
    rejects = () if options.rejects is None else (options.rejects,)
    tables: list[Inputs] = [rows, *options.sources.values(), options.also, rejects]
    engine, beam_arguments = _ready(options, folder, _names(tables))
    job = plan(options)
    inputs = all_inputs(job.tables)
    work = Work(
        options.definition, job.dataset, options.output, [one.path for one in inputs],
        text_bytes=text_bytes(inputs),
    )  # fmt: skip
    steps = {
        "ingest": ingest_steps(job),
        "transform": transform_steps(job, _shards(job), _no_tables(job)),
    }
    return _written(steps, engine, beam_arguments, work, folder)


def write_predict_job(options: PredictFolderOptions, folder: str) -> Mapping[str, DrawnJob]:
    """Writes the job of Dataflow that answers a table, as `write_jobs`.

    The model may be on this machine, too.
    """
    given = [options.inputs, options.history, *options.sources.values()]
    engine, beam_arguments = _ready(options, folder, [options.model, *_names(given)])
    asked = open_question(options)
    output = options.output.rstrip("/")
    work = work_of(asked, output, beam_arguments)
    steps = {"predict": folder_steps(asked, output)}
    return _written(steps, engine, beam_arguments, work, folder)


def _ready(
    options: PreprocessOptions | PredictFolderOptions, folder: str, names: Iterable[str]
) -> tuple[Dataflow, Sequence[str]]:
    """Returns the engine and Beam's options, once all is checked that needs no table."""
    engine, beam_arguments = chosen_engine(options.on, options.beam)
    if not isinstance(engine, Dataflow):
        raise InputError(
            f"--dry-run writes the jobs of --on dataflow, and the run is on {engine.name}; write "
            "--on dataflow, or leave --dry-run out"
        )
    engine.check_options()
    if Path(folder).exists():
        raise InputError(f"--dry-run {folder}: it is there already; name a new folder")
    if any(map(_asks_google, names)):
        engine.check_account()
    return engine, beam_arguments


def _written(
    steps: Mapping[str, Build], engine: Dataflow, beam_arguments: Sequence[str], work: Work,
    folder: str,
) -> Mapping[str, DrawnJob]:  # fmt: skip
    from forebay.pipelines.runners.dataflow.job_graph import write_job  # needs Google's clients

    engine.check(replace(work, paths=()))
    with engine.open(work) as own:
        return {
            name: write_job(build, engine, [*own, *beam_arguments], Path(folder, name))
            for name, build in steps.items()
        }


def _names(tables: Iterable[Inputs]) -> Iterator[str]:
    """Yields what names tables, of those that are not in memory."""
    for one in (one for inputs in tables for one in several(inputs)):
        name = one.name if isinstance(one, BigQuery) else one
        if isinstance(name, str):
            yield name


def _asks_google(name: str) -> bool:
    return name.startswith(("gs://", TABLE_SCHEME, QUERY_SCHEME))


def _shards(job: Job) -> list[Shard]:
    """Returns what the first job leaves for the second, where each shard has rows of all splits."""
    return [
        (split, number, job.temporary_path(f"{split}-{number:05d}.arrow"))
        for split in SPLITS
        for number in range(job.shards)
    ]


def _no_tables(job: Job) -> dict[str, EmbeddedTable]:
    """Returns tables without rows for those that the first job would leave for the graph."""
    return {
        lookup.name: EmbeddedTable.of(empty_table(lookup, job.dataset), job.dataset)
        for lookup in job.dataset.lookups
        if is_embedded(lookup, job.dataset)
    }
