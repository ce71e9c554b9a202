"""What a run needs to know of its features to warn of degenerate ones."""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipelines.facts import Fact
from transforms.dataset import Dataset


class FeatureFacts(beam.PTransform):
    """Summarises each feature of the training rows.

    Input: ``((split, shard number), RecordBatch)``, of which the training rows count. Output: a
    `Fact` ``("features", column, summary)`` for each numeric column, where the summary has
    ``distinct`` (for floats: 1 where all values are equal, else 2) and ``largest``, the count of
    the most frequent id.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self.names = {name for feature in dataset.features for name in feature.outputs}

    def expand(self, batches: beam.PCollection) -> beam.PCollection:  # noqa: D102
        return (
            batches
            | "Summarise" >> beam.FlatMap(_summaries, self.names)
            | "Merge" >> beam.CombinePerKey(_merged)
            | "ToFact" >> beam.MapTuple(_fact)
        )


# Floats: ("range", least, greatest). Ids: ("counts", rows per id).
_Summary = tuple[Any, ...]


def _summaries(
    element: tuple[tuple[str, int, int], pa.RecordBatch], names: set[str]
) -> Iterator[tuple[str, _Summary]]:
    (split, *_), batch = element
    if split != "train":
        return
    for name in names & set(batch.schema.names):
        values = batch[name].flatten()
        if not len(values):
            continue
        if pa.types.is_floating(values.type):
            array = values.to_numpy(zero_copy_only=False)
            yield name, ("range", float(array.min()), float(array.max()))
        elif pa.types.is_integer(values.type):
            ids, counts = np.unique(values.to_numpy(zero_copy_only=False), return_counts=True)
            yield name, ("counts", dict(zip(ids.tolist(), counts.tolist(), strict=True)))


def _merged(summaries: Iterable[_Summary]) -> _Summary | None:
    merged: _Summary | None = None
    for summary in summaries:
        if merged is None or summary is None:
            merged = merged or summary
        elif summary[0] == "range":
            merged = ("range", min(merged[1], summary[1]), max(merged[2], summary[2]))
        else:
            counts = dict(merged[1])
            for key, count in summary[1].items():
                counts[key] = counts.get(key, 0) + count
            merged = ("counts", counts)
    return merged


def _fact(name: str, summary: _Summary) -> Fact:
    if summary[0] == "range":
        return ("features", name, {"distinct": 1 if summary[1] == summary[2] else 2, "largest": 0})
    counts = summary[1].values()
    return ("features", name, {"distinct": len(counts), "largest": max(counts)})
