"""What every threshold does: the counts that ROC and precision-recall curves are drawn from."""

from dataclasses import dataclass

import numpy as np

from forebay.trainer.metrics.arrays import Bools, Floats, Ints, weights


@dataclass(frozen=True)
class Cuts:
    """What calling all rows from a score on positive does, at every distinct score.

    Attributes:
        scores: float64 (k,), falling; a row is called positive where its score is not below.
        hits: float64 (k,), positives called positive.
        alarms: float64 (k,), negatives called positive.
    """

    scores: Floats
    hits: Floats
    alarms: Floats

    @property
    def positives(self) -> float:
        """How many positives there are."""
        return float(self.hits[-1])

    @property
    def negatives(self) -> float:
        """How many negatives there are."""
        return float(self.alarms[-1])

    @property
    def precision(self) -> Floats:
        """The share of positives among those called so, float64 (k,)."""
        called = self.hits + self.alarms
        return np.divide(self.hits, called, out=np.zeros_like(called), where=called > 0)

    @property
    def recall(self) -> Floats:
        """The share of positives that are called so, float64 (k,); there must be positives."""
        return self.hits / self.positives

    @property
    def f1(self) -> Floats:
        """The harmonic mean of precision and recall, float64 (k,); there must be positives."""
        return 2 * self.hits / (self.hits + self.alarms + self.positives)


@dataclass(frozen=True)
class Ranking:
    """Rows by falling score, sorted once, to be counted with many weights.

    Attributes:
        order: int64 (n,), the rows.
        ends: int64 (k,), the last place of each run of equal scores in that order.
        scores: float64 (k,), the score of each run.
        actual: bool (n,), in that order.
    """

    order: Ints
    ends: Ints
    scores: Floats
    actual: Bools

    @classmethod
    def of(cls, actual: Bools, score: Floats) -> "Ranking":
        """Ranks rows: bool (n,) and float64 (n,), n from 1."""
        order = np.argsort(-score, kind="stable")
        falling = score[order]
        ends = np.append(np.flatnonzero(np.diff(falling)), len(score) - 1)
        return cls(order, ends, falling[ends], actual[order])

    def cuts(self, weight: Floats | None = None) -> Cuts:
        """Counts at every score.

        Args:
            weight: float64 (n,), how much each row counts; None: one each.
        """
        weight = weights(weight, None, len(self.order))[self.order]
        hits = np.cumsum(np.where(self.actual, weight, 0.0))[self.ends]
        called = np.cumsum(weight)[self.ends]
        return Cuts(self.scores, hits, called - hits)


def auc(cuts: Cuts) -> float | None:
    """Returns the area under the ROC curve, or None where the labels are all the same.

    It is the chance that a positive's score exceeds a negative's, ties counting half.
    """
    pairs = cuts.positives * cuts.negatives
    if not pairs:
        return None
    before = np.append(0.0, cuts.hits[:-1])
    won = np.diff(cuts.alarms, prepend=0.0) @ (before + cuts.hits) / 2
    return float(won / pairs)


def average_precision(cuts: Cuts) -> float | None:
    """Returns the mean precision over the positives, or None without any.

    The area under the precision-recall curve, as steps: sum of (recall - recall before) *
    precision. Straight lines between the points would flatter the model (Davis and Goadrich 2006).
    """
    if not cuts.positives:
        return None
    return float(np.diff(cuts.hits, prepend=0.0) @ cuts.precision / cuts.positives)


def roc_curve(cuts: Cuts) -> tuple[Floats, Floats]:
    """Returns false and true positive rates, (k + 1,) each, from (0, 0); both labels are there."""
    return (
        np.append(0.0, cuts.alarms / cuts.negatives),
        np.append(0.0, cuts.hits / cuts.positives),
    )
