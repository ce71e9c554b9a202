"""Whether probabilities are what they say: the share of positives among rows given alike ones."""

from dataclasses import dataclass

import numpy as np

from forebay.trainer.metrics.arrays import Floats, Ints, sums

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Bins of rows with alike probabilities, those without rows left out.

    Attributes:
        rows: float64 (bins,), how many rows each has, by their weights.
        probability: float64 (bins,), their mean probability.
        share: float64 (bins,), the share of positives among them.
    """

    rows: Floats
    probability: Floats
    share: Floats

    @property
    def error(self) -> float:
        """The mean of |probability - share| over all rows."""
        return float(self.rows @ np.abs(self.probability - self.share) / self.rows.sum())


def equal_bins(probability: Floats) -> Ints:
    """Returns a bin for every row, int64 (n,): `BINS` of as equal numbers of rows as ties allow.

    Bins of equal width would hold most rows of a rare label in the first.
    """
    edges = np.quantile(probability, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, probability)


def calibration(label: Floats, probability: Floats, bins: Ints, weight: Floats) -> Calibration:
    """Compares probabilities with what happened.

    Args:
        label: float64 (n,) of 0 and 1.
        probability: float64 (n,).
        bins: int64 (n,), of `equal_bins`.
        weight: float64 (n,), how much each row counts; not all nothing.
    """
    rows = sums(bins, weight, BINS)
    filled = rows > 0
    rows = rows[filled]
    return Calibration(
        rows,
        sums(bins, weight * probability, BINS)[filled] / rows,
        sums(bins, weight * label, BINS)[filled] / rows,
    )
