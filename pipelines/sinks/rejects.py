"""Rejected rows: brought together by input, located in it, written as JSON lines."""

from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.sources.inputs import TableInput
from forebay.transforms.json_text import json_text


class WriteRejects(beam.PTransform):
    """Writes ``rejects/part-NNNNN.jsonl``, one file for each input with rejects.

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
