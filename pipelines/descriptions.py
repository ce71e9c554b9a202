"""What a run says of itself: its definition, the schema of its rows, and its manifest."""

import datetime as dt
from importlib import metadata

from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.job import Job
from forebay.pipelines.lookups.counts import lookup_entries
from forebay.pipelines.sinks.run_folder import list_files
from forebay.pipelines.sources.tables import all_inputs
from forebay.pipelines.tallies.checks import history_rows
from forebay.pipelines.tallies.degenerate_features import warnings_of
from forebay.pipelines.tallies.tallies import Tallies, input_kind, tallies_of
from forebay.storage.run.layout import (
    DEFINITION_NAME,
    EXAMPLES_FOLDER,
    METADATA_FOLDER,
    OUTPUTS,
    PARQUET_FOLDER,
)
from forebay.storage.run.manifest import (
    FileEntry,
    InputEntry,
    Manifest,
    PeriodEntry,
    SourceEntry,
    SplitEntry,
)
from forebay.transforms.definition.serialize import digest, to_json
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.splits import SPLITS, WRITTEN_SPLITS
from forebay.transforms.windows.period import history_needed
from forebay.transforms.zones import HORIZON_YEAR, tzdata_version


def write_descriptions(job: Job) -> None:
    """Writes the definition, and the schema of the rows that the graph is fed, into the run."""
    from tensorflow_transform.tf_metadata import metadata_io

    from forebay.pipelines.transform.graph_rows import raw_metadata

    with FileSystems.create(job.path(DEFINITION_NAME)) as sink:
        sink.write(to_json(job.dataset).encode())
    metadata_io.write_metadata(raw_metadata(job.dataset), job.path(METADATA_FOLDER))


def make_manifest(job: Job, ingested: Tallies, transformed: Tallies) -> Manifest:
    """Makes the manifest of a run all of whose other files are written.

    Args:
        job: the run.
        ingested: what was counted while rows were read and split.
        transformed: what was counted while they were transformed and written.
    """
    splits = WRITTEN_SPLITS if job.options.keep_unlabelled else SPLITS
    rows = {split: ingested["rows"].get(split, 0) for split in splits}
    graph, asked = job.graph, job.period
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
        period=None if asked is None else PeriodEntry.between(asked.from_us, asked.to_us),
        transform_of=None if graph is None else graph.entry,
        warnings=warnings_of(
            job.dataset, rows["train"], transformed.get("features", {}), ingested.get("missing", {})
        ),
        seconds=job.seconds,
        files=_files(job, transformed),
        added=sum(ingested.get("added", {}).values()),
        lookups=lookup_entries(ingested, job.dataset),
        splits=_splits(job, ingested),
    )


def _inputs(job: Job, tallies: Tallies) -> tuple[InputEntry, ...]:
    inputs = all_inputs(job.tables)
    found = sorted(tallies["inputs"].items())
    entries = ((inputs[int(number)], entry) for number, entry in found)
    return tuple(InputEntry(one.path, **entry, split=one.split) for one, entry in entries)


def _splits(job: Job, ingested: Tallies) -> dict[str, SplitEntry]:
    named = dict.fromkeys(one.split for one in job.tables[ROWS] if one.split is not None)
    tallies = {split: tallies_of(ingested, input_kind(split)) for split in named}
    return {
        split: SplitEntry(
            rows_read=found.get("records", {}).get("read", 0),
            rejects=found.get("rejects", {}),
            dropped=found.get("dropped", {}),
            history=history_rows(found),
            added=sum(found.get("added", {}).values()),
        )
        for split, found in tallies.items()
    }


def _source(name: str, job: Job, ingested: Tallies) -> SourceEntry:
    tallies = tallies_of(ingested, name)
    return SourceEntry(
        inputs=_inputs(job, tallies),
        rows_read=tallies.get("records", {}).get("read", 0),
        rejects=tallies.get("rejects", {}),
        reach_us=history_needed(job.dataset, name),
    )


def _files(job: Job, transformed: Tallies) -> dict[str, FileEntry]:
    """Returns the entry of every file; whoever wrote rows has measured them already."""
    written = {name: FileEntry(**entry) for name, entry in transformed["files"].items()}
    others = [name for name in OUTPUTS if name not in (EXAMPLES_FOLDER, PARQUET_FOLDER)]
    return dict(sorted((list_files(job.folder, others) | written).items()))


def _versions() -> dict[str, str]:
    names = ("forebay", "apache-beam", "tensorflow", "tensorflow-transform", "pyarrow", "numpy")
    return {name: metadata.version(name) for name in names} | {
        "tzdata": tzdata_version(),
        "time zones end": str(HORIZON_YEAR),
    }
