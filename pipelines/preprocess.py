"""From raw rows to a run folder: the straight line of Forebay, one named step a line."""

import argparse
import datetime as dt
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata

import apache_beam as beam
import tensorflow_transform.beam as tft_beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata import metadata_io

from forebay.console.arguments import Parser
from forebay.console.command_line import run_command
from forebay.console.machine import full_disk_told
from forebay.console.process import in_own_process
from forebay.console.terminal import detail, say_json
from forebay.pipelines.options import (
    PreprocessOptions,
    add_preprocess_arguments,
    preprocess_options,
    split_beam_arguments,
)
from forebay.pipelines.runners.progress import progress
from forebay.pipelines.runners.run import beam_options, run_pipeline
from forebay.pipelines.sinks.rejects import WriteRejects
from forebay.pipelines.sinks.run_folder import (
    list_files,
    prepare_output,
    publish,
    refuse_inputs,
    staging,
)
from forebay.pipelines.sinks.tfrecords.write import WriteExamples
from forebay.pipelines.sources.csv.files import CsvFile
from forebay.pipelines.sources.read import ReadCsv
from forebay.pipelines.sources.tables import Tables, all_files, open_tables
from forebay.pipelines.splits.write import WriteSplits
from forebay.pipelines.summary import print_summary
from forebay.pipelines.tallies.checks import (
    check_rejects,
    check_splits,
    check_written,
    history_rows,
)
from forebay.pipelines.tallies.degenerate_features import warnings_of
from forebay.pipelines.tallies.features import FeatureTallies
from forebay.pipelines.tallies.finite import FindNonFinite, check_finite
from forebay.pipelines.tallies.occupancy import write_occupancy
from forebay.pipelines.tallies.tallies import (
    Tallies,
    WriteTallies,
    read_tallies,
    tallies_of,
    tally_of,
)
from forebay.pipelines.transform.earlier_graph import TransformSource, open_transform_source
from forebay.pipelines.transform.graph_rows import SHARD, raw_metadata
from forebay.pipelines.transform.shards import AnalyzeAndTransform, TransformShards
from forebay.pipelines.windows.aggregates import WindowedAggregates
from forebay.pipelines.windows.period import SelectPeriod
from forebay.storage.plain_paths import plain_path
from forebay.storage.run.definition_files import load_definition
from forebay.storage.run.layout import (
    DEFINITION_NAME,
    EXAMPLES_FOLDER,
    METADATA_FOLDER,
    OUTPUTS,
    REJECTS_FOLDER,
    TEMPORARY,
)
from forebay.storage.run.manifest import FileEntry, InputEntry, Manifest, PeriodEntry, SourceEntry
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.serialize import digest, to_json
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.splits import SPLITS
from forebay.transforms.errors import InputError
from forebay.transforms.graph.preprocessing import check_functions
from forebay.transforms.windows.period import Period, history_needed
from forebay.transforms.zones import HORIZON_YEAR, tzdata_version

# The events and requests of this much text are aggregated together; the rows of
# this much text make one shard.
KEY_PARTITION_BYTES = 64 << 20
SHARD_BYTES = 8 << 20
# gzip shrinks tables of text about so much.
_GZIP_RATIO = 5


