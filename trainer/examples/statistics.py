"""What must be known of a training split, in one pass over each worker's share of it.

Means, deviations and weights are exact; quantiles are those of a sample.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from forebay.trainer.examples.inputs import NO_INPUTS, ModelInputs
from forebay.trainer.examples.split_reader import Examples
from forebay.trainer.workers.team import Team, alone

Floats = npt.NDArray[np.float64]
# Rows whose quantiles stand for those of all: each is off by less than a hundredth of the rows.
SAMPLE = 20_000
# A share of a variance that is lost to rounding at the most.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Scale:
    """How the values of columns are standardised: float64 (columns,) each.

    Attributes:
        offset: what is subtracted.
        divisor: what the difference is divided by, above zero.
    """

    offset: Floats
    divisor: Floats


@dataclass(frozen=True)
class TrainStatistics:
    """What must be known of the training rows before a model is built.

    Attributes:
        numbers: how numeric inputs are standardised: by mean and population deviation, a row of
            weight 2 counting as two; constant ones lose their mean; and of the only two values of
            a column the lesser becomes 0, the greater 1. Where one of two is rare, a deviation
            would make so great a number of it that its weight is a matter of a few rows' chance.
        label: how the label is standardised: by mean and deviation.
        rows: how many there are.
        weight: the sum of their weights.
        class_weights: float64 (classes,), the sum of the weights of each class's rows; empty where
            the label has no classes.
        bounds: float64 (numbers in pieces, pieces + 1), the ends of their pieces, ascending:
            quantiles of the first `SAMPLE` rows of the chief, whatever their weights.
    """

    numbers: Scale
    label: Scale
    rows: int
    weight: float
    class_weights: Floats
    bounds: Floats = field(default_factory=lambda: np.zeros((0, 1)))


def train_statistics(
    batches: Iterable[Examples],
    classes: int = 0,
    team: Team | None = None,
    inputs: ModelInputs = NO_INPUTS,
) -> TrainStatistics:
    """Computes the statistics over all batches of all workers, the same for each.

    Args:
        batches: this worker's rows.
        classes: how many classes the label counts, from 0; 0: it has none.
        team: the workers; None: this process alone.
        inputs: says of which columns of numbers the ranges are cut into pieces.
    """
    team = team or alone()
    numbers, label = _Running(), _Running()
    sample, missing = [np.zeros((0, len(inputs.in_pieces)))], SAMPLE
    rows, weight, class_weights = 0, 0.0, np.zeros(classes)
    for batch in batches:
        weights = batch.weight.astype(np.float64)
        numbers.add(batch.numbers.astype(np.float64), weights)
        label.add(batch.label.astype(np.float64)[:, None], weights)
        rows, weight = rows + len(batch), weight + float(weights.sum())
        sample.append(batch.numbers[:missing, inputs.in_pieces].astype(np.float64))
        missing -= len(sample[-1])
        if classes:
            class_weights += np.bincount(batch.label.astype(np.int64), weights, classes)
    rows, weight, *class_sums = team.gather([rows, weight, *class_weights]).sum(axis=0).tolist()
    numbers, label = numbers.of_all(team), label.of_all(team)
    return TrainStatistics(
        numbers.two_from_zero_to_one(), label.by_deviation(),
        int(rows), weight, np.array(class_sums),
        _bounds(np.concatenate(sample), inputs, team),
    )  # fmt: skip


def _bounds(sample: Floats, inputs: ModelInputs, team: Team) -> Floats:
    pieces = max((column.pieces for column in inputs.numeric), default=0)
    if not pieces:
        return np.zeros((0, 1))
    shares = np.linspace(0, 1, pieces + 1)
    # Numbers that rows have: a value that many have is then an end of a piece, exactly.
    own = np.quantile(sample, shares, axis=0, method="lower").T
    return np.array(team.as_chief_says(own.ravel().tolist())).reshape(-1, pieces + 1)


class _Running:
    """Merges weights, means, squared deviations and ranges of batches.

    The formula is that of Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise
    algorithm for computing sample variances", with sums of weights for counts.
    """

    def __init__(self) -> None:
        self._weight = 0.0
        self._mean: Floats = np.zeros(1)
        self._squares: Floats = np.zeros(1)
        self._least: Floats = np.full(1, np.inf)
        self._greatest: Floats = np.full(1, -np.inf)

    def add(self, values: Floats, weights: Floats) -> None:
        weight = float(weights.sum())
        if not weight:
            return
        mean, counted = weights @ values / weight, values[weights > 0]
        squares = weights @ np.square(values - mean)
        self._merge(weight, mean, squares, counted.min(axis=0), counted.max(axis=0))

    def of_all(self, team: Team) -> "_Running":
        """Returns those of all workers' rows, merged in the workers' order."""
        own = (self._mean, self._squares, self._least, self._greatest)
        merged = _Running()
        for weight, *rest in team.gather([self._weight, *np.concatenate(own)]).tolist():
            if weight:
                merged._merge(weight, *np.split(np.array(rest), len(own)))
        return merged

    def _merge(
        self, weight: float, mean: Floats, squares: Floats, least: Floats, greatest: Floats
    ) -> None:
        total = self._weight + weight
        shift = mean - self._mean
        self._squares = self._squares + squares + shift**2 * (self._weight * weight / total)
        self._mean = self._mean + shift * (weight / total)
        self._weight = total
        self._least = np.minimum(self._least, least)
        self._greatest = np.maximum(self._greatest, greatest)

    def by_deviation(self) -> Scale:
        """Returns the scale of mean 0 and deviation 1; constant columns lose their mean only."""
        deviation = np.sqrt(self._variance)
        return Scale(self._mean, np.where(deviation > 0, deviation, 1.0))

    def two_from_zero_to_one(self) -> Scale:
        """Returns the same, but of the only two values of a column one becomes 0, the other 1.

        No variance in a range is greater than (greatest - mean) (mean - least), which is reached
        by the two ends alone: Bhatia and Davis (2000), "A better bound on the variance".
        """
        scale, width = self.by_deviation(), self._greatest - self._least
        bound = (self._greatest - self._mean) * (self._mean - self._least)
        is_two = (width > 0) & (self._variance >= bound * (1 - ROUNDING))
        offset = np.where(is_two, self._least, scale.offset)
        return Scale(offset, np.where(is_two, width, scale.divisor))

    @property
    def _variance(self) -> Floats:
        return self._squares / (self._weight or 1.0)
