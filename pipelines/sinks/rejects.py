"""Rejected rows: brought together by input, located in it, written as JSON lines, read again."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.sinks.run_folder import paths_in
from forebay.pipelines.sources.inputs import TableInput
from forebay.transforms.json_text import json_text, parse_json

# Rejects as a table: of the places, those that the kind of input has.
REJECT_COLUMNS = pa.schema(
    [("source", pa.string())]
    + [(place, pa.int64()) for place in ("line", "row", "record", "stream", "offset")]
    + [("reason", pa.string()), ("raw", pa.string())]
)
_BATCH_ROWS = 10_000


def reject_files(folder: str) -> list[str]:
    """Returns the files of `WriteRejects` in a folder, in the order of the inputs."""
    return paths_in(folder)


def move_rejects(folder: str, into: str) -> None:
    """Moves the files of `WriteRejects` from a folder to another on the same file system."""
    paths = reject_files(folder)
    if paths:
        FileSystems.mkdirs(into)
        new = [FileSystems.join(into, FileSystems.split(path)[1]) for path in paths]
        FileSystems.rename(paths, new)


def read_rejects(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields the rejects of some files of `WriteRejects` with `REJECT_COLUMNS`."""
    for path in paths:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            while lines := list(itertools.islice(source, _BATCH_ROWS)):
                rejects = [_of_utf8(parse_json(line)) for line in lines]
                yield pa.RecordBatch.from_pylist(rejects, REJECT_COLUMNS)


def _of_utf8(reject: dict[str, Any]) -> dict[str, Any]:
    """Returns a reject whose source's name, if it is not UTF-8, has question marks for bytes."""
    return reject | {"source": reject["source"].encode("utf-8", "replace").decode()}


class WriteRejects(beam.PTransform):
    """Writes ``part-NNNNN.jsonl`` to a folder, one file for each input with rejects.

    Input: a tuple of PCollections as `forebay.pipelines.sources.read.reject_batch` makes them. A
    reject has its input, its place there (line and byte offset of the decompressed text; or row),
    reason and record.
    """

    def __init__(
        self, folder: str, temp_location: str, inputs: Sequence[TableInput], max_record_bytes: int
    ) -> None:
        super().__init__()
        self.folder = folder
        self.temp_location = temp_location
        self.inputs = inputs
        self.max_record_bytes = max_record_bytes

    def expand(self, rejects: Any) -> beam.PCollection:  # noqa: D102
        return (
            rejects
            | "GroupByFile" >> GroupBatches(self.temp_location)
            | "Write" >> beam.Map(self._write)
        )

    def _write(self, element: Group) -> None:
        source = self.inputs[element.partition]
        (table,) = element.tables().values()
        path = FileSystems.join(self.folder, f"part-{element.partition:05d}.jsonl")
        with FileSystems.create(path) as sink:
            for record in source.located(table, self.max_record_bytes):
                line = json_text({"source": source.path, **record})
                sink.write(line.encode() + b"\n")