@dataclass
class _Job:
    """One run in the making."""

    options: PreprocessOptions
    dataset: Dataset
    tables: Tables
    folder: str
    beam: PipelineOptions
    period: Period | None
    graph: TransformSource | None
    seconds: dict[str, float] = field(default_factory=dict)

    def path(self, *parts: str) -> str:
        """Returns a path in the staged run."""
        return str(FileSystems.join(self.folder, *parts))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Notes how long a step took."""
        started = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - started, 3)


def preprocess(options: PreprocessOptions) -> Manifest:
    """Makes a run folder of raw rows.

    Raises:
        UserError: the definition, the input or the run folder is not as it must be.
        RunFailed: the pipeline failed.
    """
    prepare_output(options.output, options.overwrite)
    dataset = load_definition(options.definition)
    period = _period(options, dataset)
    graph = None
    if options.transform_fn is None:
        check_functions(dataset)
    else:
        graph = open_transform_source(options.transform_fn, options.output, dataset)
    tables = open_tables(dataset, options.inputs, options.sources)
    refuse_inputs(options.output, [file.source.path for file in all_files(tables)])
    with staging(options.output, options.overwrite) as staged, full_disk_told(options.output):
        folder = plain_path(staged)
        job = _Job(options, dataset, tables, folder, beam_options(options.beam), period, graph)
        detail(_plan(job))
        ingested = _ingest(job)
        check_rejects(ingested, dataset, options.max_reject_fraction)
        check_splits(ingested, dataset, period, learns=graph is None)
        transformed = _transform(job, ingested)
        check_written(ingested, transformed)
        check_finite(transformed, ingested["shards"], dataset, all_files(tables))
        _write_descriptions(job)
        write_occupancy(folder, dataset, transformed)
        manifest = _manifest(job, ingested, transformed)
        publish(staged, options.output, manifest, options.overwrite)
    return manifest


def _period(options: PreprocessOptions, dataset: Dataset) -> Period | None:
    period = Period.read(options.period_from, options.period_to)
    if period is not None and dataset.row_time is None:
        raise InputError(
            f"--from and --to choose rows by their time, and the definition {dataset.name!r} has "
            "no row_time; name a Timestamp column as row_time, or leave the options out"
        )
    return period


def _ingest(job: _Job) -> Tallies:
    """Reads, validates, aggregates and splits; leaves the rows of each split as Arrow files."""

    def build(pipeline: beam.Pipeline) -> None:
        read = {
            name: pipeline | f"Read {name}" >> ReadCsv(table, job.tables[name], most_bytes)
            for name, table in job.dataset.tables.items()
        }
        tables = {name: table["rows"] for name, table in read.items()}
        tallies_read = [_tallies(name, table["tallies"]) for name, table in read.items()]
        if job.period is not None:
            selected = tables[ROWS] | "Period" >> SelectPeriod(job.dataset, job.period)
            tables[ROWS], tallies_read = selected.rows, [*tallies_read, selected.tallies]
        rows = tables | "Windows" >> WindowedAggregates(
            job.dataset,
            temporary,
            shards=_shards(job),
            key_partitions=_key_partitions(job),
            memory_bytes=job.options.window_memory_mb << 20,
            keep=job.dataset.columns_after_windows,
            period=job.period,
        )
        splits = rows | "Split" >> WriteSplits(job.dataset, temporary)
        rejects = (*(table["rejects"] for table in read.values()), splits.rejects)
        _ = rejects | "Rejects" >> WriteRejects(
            job.path(REJECTS_FOLDER), temporary, all_files(job.tables), most_bytes
        )
        _ = (*tallies_read, splits.tallies) | "Tallies" >> WriteTallies(tallies)

    most_bytes = job.options.max_record_bytes
    temporary = job.path(TEMPORARY)
    tallies = job.path(TEMPORARY, "ingested.json")
    FileSystems.mkdirs(temporary)
    with job.timed("ingest"), progress("ingest", job.path(TEMPORARY, "train-*"), _shards(job)):
        run_pipeline(build, job.beam)
    return read_tallies(tallies)


def _tallies(table: str, tallies: beam.PCollection) -> beam.PCollection:
    """Sets what is learned of a source apart from what is learned of the dataset's own rows."""
    return tallies if table == ROWS else tallies | f"TalliesOf {table}" >> beam.Map(tally_of, table)


def _transform(job: _Job, ingested: Tallies) -> Tallies:
    """Analyzes the training rows, transforms every split, writes TFRecords and the graph.

    Where another run's graph is used, nothing is analyzed.
    """

    def build(pipeline: beam.Pipeline) -> None:
        with tft_beam.Context(
            temp_dir=job.path(TEMPORARY, "tft"), use_deep_copy_optimization=True,
            passthrough_keys={SHARD},
        ):  # fmt: skip
            if job.graph is None:
                transform_fn, transformed = pipeline | "Transform" >> AnalyzeAndTransform(
                    job.dataset, shards
                )
                _ = transform_fn | "WriteTransformFn" >> tft_beam.WriteTransformFn(job.folder)
            else:
                transform_fn = pipeline | "ReadTransformFn" >> tft_beam.ReadTransformFn(job.folder)
                transformed = pipeline | "Transform" >> TransformShards(
                    job.dataset, shards, transform_fn
                )
        written = transformed | "WriteExamples" >> WriteExamples(job.folder, job.options.gzip)
        features = transformed | "FeatureTallies" >> FeatureTallies(job.dataset)
        nonfinite = transformed | "NonFinite" >> FindNonFinite(job.dataset)
        _ = (written, features, nonfinite) | "Tallies" >> WriteTallies(tallies)

    if job.graph is not None:
        job.graph.copy_to(job.folder)
    shards = [(split, number, path) for path, (split, number) in sorted(ingested["shards"].items())]
    tallies = job.path(TEMPORARY, "transformed.json")
    written_files = job.path(EXAMPLES_FOLDER, "*", "*")
    with job.timed("transform"), progress("transform", written_files, len(shards)):
        run_pipeline(build, job.beam)
    return read_tallies(tallies)


