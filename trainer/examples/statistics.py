"""Means, deviations and weights of a training split, exact, in one pass over each share of it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forebay.trainer.examples.split_reader import Examples
from forebay.trainer.workers.team import Team, alone

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
    """What must be known of the training rows before a model is built.

    Attributes:
        numbers: moments of the numeric inputs; a row of weight 2 counts as two.
        label: moments of the label, likewise.
        rows: how many there are.
        weight: the sum of their weights.
        class_weights: float64 (classes,), the sum of the weights of each class's rows; empty where
            the label has no classes.
    """

    numbers: Moments
    label: Moments
    rows: int
    weight: float
    class_weights: Floats


def train_statistics(
    batches: Iterable[Examples], classes: int = 0, team: Team | None = None
) -> TrainStatistics:
    """Computes the statistics over all batches of all workers, the same for each.

    Args:
        batches: this worker's rows.
        classes: how many classes the label counts, from 0; 0: it has none.
        team: the workers; None: this process alone.
    """
    team = team or alone()
    numbers, label = _Running(), _Running()
    rows, weight, class_weights = 0, 0.0, np.zeros(classes)
    for batch in batches:
        weights = batch.weight.astype(np.float64)
        numbers.add(batch.numbers.astype(np.float64), weights)
        label.add(batch.label.astype(np.float64)[:, None], weights)
        rows, weight = rows + len(batch), weight + float(weights.sum())
        if classes:
            class_weights += np.bincount(batch.label.astype(np.int64), weights, classes)
    rows, weight, *class_sums = team.gather([rows, weight, *class_weights]).sum(axis=0).tolist()
    numbers, label = numbers.of_all(team), label.of_all(team)
    return TrainStatistics(
        numbers.moments(), label.moments(), int(rows), weight, np.array(class_sums)
    )


class _Running:
    """Merges weights, means and squared deviations of batches.

    The formula is that of Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise
    algorithm for computing sample variances", with sums of weights for counts.
    """

    def __init__(self) -> None:
        self._weight = 0.0
        self._mean: Floats = np.zeros(1)
        self._squares: Floats = np.zeros(1)

    def add(self, values: Floats, weights: Floats) -> None:
        weight = float(weights.sum())
        if not weight:
            return
        mean = weights @ values / weight
        self._merge(weight, mean, weights @ np.square(values - mean))

    def of_all(self, team: Team) -> "_Running":
        """Returns the moments of all workers' rows, merged in the workers' order."""
        columns, merged = len(self._mean), _Running()
        for weight, *rest in team.gather([self._weight, *self._mean, *self._squares]).tolist():
            if weight:
                merged._merge(weight, np.array(rest[:columns]), np.array(rest[columns:]))
        return merged

    def _merge(self, weight: float, mean: Floats, squares: Floats) -> None:
        total = self._weight + weight
        shift = mean - self._mean
        self._squares = self._squares + squares + shift**2 * (self._weight * weight / total)
        self._mean = self._mean + shift * (weight / total)
        self._weight = total

    def moments(self) -> Moments:
        return Moments(self._mean, np.sqrt(self._squares / (self._weight or 1.0)))
