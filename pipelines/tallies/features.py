"""What a run needs to know of its features, to warn of degenerate ones and to report on them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from forebay.pipelines.tallies.ids import Combinations, IdCounts
from forebay.pipelines.tallies.tallies import Tally
from forebay.storage.run.occupancy import MOST_SHOWN
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Crossed
from forebay.transforms.definition.features.crossed import MOST_NUMBERED


class FeatureTallies(beam.PTransform):
    """Summarises each output of the training rows, carried columns apart.

    Input: ``((split, shard number), RecordBatch)``, of which the training rows count.
    Output: `Tally` elements by transformed column:

    - ``("features", column, summary)``, where the summary has ``distinct`` (for floats: 1 where
      all values are equal, else 2) and ``largest``, the count of the most frequent id. For ids it
      also has ``rows``, ``most`` (the ids of most rows, [id, rows] each) and ``last`` (the same
      for as many of the last ids that occur as unknown and missing values can have).
    - ``("crosses", column, summary)`` with ``combinations``, ``colliding``, ``colliding_share`` and
      ``sampled``, as `forebay.storage.run.occupancy.Collisions` has them.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        carried = frozenset(dataset.carried_columns)
        crosses = {f.name: f for f in dataset.features if isinstance(f, Crossed)}
        self.outputs = _Outputs(carried, crosses)
        self.tails = {
            name: feature.oov_ids + feature.missing_ids
            for feature in dataset.features
            for name in feature.outputs
        }

    def expand(self, batches: beam.PCollection) -> beam.PCollection:  # noqa: D102
        return (
            batches
            | "Summarise" >> beam.FlatMap(_summaries, self.outputs)
            | "Merge" >> beam.CombinePerKey(_merged)
            | "ToFact" >> beam.Map(_tally, self.tails)
        )


@dataclass(frozen=True)
class _Range:
    """The least and the greatest of numbers."""

    least: float
    greatest: float

    @classmethod
    def merged(cls, parts: list["_Range"]) -> "_Range":
        return cls(min(part.least for part in parts), max(part.greatest for part in parts))


@dataclass(frozen=True)
class _Outputs:
    """Which columns are carried, and which are crosses."""

    carried: frozenset[str]
    crosses: Mapping[str, Crossed]


_Summary = _Range | IdCounts | Combinations
_Key = tuple[str, str]


def _summaries(
    element: tuple[tuple[str, int], pa.RecordBatch], outputs: _Outputs
) -> Iterator[tuple[_Key, _Summary]]:
    (split, *_), batch = element
    if split != "train":
        return
    ids = {}
    for name in sorted(set(batch.schema.names) - outputs.carried):
        values = batch[name].flatten()
        if not len(values):
            continue
        array = values.to_numpy(zero_copy_only=False)
        if pa.types.is_floating(values.type):
            yield ("features", name), _Range(float(array.min()), float(array.max()))
        elif pa.types.is_integer(values.type):
            ids[name] = array
            yield ("features", name), IdCounts.of(array)
    for name, cross in outputs.crosses.items():
        if name in ids:
            crossed = [ids[part] for part in cross.of]
            buckets = cross.buckets or MOST_NUMBERED  # with fewer, it is never sampled
            yield ("crosses", name), Combinations.of(crossed, ids[name], buckets)


def _merged(summaries: Iterable[Any]) -> Any:
    parts = [summary for summary in summaries if summary is not None]
    return type(parts[0]).merged(parts) if parts else None


def _tally(element: tuple[_Key, _Summary], tails: Mapping[str, int]) -> Tally:
    (kind, name), summary = element
    match summary:
        case _Range(least, greatest):
            return (kind, name, {"distinct": 1 if least == greatest else 2, "largest": 0})
        case Combinations():
            combinations, colliding, share = summary.collisions()
            return (kind, name, {
                "combinations": combinations, "colliding": colliding, "colliding_share": share,
                "sampled": summary.level > 0,
            })  # fmt: skip
        case IdCounts(ids, rows):
            most = np.argsort(-rows, kind="stable")[:MOST_SHOWN]
            last = slice(max(len(ids) - tails.get(name, 0), 0), None)
            return (kind, name, {
                "distinct": len(ids), "largest": int(rows.max()), "rows": int(rows.sum()),
                "most": np.stack([ids[most], rows[most]], axis=1).tolist(),
                "last": np.stack([ids[last], rows[last]], axis=1).tolist(),
            })  # fmt: skip