def _input_bytes(tables: Iterable[Sequence[CsvFile]]) -> int:
    files = (file.source for table in tables for file in table)
    return sum(file.size * (_GZIP_RATIO if file.is_compressed else 1) for file in files)


def _shards(job: _Job) -> int:
    return job.options.shards or max(1, math.ceil(_input_bytes([job.tables[ROWS]]) / SHARD_BYTES))


def _key_partitions(job: _Job) -> int:
    return max(1, math.ceil(_input_bytes(job.tables.values()) / KEY_PARTITION_BYTES))


def _plan(job: _Job) -> str:
    files = all_files(job.tables)
    return (
        f"{len(files):,} files of {sum(file.source.size for file in files):,} bytes; "
        f"{_shards(job):,} shards a split, windows by {_key_partitions(job):,} parts of the keys"
    )


def _write_descriptions(job: _Job) -> None:
    with FileSystems.create(job.path(DEFINITION_NAME)) as sink:
        sink.write(to_json(job.dataset).encode())
    metadata_io.write_metadata(raw_metadata(job.dataset), job.path(METADATA_FOLDER))


def _manifest(job: _Job, ingested: Tallies, transformed: Tallies) -> Manifest:
    examples = {name: FileEntry(**entry) for name, entry in transformed["files"].items()}
    others = [name for name in OUTPUTS if name != EXAMPLES_FOLDER]
    rows = {split: ingested["rows"].get(split, 0) for split in SPLITS}
    graph, asked = job.graph, job.period
    period = None if asked is None else PeriodEntry.between(asked.from_us, asked.to_us)
    return Manifest(
        dataset=job.dataset.name,
        definition_digest=digest(job.dataset),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        inputs=_inputs(job, ingested),
        rows_read=ingested["records"]["read"],
        sources={name: _source(name, job, ingested) for name in job.dataset.sources},
        rows=rows,
        rejects=ingested.get("rejects", {}),
        dropped=ingested.get("dropped", {}),
        history=history_rows(ingested),
        reach_us=history_needed(job.dataset),
        period=period,
        transform_of=None if graph is None else graph.entry,
        warnings=warnings_of(
            job.dataset, rows["train"], transformed.get("features", {}), ingested.get("missing", {})
        ),
        seconds=job.seconds,
        files=dict(sorted((list_files(job.folder, others) | examples).items())),
    )


def _inputs(job: _Job, tallies: Tallies) -> tuple[InputEntry, ...]:
    files = all_files(job.tables)
    found = tallies["inputs"].items()
    return tuple(InputEntry(files[int(number)].source.path, **entry) for number, entry in found)


def _source(name: str, job: _Job, ingested: Tallies) -> SourceEntry:
    tallies = tallies_of(ingested, name)
    return SourceEntry(
        inputs=_inputs(job, tallies),
        rows_read=tallies.get("records", {}).get("read", 0),
        rejects=tallies.get("rejects", {}),
        reach_us=history_needed(job.dataset, name),
    )


def _versions() -> dict[str, str]:
    names = ("forebay", "apache-beam", "tensorflow", "tensorflow-transform", "pyarrow", "numpy")
    return {name: metadata.version(name) for name in names} | {
        "tzdata": tzdata_version(),
        "time zones end": str(HORIZON_YEAR),
    }


def run_preprocess(args: argparse.Namespace) -> int:
    """Runs ``forebay preprocess`` with parsed arguments; returns its exit status."""
    manifest = preprocess(preprocess_options(args))
    if args.json:
        say_json(manifest.to_plain(), indent=2)
    else:
        print_summary(manifest, args.output)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs ``python -m pipelines.preprocess``."""
    if argv is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    own, beam_arguments = split_beam_arguments(argv)
    parser = Parser(prog="python -m pipelines.preprocess", description=__doc__)
    add_preprocess_arguments(parser)
    args = parser.parse_args(own)
    args.beam = beam_arguments
    return run_command(run_preprocess, args)


if __name__ == "__main__":
    sys.exit(main())
