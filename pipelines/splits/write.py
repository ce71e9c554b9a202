"""Rows after the windows, sorted into splits and kept as Arrow files for the transform."""

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.new_files import create
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.read import reject_batch
from forebay.pipelines.splits.rows import SplitRows, split_rows
from forebay.pipelines.tallies.by_split import SplitOfInput, rows_by_split, split_of_input
from forebay.pipelines.tallies.tallies import Tally, input_kind, tally_of
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW


class WriteSplits(beam.PTransform):
    """Sorts the rows of each shard into splits and writes each split's as an Arrow file.

    Input: ``(shard number, RecordBatch)``. Output: ``tallies`` with the paths and counts, and
    ``rejects`` for `forebay.pipelines.sinks.rejects.WriteRejects`.

    Args:
        dataset: the definition.
        folder: where the files are written.
        inputs: the dataset's own, for their splits where they have one.
        keep_unlabelled: whether rows without a label make a split.
    """

    def __init__(
        self, dataset: Dataset, folder: str, inputs: Sequence[TableInput], *, keep_unlabelled: bool
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.folder = folder
        self.splits = split_of_input(inputs)
        self.keep_unlabelled = keep_unlabelled

    def expand(self, shards: beam.PCollection) -> Any:  # noqa: D102
        write = _WriteSplits(self.dataset, self.folder, self.splits, self.keep_unlabelled)
        return shards | beam.ParDo(write).with_outputs("rejects", main="tallies")


class _WriteSplits(beam.DoFn):
    def __init__(
        self, dataset: Dataset, folder: str, splits: SplitOfInput, keep_unlabelled: bool
    ) -> None:
        self._dataset = dataset
        self._folder = folder
        self._splits = splits
        self._keep_unlabelled = keep_unlabelled

    def process(self, element: tuple[int, pa.RecordBatch]) -> Iterator[Any]:
        number, batch = element
        sorted_out = self._sorted_out(batch)
        for split, rows in sorted_out.splits.items():
            path = FileSystems.join(self._folder, f"{split}-{number:05d}.arrow")
            with create(path) as sink, pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_batch(rows)
            yield ("rows", split, len(rows))
            yield ("shards", path, [split, number])
            if split == "train":
                names = self._dataset.graph_columns
                yield from (("missing", name, rows[name].null_count) for name in names)
        yield from _lost(sorted_out)
        for split, mine in rows_by_split(batch[ROW].to_numpy(), self._splits):
            for tally in _lost(self._sorted_out(batch.filter(pa.array(mine)))):
                yield tally_of(tally, input_kind(split))
        for rejected in sorted_out.rejected.values():
            n = len(rejected.reasons)
            yield beam.pvalue.TaggedOutput(
                "rejects",
                reject_batch(np.asarray(rejected.identities), rejected.reasons, [None] * n),
            )

    def _sorted_out(self, batch: pa.RecordBatch) -> SplitRows:
        return split_rows(
            batch, self._dataset, keep_unlabelled=self._keep_unlabelled, of_inputs=self._splits
        )


def _lost(sorted_out: SplitRows) -> Iterator[Tally]:
    """Yields how many rows make no example, by cause, and the values at fault."""
    for cause, count in sorted_out.dropped.items():
        yield ("dropped", cause, count)
    for value, count in sorted_out.labels.items():
        yield ("labels", value, count)
    for value, count in sorted_out.undeclared.items():
        yield ("undeclared", value, count)
    for category, rejected in sorted_out.rejected.items():
        yield ("rejects", category, len(rejected.reasons))
