"""Rows after the windows, sorted into splits and kept as Arrow files for the transform."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.sources.read import reject_batch
from forebay.pipelines.splits.rows import split_rows
from forebay.transforms.definition.dataset import Dataset


class WriteSplits(beam.PTransform):
    """Sorts the rows of each shard into splits and writes each split's as an Arrow file.

    Input: ``(shard number, RecordBatch)``. Output: ``tallies`` with the paths and counts, and
    ``rejects`` for `forebay.pipelines.sinks.rejects.WriteRejects`.
    """

    def __init__(self, dataset: Dataset, folder: str, *, keep_unlabelled: bool) -> None:
        super().__init__()
        self.dataset = dataset
        self.folder = folder
        self.keep_unlabelled = keep_unlabelled

    def expand(self, shards: beam.PCollection) -> Any:  # noqa: D102
        write = _WriteSplits(self.dataset, self.folder, self.keep_unlabelled)
        return shards | beam.ParDo(write).with_outputs("rejects", main="tallies")


class _WriteSplits(beam.DoFn):
    def __init__(self, dataset: Dataset, folder: str, keep_unlabelled: bool) -> None:
        self._dataset = dataset
        self._folder = folder
        self._keep_unlabelled = keep_unlabelled

    def process(self, element: tuple[int, pa.RecordBatch]) -> Iterator[Any]:
        number, batch = element
        sorted_out = split_rows(batch, self._dataset, keep_unlabelled=self._keep_unlabelled)
        for split, rows in sorted_out.splits.items():
            path = FileSystems.join(self._folder, f"{split}-{number:05d}.arrow")
            with FileSystems.create(path) as sink, pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_batch(rows)
            yield ("rows", split, len(rows))
            yield ("shards", path, [split, number])
            if split == "train":
                names = self._dataset.graph_columns
                yield from (("missing", name, rows[name].null_count) for name in names)
        for cause, count in sorted_out.dropped.items():
            yield ("dropped", cause, count)
        for value, count in sorted_out.labels.items():
            yield ("labels", value, count)
        for value, count in sorted_out.undeclared.items():
            yield ("undeclared", value, count)
        for category, rejected in sorted_out.rejected.items():
            n = len(rejected.reasons)
            yield ("rejects", category, n)
            yield beam.pvalue.TaggedOutput(
                "rejects",
                reject_batch(np.asarray(rejected.identities), rejected.reasons, [None] * n),
            )
