"""What a model is compared with, always: a constant, and columns that are guesses themselves."""

from dataclasses import replace
from typing import Any

import numpy as np

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.evaluation.predictions import CarriedColumn, SplitPredictions, measurable
from forebay.trainer.examples.inputs import NO_INPUTS
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.metrics.arrays import Bools, Floats, sums
from forebay.trainer.metrics.by_task import Predictions
from forebay.trainer.metrics.curves import Ranking, auc, average_precision
from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.options import EvaluateOptions
from forebay.transforms.definition.columns import MISSING_INT
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
)

# Of the training rows; of a run that has none, such as one of a later month, of those measured.
_MEAN, _SHARE, _SHARES = "mean of {}", "share of positives in {}", "shares of classes in {}"


def baselines(
    run: RunFolder, predicted: SplitPredictions, threshold: float, options: EvaluateOptions
) -> list[dict[str, Any]]:
    """Measures a run's baselines.

    Args:
        run: the run.
        predicted: the model's predictions, with the baselines' columns.
        threshold: probability from which a row is called positive, for binary labels.
        options: what else the metrics need.

    Returns:
        For each baseline ``name``, ``rows_missing``, its own ``metrics``, and ``model``: the
        model's on the same rows. The first is the mean of train, the share of positives in it, or
        those of the classes; where the run has no training rows, of the split measured.
    """
    label = run.definition.label
    split = "train" if run.manifest.rows["train"] else options.split
    constant = label_mean(run, split)
    rows = len(predicted.label)
    if isinstance(label, Classification):
        name, value, prediction = _SHARES, constant.tolist(), np.tile(constant, (rows, 1))
    else:
        name = _MEAN if isinstance(label, Regression) else _SHARE
        value, prediction = float(constant[0]), np.full(rows, constant[0])
    always = measurable(label, replace(predicted, prediction=prediction), threshold, options.top_k)
    first = {
        "name": name.format(split),
        "value": value,
        "rows_missing": 0,
        "metrics": scores(always),
    }
    return [first, *(compare_column(label, predicted, name) for name in label.baselines)]


def scores(predictions: Predictions) -> dict[str, Any]:
    """Returns how many rows there are, and the metrics that are one number each."""
    return {"rows": len(predictions), **predictions.scores()}


def label_mean(run: RunFolder, split: str) -> Floats:
    """Returns the weighted mean of the labels of a split, float64 (1,).

    It is the share of positives for binary labels; for several classes it is all their shares,
    float64 (classes,).
    """
    label = run.definition.label
    classes = len(label.classes) if isinstance(label, Classification) else 0
    total, count = np.zeros(max(1, classes)), 0.0
    for part in SplitReader(run, split, NO_INPUTS).batches():
        values, weight = part.label.astype(np.float64), part.weight.astype(np.float64)
        total += sums(values.astype(np.int64), weight, classes) if classes else weight @ values
        count += float(weight.sum())
    return total / count


def as_numbers(column: CarriedColumn) -> Floats:
    """Returns a carried column as numbers, float64 (n,), missing and non-finite values NaN."""
    values = column.astype(np.float64)
    missing = column == MISSING_INT if column.dtype == np.int64 else ~np.isfinite(values)
    return np.where(missing, np.nan, values)


def compare_column(label: Label, predicted: SplitPredictions, name: str) -> dict[str, Any]:
    """Measures a column as a guess, where it is there, and the model on the same rows.

    For a binary label a column's order is the guess: AUC and average precision are measured. For
    several classes its value is: accuracy is.

    Args:
        label: what is predicted.
        predicted: the model's predictions, with the column.
        name: the column.

    Returns:
        ``name``, ``rows_missing``, ``metrics`` and ``model``, both None where the column is
        missing in all rows that count.
    """
    column, prediction = predicted.columns[name], predicted.prediction
    if isinstance(label, Classification):
        guess, prediction = _places(label, column), prediction.argmax(axis=1).astype(np.float64)
    else:
        guess = as_numbers(column)
    there: Bools = ~np.isnan(guess)
    result: dict[str, Any] = {"name": name, "rows_missing": int((~there).sum())}
    if not (there if predicted.weight is None else predicted.weight[there]).any():
        return {**result, "metrics": None, "model": None}
    kept = replace(predicted, prediction=prediction, columns={}).take(there)
    own = _as_guess(label, replace(kept, prediction=guess[there]))
    return {**result, "metrics": own, "model": _as_guess(label, kept)}


def _places(label: Classification, column: CarriedColumn) -> Floats:
    """Returns a column's places among the classes, float64 (n,), NaN where it has none."""
    places = {
        value.encode() if isinstance(value, str) else value: float(i)
        for i, value in enumerate(label.classes)
    }
    return np.array([places.get(value, np.nan) for value in column.tolist()])


def _as_guess(label: Label, predicted: SplitPredictions) -> dict[str, Any]:
    rows, weight = len(predicted.label), predicted.weight
    match label:
        case Regression():
            return scores(RegressionPredictions(predicted.label, predicted.prediction, weight))
        case BinaryClassification():
            cuts = Ranking.of(predicted.label > 0.5, predicted.prediction).cuts(weight)
            found = {"auc": auc(cuts), "average_precision": average_precision(cuts)}
            return {"rows": rows, **found}
        case Classification():
            right = predicted.label == predicted.prediction
            return {"rows": rows, "accuracy": float(np.average(right, weights=weight))}
