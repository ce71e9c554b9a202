"""Means and deviations of a training split, exact, in one pass over every worker's share."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.data import Examples
from trainer.team import Team

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


def train_statistics(batches: Iterable[Examples], team: Team) -> TrainStatistics:
    """Computes the moments of numeric inputs and of the label.

    Args:
        batches: this worker's rows, all of them.
        team: the workers, whose rows count together; all get the same moments.
    """
    numbers, label = _Running(), _Running()
    for batch in batches:
        numbers.add(batch.numbers.astype(np.float64))
        label.add(batch.label.astype(np.float64)[:, None])
    return TrainStatistics(numbers.of_all(team).moments(), label.of_all(team).moments())


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
        mean = values.mean(axis=0)
        self._merge(len(values), mean, np.square(values - mean).sum(axis=0))

    def of_all(self, team: Team) -> "_Running":
        """Returns the moments of all workers' rows, merged in the workers' order."""
        columns, merged = len(self._mean), _Running()
        for count, *rest in team.gather([self._count, *self._mean, *self._squares]):
            merged._merge(int(count), np.array(rest[:columns]), np.array(rest[columns:]))
        return merged

    def _merge(self, count: int, mean: Floats, squares: Floats) -> None:
        total = self._count + count
        shift = mean - self._mean
        self._squares = self._squares + squares + shift**2 * (self._count * count / total)
        self._mean = self._mean + shift * (count / total)
        self._count = total

    def moments(self) -> Moments:
        return Moments(self._mean, np.sqrt(self._squares / max(self._count, 1)))
