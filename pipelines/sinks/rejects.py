"""Rejected rows: brought together by source file, located by line, written as JSON lines."""

from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.sources.csv.files import CsvFile
from forebay.pipelines.sources.csv.lines import located
from forebay.transforms.json_text import json_text


class WriteRejects(beam.PTransform):
    """Writes ``rejects/part-NNNNN.jsonl``, one file for each source file with rejects.

    Input: a tuple of PCollections as `forebay.pipelines.sources.read.reject_batch` makes them. A
    reject has its source file, line and byte offset (of the decompressed text), reason and raw
    text.
    """

    def __init__(
        self, folder: str, temp_location: str, files: Sequence[CsvFile], max_record_bytes: int
    ) -> None:
        super().__init__()
        self.folder = folder
        self.temp_location = temp_location
        self.files = files
        self.max_record_bytes = max_record_bytes

    def expand(self, rejects: Any) -> beam.PCollection:  # noqa: D102
        return (
            rejects
            | "GroupByFile" >> GroupBatches(self.temp_location)
            | "Write" >> beam.Map(self._write)
        )

    def _write(self, element: Group) -> None:
        file = self.files[element.partition]
        (table,) = element.tables().values()
        path = FileSystems.join(self.folder, f"part-{element.partition:05d}.jsonl")
        with file.source.open() as source, FileSystems.create(path) as sink:
            for record in located(table, source, file.format, self.max_record_bytes):
                line = json_text({"source": file.source.path, **record})
                sink.write(line.encode() + b"\n")
