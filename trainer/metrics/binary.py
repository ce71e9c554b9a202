"""Metrics of probabilities that a label is true."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from forebay.trainer.metrics.arrays import Bools, Floats, Ints, ratio, taken, weights
from forebay.trainer.metrics.calibration import Calibration, calibration, equal_bins
from forebay.trainer.metrics.curves import Cuts, Ranking, auc, average_precision

_SCORES = (
    "log_loss", "auc", "average_precision", "brier", "calibration_error", "mean_error",
    "precision", "recall", "f1", "accuracy",
)  # fmt: skip
# Probabilities are kept this far from 0 and 1, so that one certain mistake costs 36, not
# infinity: float64's resolution, as in scikit-learn.
PROBABILITY_MARGIN = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class BinaryPredictions:
    """Probabilities beside their labels, to be measured as they are or with other weights.

    Attributes:
        label: float64 (n,) of 0 and 1, n from 1.
        probability: float64 (n,).
        threshold: probability from which a row is called positive.
        weight: float64 (n,), how much each row counts; None: all alike.
    """

    label: Floats
    probability: Floats
    threshold: float
    weight: Floats | None = None

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Any) -> "BinaryPredictions":
        """Returns some of the rows: a mask, or places."""
        weight = taken(self.weight, rows)
        return BinaryPredictions(self.label[rows], self.probability[rows], self.threshold, weight)

    def scores(self, drawn: Floats | None = None) -> dict[str, float | None]:
        """Returns the metrics that are one number each.

        ``log_loss`` is in nats. ``mean_error`` is the mean probability less the share of
        positives. ``calibration_error`` is the mean distance of the two within ten bins of rows
        with alike probabilities. ``precision``, ``recall``, ``f1`` and ``accuracy`` are at the
        threshold. What cannot be measured is None: AUC where the labels are all the same,
        precision where no row is called positive, recall where none is.

        Args:
            drawn: float64 (n,), how often each row was drawn in a resample; None: once.
        """
        weight = weights(self.weight, drawn, len(self))
        total = weight.sum()
        if not total:
            return dict.fromkeys(_SCORES)
        cuts = self.ranking.cuts(weight)
        losses, squares, errors, right = (weight @ self._terms / total).tolist()
        hits = float(weight @ (self._actual & self._called))
        called = float(weight @ self._called)
        found = (
            losses,
            auc(cuts),
            average_precision(cuts),
            squares,
            self._calibration(weight).error,
            errors,
            ratio(hits, called),
            ratio(hits, cuts.positives),
            ratio(2 * hits, called + cuts.positives),
            right,
        )
        return dict(zip(_SCORES, found, strict=True))

    def metrics(self) -> dict[str, Any]:
        """Returns ``rows``, ``positives``, the `scores`, the threshold and the counts at it.

        ``confusion`` counts ``true_positives`` and its sisters, by the rows' weights where they
        have any; ``calibration`` has a row for every bin of the calibration error.
        """
        actual, called = self._actual, self._called
        weight = weights(self.weight, None, len(self))
        count = float if self.weight is not None else int
        bins = self.calibration
        return {
            "rows": len(self),
            "positives": int(actual.sum()),
            **self.scores(),
            "threshold": self.threshold,
            "confusion": {
                "true_positives": count(weight @ (actual & called)),
                "false_positives": count(weight @ (~actual & called)),
                "false_negatives": count(weight @ (actual & ~called)),
                "true_negatives": count(weight @ (~actual & ~called)),
            },
            "calibration": [
                {"rows": count(rows), "probability": float(mean), "share": float(share)}
                for rows, mean, share in zip(bins.rows, bins.probability, bins.share, strict=True)
            ],
        }

    @property
    def calibration(self) -> Calibration:
        """Probabilities beside what happened, in bins of alike ones."""
        return self._calibration(weights(self.weight, None, len(self)))

    @property
    def cuts(self) -> Cuts:
        """What every threshold does."""
        return self.ranking.cuts(self.weight)

    @cached_property
    def ranking(self) -> Ranking:
        """The rows by falling probability."""
        return Ranking.of(self._actual, self.probability)

    def _calibration(self, weight: Floats) -> Calibration:
        return calibration(self.label, self.probability, self._bins, weight)

    @cached_property
    def _terms(self) -> Floats:
        """What the plain means are of, float64 (n, 4)."""
        error = self.probability - self.label
        right = (self._actual == self._called).astype(np.float64)
        losses = log_losses(self.label, self.probability)
        return np.stack([losses, np.square(error), error, right], axis=1)

    @cached_property
    def _actual(self) -> Bools:
        return self.label > 0.5

    @cached_property
    def _called(self) -> Bools:
        return self.probability >= self.threshold

    @cached_property
    def _bins(self) -> Ints:
        return equal_bins(self.probability)


def log_losses(label: Floats, probability: Floats) -> Floats:
    """Returns each row's log loss, float64 (n,), in nats."""
    p = np.clip(probability, PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
    return -(label * np.log(p) + (1 - label) * np.log1p(-p))
