"""Metrics of numbers, in the label's units."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from forebay.trainer.metrics.arrays import Floats, taken, weights

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_SCORES = ("rmse", "mae", "mean_error", "r2")


@dataclass(frozen=True)
class RegressionPredictions:
    """Predictions beside their labels, to be measured as they are or with other weights.

    Attributes:
        label: float64 (n,), n from 1.
        prediction: float64 (n,).
        weight: float64 (n,), how much each row counts; None: all alike.
    """

    label: Floats
    prediction: Floats
    weight: Floats | None = None

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Any) -> "RegressionPredictions":
        """Returns some of the rows: a mask, or places."""
        weight = taken(self.weight, rows)
        return RegressionPredictions(self.label[rows], self.prediction[rows], weight)

    def scores(self, drawn: Floats | None = None) -> dict[str, float | None]:
        """Returns the metrics that are one number each.

        ``rmse``, ``mae`` and ``mean_error`` (prediction - label) are in the label's units; ``r2``
        is the share of the label's variance that is explained, None where it has none; ``mape``,
        the mean of |error| / label, is there where all labels are above zero, and only there:
        elsewhere it divides by nothing or next to nothing. All are None where no row counts.

        Args:
            drawn: float64 (n,), how often each row was drawn in a resample; None: once.
        """
        weight = weights(self.weight, drawn, len(self))
        total = weight.sum()
        if not total:
            return dict.fromkeys(self._names)
        means = weight @ self._terms / total
        error, absolute, square, centred, centred_square = means[:5]
        variance = centred_square - centred**2
        # Of labels that are all the same, rounding may leave a trace of variance.
        varies = variance > 1e-12 * centred_square
        found = (
            float(np.sqrt(square)),
            float(absolute),
            float(error),
            float(1 - square / variance) if varies else None,
            *means[5:].tolist(),
        )
        return dict(zip(self._names, found, strict=True))

    def metrics(self) -> dict[str, Any]:
        """Returns ``rows``, the `scores`, and the error's quantiles.

        ``error_quantiles`` are of prediction - label at the shares of `QUANTILES`, linearly
        interpolated where all rows count alike.
        """
        error = self.prediction - self.label
        if self.weight is None:
            found = np.quantile(error, QUANTILES)
        else:
            found = np.quantile(error, QUANTILES, weights=self.weight, method="inverted_cdf")
        quantiles = {f"{q:g}": float(v) for q, v in zip(QUANTILES, found, strict=True)}
        return {"rows": len(self), **self.scores(), "error_quantiles": quantiles}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return (*_SCORES, "mape") if self.label.min() > 0 else _SCORES

    @cached_property
    def _terms(self) -> Floats:
        """What all scores are weighted means of, float64 (n, 5 or 6)."""
        error = self.prediction - self.label
        # Centred first, or squares of labels far from zero would drown their variance.
        centred = self.label - self.label.mean()
        terms = [error, np.abs(error), np.square(error), centred, np.square(centred)]
        if "mape" in self._names:
            terms.append(np.abs(error) / self.label)
        return np.stack(terms, axis=1)
