"""From raw rows to a run folder: the straight line of Forebay, one named step a line."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module

if __name__ == "__main__":  # before what takes seconds to import
    from forebay.console.first_moment import end_when_interrupted

    end_when_interrupted()
    from forebay.pipelines.module import main

    sys.exit(main())

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from forebay.console.apart import done_apart, is_copyable
from forebay.console.machine import free_bytes, full_disk_told
from forebay.console.tensorflow import kept_for_good
from forebay.console.terminal import detail, warn
from forebay.pipelines.descriptions import make_manifest, write_descriptions
from forebay.pipelines.disk_space.forecast import lack_before_examples, lack_before_reading
from forebay.pipelines.job import Job
from forebay.pipelines.lookups.counts import check_lookups
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.prepare import with_step
from forebay.pipelines.rows import ReadRows
from forebay.pipelines.runners.dataflow.from_beam import template_of
from forebay.pipelines.runners.engine import Engine, Work
from forebay.pipelines.runners.engines import chosen_engine
from forebay.pipelines.runners.progress import progress
from forebay.pipelines.runners.run import Build, Runner, opened, run_pipeline
from forebay.pipelines.sinks.of_run import open_sinks
from forebay.pipelines.sinks.rejects import WriteRejects, move_rejects
from forebay.pipelines.sinks.run_folder import (
    Staged,
    make_way,
    prepare_output,
    publish,
    refuse_inputs,
    staging,
)
from forebay.pipelines.sources.tables import all_inputs, names_read, open_tables, text_bytes
from forebay.pipelines.splits.write import WriteSplits
from forebay.pipelines.tallies.by_split import split_of_input
from forebay.pipelines.tallies.checks import (
    check_ends,
    check_rejects,
    check_splits,
    check_written,
    empty_splits,
)
from forebay.pipelines.tallies.finite import check_finite
from forebay.pipelines.tallies.occupancy import write_occupancy
from forebay.pipelines.tallies.tallies import Tallies, WriteTallies, read_tallies
from forebay.pipelines.transform.earlier_graph import open_transform_source
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.pipelines.windows.period import SelectPeriod, without_unneeded
from forebay.storage.entries import files_below
from forebay.storage.names import absolute
from forebay.storage.plain_paths import plain_path
from forebay.storage.run.definition_files import load_definition
from forebay.storage.run.layout import EXAMPLES_FOLDER, REJECTS_FOLDER
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.publish import REPLACED
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError
from forebay.transforms.windows.period import read_period

# What the first pipeline tallies, in the run's temporary folder.
INGESTED = "ingested.json"


def preprocess(options: PreprocessOptions, look: Callable[[Job], None] | None = None) -> Manifest:
    """Makes a run folder of raw rows.

    Args:
        options: what is asked for.
        look: called when all is written and nothing is published yet: what the steps left for each
            other is still there.

    Raises:
        UserError: the definition, the input or the run folder is not as it must be.
        RunFailed: the pipeline failed.
    """
    engine, beam_arguments = chosen_engine(options.on, options.beam)
    if template_of(beam_arguments) is not None:
        raise InputError(
            "--template_location asks for one job, and a run is two, the second made of what the "
            "first counted; leave it out"
        )
    engine.check_account()
    prepare_output(options.output, options.overwrite)
    planned = plan(options)
    inputs = all_inputs(planned.tables)
    paths = [one.path for one in inputs]
    refuse_inputs(options.output, paths)
    dataset, sinks, learns = planned.dataset, planned.sinks, planned.graph is None
    work = Work(
        options.definition, dataset, absolute(options.output), paths,
        beam=beam_arguments, text_bytes=text_bytes(inputs),
    )  # fmt: skip
    engine.check(work)
    sinks.make_ready(dataset)
    warn(lack_before_reading(planned, free_bytes(options.output)))
    with (
        staging(options.output, options.overwrite) as staged,
        full_disk_told(options.output),
        opened(engine, _work_at(work, staged, engine)) as runner,
    ):
        job = replace(planned, folder=runner.folder, temporary=staged.temporary)
        detail(job.plan)
        ingested = _ingest(job, runner)
        check_ends(ingested, "rows", "dropped", "rejects", "history")
        with sinks.rejects_kept(job.temporary_path(REJECTS_FOLDER)):
            check_lookups(ingested, dataset)
            check_rejects(ingested, dataset, options.max_reject_fraction)
            check_splits(ingested, dataset, job.period, learns=learns)
        warn(lack_before_examples(job, ingested, free_bytes(options.output)))
        if job.is_whole:
            warn(empty_splits(ingested, dataset, job.tables[ROWS]))
        make_way(options.output, options.overwrite)
        transformed = _transform(job, ingested, runner)
        check_written(ingested, transformed)
        check_finite(transformed, ingested["shards"], dataset, inputs)
        move_rejects(job.temporary_path(REJECTS_FOLDER), job.path(REJECTS_FOLDER))
        write_descriptions(job)
        write_occupancy(job.folder, dataset, transformed)
        manifest = make_manifest(job, ingested, transformed)
        if look is not None:
            look(job)
        publish(staged, options.output, manifest, options.overwrite)
    sinks.finish(options.output, transformed, sum(manifest.rows.values()))
    return manifest


def _work_at(work: Work, staged: Staged, engine: Engine) -> Work:
    """Returns the work where its run is staged, found from any working folder."""
    plain = plain_path(staged.folder, is_here=engine.is_here)  # no library takes it for a pattern
    return replace(work, folder=absolute(plain), temporary=staged.temporary)


def plan(options: PreprocessOptions) -> Job:
    """Opens all that a run is made of; nothing is staged yet, and nothing made anywhere else.

    Raises:
        UserError: the definition, the input or an earlier run is not as it must be.
    """
    dataset = with_step(load_definition(options.definition), options.prepare)
    period = read_period(options.period_from, options.period_to, dataset)
    graph = None
    if options.transform_fn is None:
        _check_functions(dataset)
    else:
        graph = open_transform_source(options.transform_fn, options.output, dataset)
    tables = open_tables(dataset, options.inputs, options.sources)
    read = names_read(tables, options.definition)
    if options.transform_fn is not None:
        read += files_below(options.transform_fn, REPLACED)
    sinks = open_sinks(options, dataset, read)
    return Job(options, dataset, tables, options.output, period, graph, sinks)


def _check_functions(dataset: Dataset) -> None:
    """Calls users' functions as the graph will, where there are any: they need TensorFlow."""
    if dataset.custom_features:
        from forebay.transforms.graph.preprocessing import check_functions

        check_functions(dataset)


