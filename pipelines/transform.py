"""tf.Transform over the shards of a run: analyze train, transform every split, write TFRecords."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow_transform.beam as tft_beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pipelines.facts import Fact
from pipelines.graph_rows import SHARD, adapter_config, to_graph_rows
from pipelines.run_folder import write_bytes
from pipelines.tfrecords import encode_examples
from transforms.dataset import Dataset
from transforms.graph import preprocessing_fn
from transforms.manifest import FileEntry

# (split, shard number, path of its rows as Parquet)
Shard = tuple[str, int, str]


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
    _, number, path = shard
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        table = pq.read_table(pa.PythonFile(source, mode="r"), use_threads=False)
    return to_graph_rows(table.combine_chunks().to_batches()[0], dataset, number)


class TransformSplits(beam.PTransform):
    """Transforms every split's rows by a transform function.

    Output: for each split a PCollection of ``(shard number, RecordBatch)``.

    Args:
        dataset: the definition.
        shards: the shards of every split, by split.
        transform_fn: as ``AnalyzeDataset`` and ``ReadTransformFn`` of tf.Transform give it.
    """

    def __init__(
        self, dataset: Dataset, shards: Mapping[str, Sequence[Shard]], transform_fn: Any
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.shards = shards
        self.transform_fn = transform_fn

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        config = adapter_config(self.dataset)
        transformed = {}
        for split, shards in self.shards.items():
            rows = pipeline | f"Read_{split}" >> ReadShards(self.dataset, shards)
            batches, _ = ((rows, config), self.transform_fn) | (
                f"Transform_{split}" >> tft_beam.TransformDataset(output_record_batches=True)
            )
            transformed[split] = batches | f"TakeShard_{split}" >> beam.MapTuple(_take_shard)
        return transformed


class AnalyzeAndTransform(beam.PTransform):
    """Analyzes the training rows and transforms every split's.

    tf.Transform's own AnalyzeAndTransformDataset would read the training rows once and hold them
    in memory between its two passes on a local runner; reading the shards a second time costs
    less, and keeps memory flat. The results are the same.

    Output: the transform function, and for each split a PCollection of
    ``(shard number, RecordBatch)``.

    Args:
        dataset: the definition.
        shards: the shards of every split, by split.
    """

    def __init__(self, dataset: Dataset, shards: Mapping[str, Sequence[Shard]]) -> None:
        super().__init__()
        self.dataset = dataset
        self.shards = shards

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        config = adapter_config(self.dataset)
        train = pipeline | "ReadForAnalysis" >> ReadShards(self.dataset, self.shards["train"])
        transform_fn = (train, config) | "Analyze" >> tft_beam.AnalyzeDataset(
            preprocessing_fn(self.dataset)
        )
        splits = TransformSplits(self.dataset, self.shards, transform_fn)
        return transform_fn, pipeline | "Splits" >> splits


def _take_shard(batch: pa.RecordBatch, _: Any) -> tuple[int, pa.RecordBatch]:
    """Takes the shard's number, which tf.Transform carried past the graph as a column."""
    return batch[SHARD].flatten()[0].as_py(), batch.drop_columns([SHARD])


class WriteExamples(beam.PTransform):
    """Writes each transformed shard as a TFRecord file of tf.Examples.

    Input: ``(shard number, RecordBatch)``. Output: `Fact` elements with each file's entry.
    """

    def __init__(self, folder: str, split: str, gzip: bool) -> None:
        super().__init__()
        self.folder = folder
        self.split = split
        self.gzip = gzip

    def expand(self, batches: beam.PCollection) -> beam.PCollection:  # noqa: D102
        return batches | beam.ParDo(_WriteExamples(self.folder, self.split, self.gzip))


class _WriteExamples(beam.DoFn):
    def __init__(self, folder: str, split: str, gzip: bool) -> None:
        self._folder = folder
        self._split = split
        self._gzip = gzip

    def process(self, element: tuple[int, pa.RecordBatch]) -> Iterator[Fact]:
        number, batch = element
        name = f"examples/{self._split}/part-{number:05d}.tfrecord" + ".gz" * self._gzip
        content: Any = encode_examples(batch).data
        if self._gzip:
            content = gzip.compress(content, compresslevel=6, mtime=0)
        write_bytes(FileSystems.join(self._folder, name), content)
        yield ("files", name, asdict(FileEntry.of(content)))
