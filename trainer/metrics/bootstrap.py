"""How far a metric may be off: intervals over rows, or groups of rows, drawn with replacement."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forebay.trainer.metrics.arrays import Floats, Ints

LEVEL = 0.95

Scores = Mapping[str, float | None]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Resampling:
    """What is drawn, and how often.

    Attributes:
        resamples: how many times.
        seed: the seed of the draws.
        groups: int64 (n,), the group of each row, from 0; the rows of a group are drawn together.
            None: every row is drawn by itself.
    """

    resamples: int
    seed: int = 0
    groups: Ints | None = None

    def take(self, rows: Any) -> "Resampling":
        """Returns the resampling of some of the rows: a mask, or places."""
        if self.groups is None:
            return self
        _, groups = np.unique(self.groups[rows], return_inverse=True)
        return Resampling(self.resamples, self.seed, groups)

    def units(self, rows: int) -> int:
        """Returns how many units are drawn of rows: themselves, or their groups."""
        return rows if self.groups is None else int(self.groups.max()) + 1

    def weights(self, rows: int) -> Iterator[Floats]:
        """Yields how often each row was drawn, float64 (rows,), for every resample."""
        random = np.random.default_rng(self.seed)
        units = self.units(rows)
        for _ in range(self.resamples):
            drawn = np.bincount(random.integers(0, units, units), minlength=units)
            counts = drawn if self.groups is None else drawn[self.groups]
            yield counts.astype(np.float64)


def intervals(
    scores: Callable[[Floats], Scores], rows: int, resampling: Resampling
) -> dict[str, Interval | None]:
    """Returns the central `LEVEL` of each score over the resamples (percentile bootstrap).

    A resample in which a score cannot be measured is left out of that score's interval.

    Args:
        scores: measures n rows with the given weights, float64 (n,).
        rows: n, from 1.
        resampling: what is drawn.

    Returns:
        By score the lower and upper bound, None where no resample could be measured, or there is
        but one row or group to draw.
    """
    if resampling.units(rows) < 2:
        return dict.fromkeys(scores(np.ones(rows)))
    found = [scores(weight) for weight in resampling.weights(rows)]
    return {
        name: _central([value for one in found if (value := one[name]) is not None])
        for name in found[0]
    }


def _central(values: list[float]) -> Interval | None:
    if not values:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def differences(scores: Scores, other: Scores) -> dict[str, float | None]:
    """Returns each score less the other's, None where either cannot be measured."""
    return {name: _less(scores[name], other[name]) for name in scores}


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other