def _ingest(job: Job, runner: Runner) -> Tallies:
    """Reads, validates, aggregates and splits; leaves the rows of each split as Arrow files."""
    FileSystems.mkdirs(job.temporary_path())
    read = partial(_read, job, runner)
    with job.timed("ingest"):
        if runner.can_be_copied and job.is_of_this_machine and is_copyable():
            with done_apart(read, "reads the rows"), kept_for_good():
                if not job.has_much_text:
                    import_module("forebay.pipelines.transform.steps")  # and with it TensorFlow
        else:
            read()
    return read_tallies(job.temporary_path(INGESTED))


def _read(job: Job, runner: Runner) -> None:
    rows, aside = job.temporary_path("train-*"), job.temporary_path("*.arrow")
    with progress("ingest", rows, job.shards, aside):
        run_pipeline(ingest_steps(job), runner)


def ingest_steps(job: Job) -> Build:
    """Returns what applies the steps from raw rows to the rows of each split."""

    def build(pipeline: beam.Pipeline) -> None:
        read = pipeline | "Rows" >> ReadRows(
            job.dataset,
            job.dataset.tables,
            inputs,
            temporary,
            max_record_bytes=most_bytes,
            memory_bytes=memory_bytes,
        )
        tables, tallies_read = read["tables"], read["tallies"]
        if job.period is not None:
            selected = tables[ROWS] | "Period" >> SelectPeriod(
                job.dataset, job.period, split_of_input(job.tables[ROWS])
            )
            left_out = pipeline | "LeftOut" >> beam.Create(skipped)
            tables = tables | {ROWS: selected.rows}
            tallies_read = (*tallies_read, selected.tallies, left_out)
        rows = tables | "Windows" >> AddWindows(
            job.dataset,
            temporary,
            shards=job.shards,
            key_partitions=job.key_partitions,
            memory_bytes=memory_bytes,
            keep=job.dataset.columns_after_windows,
            asking=job.asking,
        )
        splits = rows | "Split" >> WriteSplits(
            job.dataset,
            temporary,
            job.tables[ROWS],
            keep_unlabelled=job.options.keep_unlabelled,
        )
        rejects = (*read["rejects"], splits.rejects)
        _ = rejects | "Rejects" >> WriteRejects(
            job.temporary_path(REJECTS_FOLDER), temporary, all_inputs(job.tables), most_bytes
        )
        _ = (*tallies_read, splits.tallies) | "Tallies" >> WriteTallies(
            job.temporary_path(INGESTED)
        )

    inputs, skipped = without_unneeded(job.tables, job.dataset, job.period)
    most_bytes = job.options.max_record_bytes
    memory_bytes = job.options.window_memory_mb << 20
    temporary = job.temporary_path()
    return build


def _transform(job: Job, ingested: Tallies, runner: Runner) -> Tallies:
    """Analyzes the training rows, transforms every split, writes TFRecords and the graph.

    Where another run's graph is used, nothing is analyzed.
    """
    from forebay.pipelines.transform.embedded import read_embedded  # these import TensorFlow
    from forebay.pipelines.transform.steps import TRANSFORMED, transform_steps

    if job.graph is not None:
        job.graph.copy_to(job.folder)
    shards = [(split, number, path) for path, (split, number) in sorted(ingested["shards"].items())]
    steps = transform_steps(job, shards, read_embedded(job.dataset, job.temporary_path()))
    written_files = job.path(EXAMPLES_FOLDER, "*", "*")
    with job.timed("transform"), progress("transform", written_files, len(shards)):
        run_pipeline(steps, runner)
    return read_tallies(job.temporary_path(TRANSFORMED))
