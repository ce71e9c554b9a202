"""Means and deviations of a training split, exact, in one pass."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data import Examples

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Of columns side by side: float64 (columns,) each; deviations are population ones."""

    mean: Floats
    deviation: Floats

    @property
    def usable_deviation(self) -> Floats:
        """The deviations, with 1 for constant columns."""
        return np.where(self.deviation > 0, self.deviation, 1.0)


@dataclass(frozen=True)
class TrainStatistics:
    """What a model must know of its training rows: moments of its numbers and of the label."""

    numbers: Moments
    label: Moments


def train_statistics(batches: Iterable[Examples]) -> TrainStatistics:
    """Computes the moments of numeric inputs and of the label over all batches."""
    numbers, label = _Running(), _Running()
    for batch in batches:
        numbers.add(batch.numbers.astype(np.float64))
        label.add(batch.label.astype(np.float64)[:, None])
    return TrainStatistics(numbers.moments(), label.moments())


class _Running:
    """Merges counts, means and squared deviations of batches.

    The formula is that of Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise
    algorithm for computing sample variances".
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean: Floats = np.zeros(1)
        self._squares: Floats = np.zeros(1)

    def add(self, values: Floats) -> None:
        count, mean = len(values), values.mean(axis=0)
        squares = np.square(values - mean).sum(axis=0)
        total = self._count + count
        shift = mean - self._mean
        self._squares = self._squares + squares + shift**2 * (self._count * count / total)
        self._mean = self._mean + shift * (count / total)
        self._count = total

    def moments(self) -> Moments:
        return Moments(self._mean, np.sqrt(self._squares / max(self._count, 1)))
