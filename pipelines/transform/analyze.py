"""The steps of a pipeline that learn from train, phase by phase, and write the transform graph.

An analyzer that looks at what another one's result makes of the rows is of a later phase. Each
phase reads the training rows once, has one shuffle, and traces the graph once in every process.
What shards tell is merged in the shards' order, so that the same rows give the same bits wherever
and however often they are computed.
"""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.utils.shared import Shared
from tensorflow_transform.beam.tft_beam_io import beam_metadata_io
from tensorflow_transform.tf_metadata import dataset_metadata

from forebay.pipelines.transform.analyzers import Analyzer
from forebay.pipelines.transform.graph_rows import graph_specs, to_tensors
from forebay.pipelines.transform.read import ReadShards, Shard
from forebay.pipelines.transform.traced import (
    Learned,
    LookedAt,
    PreprocessingFn,
    Trace,
    reordered,
    write_graph,
)
from forebay.transforms.definition.dataset import Dataset

# Vocabularies of more shards than this are merged in several parts.
_SHARDS_A_PART = 128


class AnalyzeShards(beam.PTransform):
    """Analyzes the training rows, and writes the transform graph.

    Output: the transform function, as ``AnalyzeDataset`` of tf.Transform gives it.

    Args:
        dataset: the definition.
        preprocessing_fn: its graph.
        shards: the shards of train.
        folder: where files may go that all workers reach.

    Raises:
        NotComputed: an analyzer cannot be computed here.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocessing_fn: PreprocessingFn,
        shards: Sequence[Shard],
        folder: str,
    ) -> None:
        super().__init__()
        self._dataset = dataset
        self._graph = preprocessing_fn, graph_specs(dataset)
        self._traces = _Traces(*self._graph)
        self._trace = self._traces.of(Learned())
        self._shards = shards
        self._parts = max(1, len(shards) // _SHARDS_A_PART)
        self._folder = folder

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        learned = pipeline | "Nothing" >> beam.Create([Learned()])
        for i, analyzers in enumerate(self._trace.phases):
            found = (
                pipeline
                | f"Read {i}" >> ReadShards(self._shards)
                | f"Accumulate {i}" >> beam.ParDo(
                    _Accumulate(
                        self._dataset, self._traces, analyzers, self._trace.looked_at, self._parts
                    ),
                    beam.pvalue.AsSingleton(learned)
                )
                | f"Parts {i}" >> beam.GroupByKey()
                | f"Merge {i}" >> beam.Map(_merged, analyzers)
            )  # fmt: skip
            learned = (
                pipeline
                | f"Once {i}" >> beam.Create([analyzers])
                | f"Finish {i}"
                >> beam.Map(
                    _finished,
                    self._folder,
                    beam.pvalue.AsSingleton(learned),
                    beam.pvalue.AsList(found),
                )
            )
        written = learned | "Graph" >> beam.Map(
            _written, *self._graph, self._trace.looked_at, self._folder
        )
        folder = written | "Folder" >> beam.Keys()
        metadata = written | "Metadata" >> beam.Values()
        return folder, beam_metadata_io.BeamDatasetMetadata(
            dataset_metadata.DatasetMetadata.from_feature_spec({}), metadata, self._trace.asset_map
        )


class _Traces:
    """Traces of one graph; every process makes its own, and all its threads share it."""

    def __init__(self, preprocessing_fn: PreprocessingFn, specs: Mapping[str, tf.TypeSpec]) -> None:
        self._preprocessing_fn, self._specs = preprocessing_fn, specs
        self._shared = Shared()

    def of(self, learned: Learned) -> Trace:
        """Returns the trace with what is learned."""
        trace: Trace = self._shared.acquire(
            lambda: Trace(self._preprocessing_fn, self._specs, learned), tag=len(learned.values)
        )
        return trace


class _Accumulate(beam.DoFn):
    """Yields what the analyzers that are ready see of a shard, by part."""

    def __init__(
        self,
        dataset: Dataset,
        traces: _Traces,
        analyzers: Sequence[Analyzer],
        looked_at: LookedAt,
        parts: int,
    ) -> None:
        self._dataset, self._traces = dataset, traces
        self._analyzers, self._parts = analyzers, parts
        self._looked_at = {analyzer.results: looked_at[analyzer.results] for analyzer in analyzers}

    def process(
        self, element: tuple[tuple[str, int], pa.RecordBatch], learned: Learned
    ) -> Iterator[tuple[int, tuple[int, dict[int, Any]]]]:
        (_, shard), batch = element
        trace = self._trace = self._traces.of(learned)  # lives as long as this step, or longer
        if any(trace.looked_at.get(of) != inputs for of, inputs in self._looked_at.items()):
            raise reordered()
        values = trace.values(to_tensors(batch, self._dataset))
        parts: list[dict[int, Any]] = [{} for _ in range(self._parts)]
        for i, analyzer in enumerate(self._analyzers):
            seen = analyzer.accumulate([values[name] for name in analyzer.sources])
            for part, piece in analyzer.divide(seen, self._parts):
                parts[(i + part) % self._parts][i] = piece
        for part, pieces in enumerate(parts):
            yield part, (shard, pieces)


def _merged(
    part: tuple[int, Iterable[tuple[int, dict[int, Any]]]], analyzers: Sequence[Analyzer]
) -> dict[int, Any]:
    """Merges what the shards told, in their order."""
    _, pieces = part
    in_order = [seen for _, seen in sorted(pieces, key=lambda piece: piece[0])]
    return {
        i: analyzer.merge([seen[i] for seen in in_order])
        for i, analyzer in enumerate(analyzers)
        if i in in_order[0]
    }


def _finished(
    analyzers: Sequence[Analyzer], folder: str, learned: Learned, parts: Sequence[dict[int, Any]]
) -> Learned:
    own = os.path.join(folder, uuid.uuid4().hex)  # a retry has another
    for i, analyzer in enumerate(analyzers):
        found = analyzer.finish([part[i] for part in parts if i in part], own)
        learned = learned.with_more(found)
    return learned


def _written(
    learned: Learned,
    preprocessing_fn: PreprocessingFn,
    specs: Mapping[str, tf.TypeSpec],
    looked_at: LookedAt,
    folder: str,
) -> tuple[str, dataset_metadata.DatasetMetadata]:
    own = os.path.join(folder, uuid.uuid4().hex)
    return own, write_graph(preprocessing_fn, specs, learned, looked_at, own)
