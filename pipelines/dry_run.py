"""The jobs that a run would be, written to a folder: nothing is sent.

Of the data only the heads of the inputs are read, from which the work is cut into parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.job import Job
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import ingest_steps, plan
from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.engines import chosen_engine
from forebay.pipelines.sources.bigquery.address import QUERY_SCHEME, TABLE_SCHEME, BigQuery
from forebay.pipelines.sources.named_inputs import SplitInput
from forebay.pipelines.sources.spool import several, several_by_split
from forebay.pipelines.sources.tables import all_inputs
from forebay.pipelines.transform.read import Shard
from forebay.pipelines.transform.steps import transform_steps
from forebay.storage.run.layout import TEMPORARY
from forebay.transforms.definition.splits import SPLITS
from forebay.transforms.errors import InputError
from forebay.transforms.graph.embedded import EmbeddedTable, is_embedded
from forebay.transforms.lookup_tables import empty_table

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.job_graph import DrawnJob


def write_jobs(options: PreprocessOptions, folder: str) -> Mapping[str, DrawnJob]:
    """Writes the jobs of Dataflow that a run would be.

    The tables may be rows of the same columns on this machine: then nothing is asked of anybody.

    Args:
        options: what is asked for, on Dataflow.
        folder: is made; each job has a folder of its name in it.

    Returns:
        The jobs, by their names, in order.

    Raises:
        UserError: options, definition or inputs are not as they must be, the engine is another, or
            the folder is there.
    """
    engine, beam_arguments = chosen_engine(options.on, options.beam)
    if not isinstance(engine, Dataflow):
        raise InputError(
            f"--dry-run writes the jobs of --on dataflow, and the run is on {engine.name}; write "
            "--on dataflow, or leave --dry-run out"
        )
    engine.check_options()
    from forebay.pipelines.runners.dataflow.job_graph import write_job  # needs Google's clients

    if Path(folder).exists():
        raise InputError(f"--dry-run {folder}: it is there already; name a new folder")
    if any(map(_asks_google, _given(options))):
        engine.check_account()
    job = plan(options)
    paths = [one.path for one in all_inputs(job.tables)]
    work = Work(options.definition, job.dataset, options.output, paths)
    engine.check(replace(work, paths=()))
    steps = {
        "ingest": ingest_steps(job),
        "transform": transform_steps(job, _shards(job), _no_tables(job)),
    }
    with engine.open(work) as own:
        return {
            name: write_job(build, engine, [*own, *beam_arguments], Path(folder, name))
            for name, build in steps.items()
        }


def _given(options: PreprocessOptions) -> Iterator[str]:
    """Yields what names the tables of a run."""
    of_rows = several_by_split(options.inputs)
    named = [one.given if isinstance(one, SplitInput) else one for one in of_rows]
    named += [one for inputs in options.sources.values() for one in several(inputs)]
    for one in named:
        name = one.name if isinstance(one, BigQuery) else one
        if isinstance(name, str):
            yield name


def _asks_google(name: str) -> bool:
    return name.startswith(("gs://", TABLE_SCHEME, QUERY_SCHEME))


def _shards(job: Job) -> list[Shard]:
    """Returns what the first job leaves for the second, where each shard has rows of all splits."""
    return [
        (split, number, str(FileSystems.join(job.path(TEMPORARY), f"{split}-{number:05d}.arrow")))
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
