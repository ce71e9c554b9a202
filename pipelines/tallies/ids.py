"""How rows are spread over ids and combinations of ids, counted batch by batch; knows no Beam."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forebay.transforms.hashing import scramble

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

# How many combinations of a cross are held; of more, a sample.
MOST_COMBINATIONS = 1 << 17
# No sample leaves fewer of a cross's buckets, about: what so few hold is sampled itself.
_FEWEST_BUCKETS = 64
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
    a sample is held, of one in 2^level. The first ``bucket_levels`` halve the buckets, so that a
    bucket's combinations are held together: those stay whose hash ends in zero bits. Where few
    buckets are left, and each has very many combinations, further levels halve these.

    Attributes:
        level: how thin the sample is; 0: everything.
        bucket_levels: how many of the levels take buckets away.
        hashes: uint64 (n,), ascending.
        buckets: int64 (n,), of each combination.
        rows: int64 (n,), of each.
    """

    level: int
    bucket_levels: int
    hashes: Hashes
    buckets: Ints
    rows: Ints

    @classmethod
    def of(cls, crossed: Sequence[Ints], buckets: Ints, most_buckets: int) -> "Combinations":
        """Counts the combinations of a batch.

        Args:
            crossed: what is crossed: ids, int64 (rows,) each.
            buckets: int64 (rows,), the cross's own ids.
            most_buckets: how many of these there can be.
        """
        hashes = np.zeros(len(buckets), np.uint64)
        for ids in crossed:
            hashes = scramble(hashes + ids.astype(np.uint64))
        found, first, rows = np.unique(hashes, return_index=True, return_counts=True)
        bucket_levels = max(most_buckets // _FEWEST_BUCKETS, 1).bit_length() - 1
        return cls(0, bucket_levels, found, buckets[first], rows.astype(np.int64))._thinned(0)

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
        return cls(level, parts[0].bucket_levels, hashes, buckets, rows)._thinned(level)

    def _thinned(self, level: int) -> "Combinations":
        """Keeps a sample at least as thin as asked for, and thin enough to hold."""
        found = self
        while found.level < level or len(found.hashes) > MOST_COMBINATIONS:
            level = max(level, found.level + 1)
            of_buckets = min(level, self.bucket_levels)
            kept = _ends_in_zeros(scramble(found.buckets), of_buckets)
            kept &= _ends_in_zeros(found.hashes, level - of_buckets)
            found = replace(
                found, level=level, hashes=found.hashes[kept], buckets=found.buckets[kept],
                rows=found.rows[kept],
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


def _ends_in_zeros(hashes: Hashes, bits: int) -> Bools:
    """Tells which hashes end in so many zero bits, bool (n,)."""
    ends: Bools = (hashes & np.uint64((1 << bits) - 1)) == 0
    return ends
