"""Metrics over whole splits, in float64; no batch averages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.columns import MISSING_INT
from transforms.labels import Task

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Probabilities are kept this far from 0 and 1, so that one certain mistake costs 36, not
# infinity: float64's resolution, as in scikit-learn.
PROBABILITY_MARGIN = float(np.finfo(np.float64).eps)


def regression_metrics(label: Floats, prediction: Floats) -> dict[str, float | int]:
    """Returns rows, RMSE, MAE and mean error (prediction - label), in the label's units.

    Args:
        label: float64 (n,), n from 1.
        prediction: float64 (n,).
    """
    error = prediction - label
    return {
        "rows": len(label),
        "rmse": float(np.sqrt(np.mean(np.square(error)))),
        "mae": float(np.mean(np.abs(error))),
        "mean_error": float(np.mean(error)),
    }


def binary_metrics(label: Floats, probability: Floats, threshold: float) -> dict[str, Any]:
    """Returns log loss and AUC, and precision, recall and accuracy at a threshold.

    Precision is None where no row is called positive, recall where none is, and AUC where the
    labels are all the same.

    Args:
        label: float64 (n,) of 0 and 1, n from 1.
        probability: float64 (n,).
        threshold: probability from which a row is called positive.
    """
    actual, called = label > 0.5, probability >= threshold
    hits = int((actual & called).sum())
    return {
        "rows": len(label),
        "positives": int(actual.sum()),
        "log_loss": float(np.mean(log_losses(label, probability))),
        "auc": auc(label, probability),
        "threshold": threshold,
        "precision": hits / int(called.sum()) if called.any() else None,
        "recall": hits / int(actual.sum()) if actual.any() else None,
        "accuracy": float(np.mean(actual == called)),
    }


def log_losses(label: Floats, probability: Floats) -> Floats:
    """Returns each row's log loss, float64 (n,), in nats."""
    p = np.clip(probability, PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
    return -(label * np.log(p) + (1 - label) * np.log1p(-p))


def class_log_losses(label: Floats, probability: Floats) -> Floats:
    """Returns each row's log loss, float64 (n,), in nats.

    Args:
        label: float64 (n,), the row's class from 0.
        probability: float64 (n, classes).
    """
    own = np.take_along_axis(probability, label.astype(np.int64)[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(own, PROBABILITY_MARGIN))


def multiclass_metrics(label: Floats, probability: Floats) -> dict[str, Any]:
    """Returns log loss, and the share of rows whose likeliest class is right.

    Args:
        label: float64 (n,), the row's class from 0, n from 1.
        probability: float64 (n, classes).
    """
    return {
        "rows": len(label),
        "log_loss": float(np.mean(class_log_losses(label, probability))),
        "accuracy": float(np.mean(np.argmax(probability, axis=1) == label)),
    }


def auc(label: Floats, score: Floats) -> float | None:
    """Returns the area under the ROC curve, or None where the labels are all the same.

    It is the chance that a positive's score exceeds a negative's, ties counting half (Mann and
    Whitney's U over the number of pairs).
    """
    actual = label > 0.5
    positives = int(actual.sum())
    pairs = positives * (len(label) - positives)
    if not pairs:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # of ties: their mean, from 1
    u = ranks[place][actual].sum() - positives * (positives + 1) / 2
    return float(u / pairs)


def roc_curve(label: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Returns false positive rates and true positive rates, from (0, 0) to (1, 1).

    Args:
        label: float64 (n,) of 0 and 1, both there.
        score: float64 (n,).
    """
    actual = label > 0.5
    _, place = np.unique(-score, return_inverse=True)
    hits = np.cumsum(np.bincount(place, actual))
    alarms = np.cumsum(np.bincount(place, ~actual))
    return np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])


@dataclass(frozen=True)
class Baseline:
    """A guess to compare a model with, float64 (n,), NaN where it is missing."""

    name: str
    values: Floats


def as_baseline(name: str, column: npt.NDArray[Any]) -> Baseline:
    """Turns a carried column into a baseline; missing and non-finite values become NaN."""
    values = column.astype(np.float64)
    missing = column == MISSING_INT if column.dtype == np.int64 else ~np.isfinite(values)
    return Baseline(name, np.where(missing, np.nan, values))


def compare_baseline(
    task: Task, label: Floats, answer: Floats, baseline: Baseline
) -> Mapping[str, Any]:
    """Measures a baseline where it is there, and the model on the same rows.

    For a binary label a column's order is the guess: AUC alone is measured.

    Returns:
        ``name``, ``rows_missing``, ``metrics`` of the baseline and ``model`` on its rows, both
        None where it is missing everywhere.
    """
    there = ~np.isnan(baseline.values)
    result: dict[str, Any] = {"name": baseline.name, "rows_missing": int((~there).sum())}
    if not there.any():
        return {**result, "metrics": None, "model": None}
    label, answer, values = label[there], answer[there], baseline.values[there]
    own, model = (
        regression_metrics(label, guess)
        if task == "regression"
        else {"rows": len(label), "auc": auc(label, guess)}
        for guess in (values, answer)
    )
    return {**result, "metrics": own, "model": model}
