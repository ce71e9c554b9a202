"""The paired bootstrap over days: what a metric would have been on other days like these.

Rows of one day share their weather and their congestion, so days are drawn with replacement, not
rows. Everything that is compared sees the same draws: what days have in common cancels out in the
differences.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 2_000
CENTRAL = (0.025, 0.975)


class PairedDays:
    """Draws of days, and metrics over each draw.

    Args:
        days: the day of each row, (n,).
        resamples: how many draws; each draws as many days as there are.
        seed: the seed of the draws.
    """

    def __init__(
        self, days: npt.NDArray[np.generic], resamples: int = RESAMPLES, seed: int = 0
    ) -> None:
        found, self._day = np.unique(days, return_inverse=True)
        self._days = len(found)
        even = np.full(self._days, 1 / self._days)
        # How often each draw holds each day, (resamples, days).
        self._times = np.random.default_rng(seed).multinomial(self._days, even, resamples)

    def rmse(self, label: Floats, answer: Floats) -> Floats:
        """Returns the root mean squared error over each draw, (resamples,)."""
        squares = self._times @ self._per_day(np.square(answer - label))
        return np.sqrt(squares / (self._times @ self._per_day(np.ones(len(label)))))

    def auc(self, label: Floats, score: Floats) -> Floats:
        """Returns the area under the ROC curve over each draw, (resamples,).

        A draw's pairs of a positive and a negative are those of its pairs of days, each as often
        as the draw holds both: the rows are looked at once, not once a draw.
        """
        actual = label > 0.5
        wins = np.empty((self._days, self._days))
        for day in range(self._days):
            negatives = np.sort(score[~actual & (self._day == day)])
            below = np.searchsorted(negatives, score[actual], "left")
            not_above = np.searchsorted(negatives, score[actual], "right")
            wins[:, day] = np.bincount(
                self._day[actual], (below + not_above) / 2, minlength=self._days
            )
        won = np.einsum("ri,ij,rj->r", self._times, wins, self._times, optimize=True)
        positives, negatives = (self._times @ self._per_day(x) for x in (actual, ~actual))
        area: Floats = won / (positives * negatives)
        return area

    def _per_day(self, values: npt.NDArray[np.generic]) -> Floats:
        return np.bincount(self._day, values, minlength=self._days).astype(np.float64, copy=False)


def central_interval(draws: Floats) -> tuple[float, float]:
    """Returns the central 95 % of draws, (resamples,)."""
    low, high = np.quantile(draws, CENTRAL)
    return float(low), float(high)
