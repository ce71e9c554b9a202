"""Metrics of probabilities over several classes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from forebay.trainer.metrics.arrays import Floats, Ints, ratio, sums, taken, weights
from forebay.trainer.metrics.binary import PROBABILITY_MARGIN
from forebay.trainer.metrics.calibration import Calibration, calibration, equal_bins
from forebay.trainer.metrics.curves import Ranking, auc


@dataclass(frozen=True)
class MulticlassPredictions:
    """Probabilities of every class beside the labels, to be measured.

    Attributes:
        label: int64 (n,), the place of the row's class, n from 1.
        probability: float64 (n, classes).
        classes: their names.
        top_k: how many of the likeliest classes the right one is looked for among.
        weight: float64 (n,), how much each row counts; None: all alike.
    """

    label: Ints
    probability: Floats
    classes: tuple[str, ...]
    top_k: int
    weight: Floats | None = None

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Any) -> "MulticlassPredictions":
        """Returns some of the rows: a mask, or places."""
        label, probability = self.label[rows], self.probability[rows]
        weight = taken(self.weight, rows)
        return MulticlassPredictions(label, probability, self.classes, self.top_k, weight)

    def scores(self, drawn: Floats | None = None) -> dict[str, float | None]:
        """Returns the metrics that are one number each.

        ``log_loss`` is in nats. ``accuracy`` is the share of rows whose likeliest class is right,
        ``top_<k>_accuracy`` that of rows whose class is among the ``top_k`` likeliest, the class
        listed first winning a tie. ``macro_f1`` is the plain mean of the classes' F1, where one
        that is neither there nor called counts not at all. ``calibration_error`` is the mean
        distance of the likeliest class's probability and the share of right ones, within ten bins
        of rows with alike probabilities.

        Args:
            drawn: float64 (n,), how often each row was drawn in a resample; None: once.
        """
        names = (
            "log_loss", "accuracy", f"top_{self.top_k}_accuracy", "macro_f1", "calibration_error",
        )  # fmt: skip
        weight = weights(self.weight, drawn, len(self))
        total = weight.sum()
        if not total:
            return dict.fromkeys(names)
        means = (weight @ self._terms / total).tolist()
        f1 = [value for value in _f1(self._confusion(weight)) if value is not None]
        found = (*means, float(np.mean(f1)), self._calibration(weight).error)
        return dict(zip(names, found, strict=True))

    def metrics(self) -> dict[str, Any]:
        """Returns ``rows``, the `scores`, ``per_class`` metrics and the ``confusion`` matrix.

        A class has its ``rows``, ``precision``, ``recall`` and ``f1`` where the likeliest class
        is called, and its ``auc`` against all others. The matrix counts rows of a class (outer)
        for which another was called (inner), by their weights where they have any.
        """
        counts = self.confusion
        f1 = _f1(counts)
        per_class = {
            name: {
                "rows": int((self.label == i).sum()),
                "precision": ratio(counts[i, i], counts[:, i].sum()),
                "recall": ratio(counts[i, i], counts[i].sum()),
                "f1": f1[i],
                "auc": auc(self.one_against_all(i).cuts(self.weight)),
            }
            for i, name in enumerate(self.classes)
        }
        return {
            "rows": len(self),
            **self.scores(),
            "per_class": per_class,
            "classes": list(self.classes),
            "confusion": counts.astype(np.int64 if self.weight is None else np.float64).tolist(),
        }

    @property
    def confusion(self) -> Floats:
        """How many rows of each class were called each class, float64 (classes, classes)."""
        return self._confusion(weights(self.weight, None, len(self)))

    @property
    def calibration(self) -> Calibration:
        """The likeliest class's probability beside how often it was right."""
        return self._calibration(weights(self.weight, None, len(self)))

    def one_against_all(self, place: int) -> Ranking:
        """Returns the rows by falling probability of one class."""
        return Ranking.of(self.label == place, self.probability[:, place])

    def _confusion(self, weight: Floats) -> Floats:
        k = len(self.classes)
        return sums(self.label * k + self._called, weight, k * k).reshape(k, k)

    def _calibration(self, weight: Floats) -> Calibration:
        right = (self._called == self.label).astype(np.float64)
        return calibration(right, self._confidence, self._bins, weight)

    @cached_property
    def _terms(self) -> Floats:
        """What the plain means are of, float64 (n, 3)."""
        own = np.take_along_axis(self.probability, self.label[:, None], axis=1)
        losses = class_log_losses(self.label, self.probability)
        first = np.arange(len(self.classes)) < self.label[:, None]
        ahead = (self.probability > own) | ((self.probability == own) & first)
        place = ahead.sum(axis=1)
        return np.stack([losses, place == 0, place < self.top_k], axis=1)

    @cached_property
    def _called(self) -> Ints:
        return np.asarray(self.probability.argmax(axis=1))

    @cached_property
    def _confidence(self) -> Floats:
        return np.asarray(self.probability.max(axis=1))

    @cached_property
    def _bins(self) -> Ints:
        return equal_bins(self._confidence)


def class_log_losses(label: Floats | Ints, probability: Floats) -> Floats:
    """Returns each row's log loss, float64 (n,), in nats.

    Args:
        label: (n,), the row's class from 0.
        probability: float64 (n, classes).
    """
    own = np.take_along_axis(probability, label.astype(np.int64)[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(own, PROBABILITY_MARGIN))


def _f1(confusion: Floats) -> list[float | None]:
    """Returns each class's F1, None for a class that is neither there nor called."""
    there, called = confusion.sum(axis=1), confusion.sum(axis=0)
    return [ratio(2 * confusion[i, i], there[i] + called[i]) for i in range(len(confusion))]
