"""How rows are spread over ids and combinations of ids, counted batch by batch; knows no Beam."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forebay.transforms.hashing import scramble

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

# How many combinations of a cross are held; of more, only those in a sample of the buckets.
MOST_COMBINATIONS = 1 << 17
# Up to this many ids per row counted, an array with a place for each id is faster than sorting.
_SPARSE = 8


@dataclass(frozen=True)
class IdCounts:
    """How many rows have each id.

    Attributes:
        ids: int64 (n,), ascending: those that occur.
        rows: int64 (n,), of each.
    """

    ids: Ints
    rows: Ints

    @classmethod
    def of(cls, values: Ints) -> "IdCounts":
        """Counts the ids of a batch, int64 (rows,), at least one."""
        least, most = int(values.min()), int(values.max())
        if most - least > _SPARSE * len(values):
            ids, rows = np.unique(values, return_counts=True)
            return cls(ids, rows.astype(np.int64))
        rows = np.bincount(values - least)
        ids = np.flatnonzero(rows)
        return cls(ids + least, rows[ids])

    @classmethod
    def merged(cls, parts: Sequence["IdCounts"]) -> "IdCounts":
        """Adds up counts of several batches, at least one."""
        ids, place = np.unique(np.concatenate([part.ids for part in parts]), return_inverse=True)
        rows = np.zeros(len(ids), np.int64)
        np.add.at(rows, place, np.concatenate([part.rows for part in parts]))
        return cls(ids, rows)


@dataclass(frozen=True)
class Combinations:
    """The combinations of a cross that occur, with the bucket and the rows of each.

    Combinations are told apart by 64 bits of hash. Where there are more than `MOST_COMBINATIONS`,
    only those of a sample of the buckets are held, so that a bucket's are held together: those
    whose hash ends in ``level`` zero bits, one of 2^level.

    Attributes:
        level: how thin the sample is; 0: all buckets.
        hashes: uint64 (n,), ascending.
        buckets: int64 (n,), of each combination.
        rows: int64 (n,), of each.
    """

    level: int
    hashes: Hashes
    buckets: Ints
    rows: Ints

    @classmethod
    def of(cls, crossed: Sequence[Ints], buckets: Ints) -> "Combinations":
        """Counts the combinations of a batch.

        Args:
            crossed: what is crossed: ids, int64 (rows,) each.
            buckets: int64 (rows,), the cross's own ids.
        """
        hashes = np.zeros(len(buckets), np.uint64)
        for ids in crossed:
            hashes = scramble(hashes + ids.astype(np.uint64))
        found, first, rows = np.unique(hashes, return_index=True, return_counts=True)
        return cls(0, found, buckets[first], rows.astype(np.int64))._thinned(0)

    @classmethod
    def merged(cls, parts: Sequence["Combinations"]) -> "Combinations":
        """Adds up combinations of several batches, at least one."""
        level = max(part.level for part in parts)
        parts = [part._thinned(level) for part in parts]
        hashes, first, place = np.unique(
            np.concatenate([part.hashes for part in parts]), return_index=True, return_inverse=True
        )
        rows = np.zeros(len(hashes), np.int64)
        np.add.at(rows, place, np.concatenate([part.rows for part in parts]))
        buckets = np.concatenate([part.buckets for part in parts])[first]
        return cls(level, hashes, buckets, rows)._thinned(level)

    def _thinned(self, level: int) -> "Combinations":
        """Keeps a sample of the buckets at least as thin as asked for, and thin enough to hold."""
        found = self
        while found.level < level or len(found.hashes) > MOST_COMBINATIONS:
            level = max(level, found.level + 1)
            ends = scramble(found.buckets) & np.uint64((1 << level) - 1)
            kept = ends == 0
            found = Combinations(
                level, found.hashes[kept], found.buckets[kept], found.rows[kept]
            )  # fmt: skip
        return found

    def collisions(self) -> tuple[int, int, float]:
        """Tells what shares buckets.

        Returns:
            How many combinations occur, how many of them share their bucket with another, and the
            share of the rows that these have, in [0, 1]. Of a sample: estimates.
        """
        _, place, sizes = np.unique(self.buckets, return_inverse=True, return_counts=True)
        shared = sizes[place] > 1
        rows = int(self.rows.sum())
        share = int(self.rows[shared].sum()) / rows if rows else 0.0
        return len(self.hashes) << self.level, int(shared.sum()) << self.level, share
