"""tf.Transform over the shards of a run: analyze train, transform every split, write TFRecords."""

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_transform.beam as tft_beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.transform.graph_rows import SHARD, SHARD_ROWS, adapter_config, to_graph_rows
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.splits import WRITTEN_SPLITS
from forebay.transforms.graph.embedded import EmbeddedTable
from forebay.transforms.graph.preprocessing import preprocessing_fn

# (split, shard number, path of its rows as an Arrow file)
Shard = tuple[str, int, str]
# (split, shard number, place of the first row in the shard) and rows: all of the shard's, unless
# tf.Transform cut them in pieces, as it does above 200 MB.
Transformed = tuple[tuple[str, int, int], pa.RecordBatch]


class ReadShards(beam.PTransform):
    """Reads shards of rows, each as one record batch ready for the graph."""

    def __init__(self, dataset: Dataset, shards: Sequence[Shard]) -> None:
        super().__init__()
        self.dataset = dataset
        self.shards = shards

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:  # noqa: D102
        return (
            pipeline
            | "Shards" >> beam.Create(self.shards, reshuffle=True)
            | "Read" >> beam.Map(_read_shard, self.dataset).with_output_types(pa.RecordBatch)
        )


def _read_shard(shard: Shard, dataset: Dataset) -> pa.RecordBatch:
    split, number, path = shard
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        file = pa.ipc.open_file(source.read())  # at once: mapped, it would be waited for bit by bit
    return to_graph_rows(
        file.get_batch(0), dataset, number * len(WRITTEN_SPLITS) + WRITTEN_SPLITS.index(split)
    )


class TransformShards(beam.PTransform):
    """Transforms shards of every split by a transform function.

    All go through one copy of the graph: what loading another costs, rows don't. Output:
    `Transformed`.

    Args:
        dataset: the definition.
        shards: the shards.
        transform_fn: what ``AnalyzeDataset`` or ``ReadTransformFn`` of tf.Transform gives.
    """

    def __init__(self, dataset: Dataset, shards: Sequence[Shard], transform_fn: Any) -> None:
        super().__init__()
        self.dataset = dataset
        self.shards = shards
        self.transform_fn = transform_fn

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:  # noqa: D102
        rows = pipeline | "Read" >> ReadShards(self.dataset, self.shards)
        batches, _ = ((rows, adapter_config(self.dataset)), self.transform_fn) | (
            "Transform" >> tft_beam.TransformDataset(output_record_batches=True)
        )
        return batches | "TakeShard" >> beam.MapTuple(_take_shard)


class AnalyzeAndTransform(beam.PTransform):
    """Analyzes the training rows and transforms every split's.

    tf.Transform's own AnalyzeAndTransformDataset would read the training rows once and hold them
    in memory between its two passes on a local runner; reading the shards a second time costs
    less, and keeps memory flat. The results are the same.

    Output: the transform function, and a PCollection of `Transformed`.

    Args:
        dataset: the definition.
        shards: the shards of every split.
        tables: the table of each lookup that is embedded, by its name; None: there are none.
    """

    def __init__(
        self,
        dataset: Dataset,
        shards: Sequence[Shard],
        tables: Mapping[str, EmbeddedTable] | None = None,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.shards = shards
        self.tables = tables

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        config = adapter_config(self.dataset)
        train_shards = [shard for shard in self.shards if shard[0] == "train"]
        train = pipeline | "ReadForAnalysis" >> ReadShards(self.dataset, train_shards)
        transform_fn = (train, config) | "Analyze" >> tft_beam.AnalyzeDataset(
            preprocessing_fn(self.dataset, self.tables)
        )
        shards = TransformShards(self.dataset, self.shards, transform_fn)
        return transform_fn, pipeline | "Shards" >> shards


def _take_shard(batch: pa.RecordBatch, _: Any) -> Transformed:
    """Takes the rows' mark, which tf.Transform carried past the graph as a column."""
    shard, first_row = divmod(batch[SHARD].flatten()[0].as_py(), SHARD_ROWS)
    number, split = divmod(shard, len(WRITTEN_SPLITS))
    return (WRITTEN_SPLITS[split], number, first_row), batch.drop_columns([SHARD])
