"""tf.Transform over the shards of a run: analyze train, transform every split."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from apache_beam.utils.shared import Shared
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from forebay.pipelines.transform.analyze import AnalyzeShards
from forebay.pipelines.transform.graph_rows import (
    adapter_config,
    graph_specs,
    to_graph_rows,
    to_tensors,
)
from forebay.pipelines.transform.read import ReadShards, Shard, Transformed
from forebay.pipelines.transform.recognized import NotComputed
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.embedded import EmbeddedTable
from forebay.transforms.graph.preprocessing import preprocessing_fn


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
        folder, _ = self.transform_fn
        return (
            pipeline
            | "Read" >> ReadShards(self.shards)
            | "Transform"
            >> beam.ParDo(
                _Transform(self.dataset), beam.pvalue.AsSingleton(folder)
            ).with_output_types(Transformed)
        )


class AnalyzeAndTransform(beam.PTransform):
    """Analyzes the training rows and transforms every split's.

    The transform function is the one of tf.Transform's AnalyzeDataset, which also computes it where
    an analyzer is not among those of `forebay.pipelines.transform.analyzers`.

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
        transform_fn = self._analyze(pipeline)
        shards = TransformShards(self.dataset, self.shards, transform_fn)
        return transform_fn, pipeline | "Shards" >> shards

    def _analyze(self, pipeline: beam.Pipeline) -> Any:
        train = [shard for shard in self.shards if shard[0] == "train"]
        graph = preprocessing_fn(self.dataset, self.tables)
        try:
            analyze = AnalyzeShards(
                self.dataset, graph, train, tft_beam.Context.create_base_temp_dir()
            )
        except NotComputed:
            rows = (
                pipeline
                | "ReadForAnalysis" >> ReadShards(train)
                | "ToGraphRows" >> beam.Map(_graph_rows, self.dataset)
            )
            return (rows, adapter_config(self.dataset)) | tft_beam.AnalyzeDataset(graph)
        return pipeline | "Analyze" >> analyze


def _graph_rows(shard: tuple[Any, pa.RecordBatch], dataset: Dataset) -> pa.RecordBatch:
    return to_graph_rows(shard[1], dataset)


class _Transform(beam.DoFn):
    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._shared = Shared()

    def process(
        self, element: tuple[tuple[str, int], pa.RecordBatch], folder: str
    ) -> Iterator[Transformed]:
        key, batch = element
        load = functools.partial(SavedGraph, folder, self._dataset)
        self._graph = self._shared.acquire(load, tag=folder)
        yield key, self._graph.transformed(batch)


class SavedGraph:
    """A transform graph, ready for rows."""

    def __init__(self, folder: str, dataset: Dataset) -> None:
        self._dataset = dataset
        self._loader = SavedModelLoader(folder)
        outputs = self._loader.structured_outputs
        self._loader.finalize(set(graph_specs(dataset)), set(outputs))
        self._converter = TensorsToRecordBatchConverter(
            {name: tf.type_spec_from_value(output) for name, output in outputs.items()}
        )

    def transformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns what the graph makes of rows, as lists."""
        outputs = self._loader.apply_transform_model(to_tensors(batch, self._dataset))
        return self._converter.convert(outputs)
