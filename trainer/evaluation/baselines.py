"""What a model is compared with, always: a constant, and columns that are guesses themselves."""

from dataclasses import replace
from typing import Any

import numpy as np

from trainer.data import SplitReader
from trainer.evaluation.answers import Answered, Column, measurable
from trainer.inputs import NO_INPUTS
from trainer.metrics.answers import Answers
from trainer.metrics.arrays import Bools, Floats
from trainer.metrics.curves import Ranking, auc, average_precision
from trainer.metrics.regression import RegressionAnswers
from trainer.options import EvaluateOptions
from trainer.run_folder import RunFolder
from transforms.columns import MISSING_INT
from transforms.labels import Label


def baselines(
    run: RunFolder, answered: Answered, threshold: float, options: EvaluateOptions
) -> list[dict[str, Any]]:
    """Measures a run's baselines.

    Args:
        run: the run.
        answered: the model's answers, with the baselines' columns.
        threshold: probability from which a row is called positive, for binary labels.
        options: what else the metrics need.

    Returns:
        For each baseline ``name``, ``rows_missing``, its own ``metrics``, and ``model``: the
        model's on the same rows. The first is the mean of train (the share of positives).
    """
    label = run.definition.label
    mean = train_mean(run)
    always = replace(answered, answer=np.full_like(answered.label, mean))
    constant = measurable(label, always, threshold, options.top_k)
    name = "mean of train" if label.task == "regression" else "share of positives in train"
    first = {"name": name, "value": mean, "rows_missing": 0, "metrics": scores(constant)}
    return [first, *(compare_column(label, answered, name) for name in label.baselines)]


def scores(answers: Answers) -> dict[str, Any]:
    """Returns how many rows there are, and the metrics that are one number each."""
    return {"rows": len(answers), **answers.scores()}


def train_mean(run: RunFolder) -> float:
    """Returns the weighted mean of the train labels, the share of positives for binary ones."""
    total = count = 0.0
    for part in SplitReader(run, "train", NO_INPUTS).batches():
        label, weight = part.label.astype(np.float64), part.weight.astype(np.float64)
        total += float(weight @ label)
        count += float(weight.sum())
    return total / count


def as_numbers(column: Column) -> Floats:
    """Returns a carried column as numbers, float64 (n,), missing and non-finite values NaN."""
    values = column.astype(np.float64)
    missing = column == MISSING_INT if column.dtype == np.int64 else ~np.isfinite(values)
    return np.where(missing, np.nan, values)


def compare_column(label: Label, answered: Answered, name: str) -> dict[str, Any]:
    """Measures a column as a guess, where it is there, and the model on the same rows.

    For a binary label a column's order is the guess: AUC and average precision are measured.

    Args:
        label: what is predicted.
        answered: the model's answers, with the column.
        name: the column.

    Returns:
        ``name``, ``rows_missing``, ``metrics`` and ``model``, both None where the column is
        missing everywhere.
    """
    guess = as_numbers(answered.columns[name])
    there: Bools = ~np.isnan(guess)
    result: dict[str, Any] = {"name": name, "rows_missing": int((~there).sum())}
    if not there.any():
        return {**result, "metrics": None, "model": None}
    kept = replace(answered, columns={}).take(there)
    own = _as_guess(label, replace(kept, answer=guess[there]))
    return {**result, "metrics": own, "model": _as_guess(label, kept)}


def _as_guess(label: Label, answered: Answered) -> dict[str, Any]:
    rows = len(answered.label)
    if label.task == "regression":
        return scores(RegressionAnswers(answered.label, answered.answer, answered.weight))
    cuts = Ranking.of(answered.label > 0.5, answered.answer).cuts(answered.weight)
    return {"rows": rows, "auc": auc(cuts), "average_precision": average_precision(cuts)}
