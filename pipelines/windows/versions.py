"""Versions of events brought together by event id, before their keys are looked at."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.transforms.hashing import scramble
from forebay.transforms.windows.groups import EVENT
from forebay.transforms.windows.versions import resolve


class ResolveVersions(beam.PTransform):
    """Finds what of corrected and deleted events windows see, and until when.

    Input: a tuple of PCollections of `Partitioned`, together all versions, as `by_event` makes
    them. Output: ``(group number,
    RecordBatch)`` of events, as `forebay.transforms.windows.versions.resolve` returns them.
    """

    def __init__(self, temp_location: str, spill_bytes: int) -> None:
        super().__init__()
        self.temp_location = temp_location
        self.spill_bytes = spill_bytes

    def expand(self, versions: Any) -> beam.PCollection:  # noqa: D102
        return (
            versions
            | "GroupByEvent" >> GroupBatches(self.temp_location, self.spill_bytes)
            | "Resolve" >> beam.FlatMap(_resolve).with_output_types(tuple[int, pa.RecordBatch])
        )


def by_event(number: int, versions: pa.RecordBatch, partitions: int) -> Partitioned:
    """Makes versions ready for `ResolveVersions`: those of one event meet in one partition.

    Args:
        number: which group they are for.
        versions: versions as `WindowGroup.events` returns them.
        partitions: how many partitions there are; those of one are held in memory together.
    """
    partition = scramble(versions[EVENT].to_numpy()) % np.uint64(partitions)
    return Partitioned(str(number), "versions", partition.astype(np.int64), versions)


def _resolve(element: Group) -> Iterator[tuple[int, pa.RecordBatch]]:
    (versions,) = element.tables().values()
    for events in resolve(versions).combine_chunks().to_batches():
        yield int(element.stage), events
