"""A model's answers to examples, and what they are worth."""

from collections.abc import Iterable

import keras
import numpy as np
import numpy.typing as npt

from trainer.data import Examples
from trainer.metrics import (
    binary_metrics,
    class_log_losses,
    log_losses,
    multiclass_metrics,
    regression_metrics,
)
from trainer.weighting import UNWEIGHTED, Weighting
from transforms.labels import Task

PREDICT_ROWS = 16_384
# Of a task's metrics, the one that a training is judged by where nothing else is asked.
EVAL_LOSS: dict[Task, str] = {
    "regression": "rmse",
    "binary_classification": "log_loss",
    "multiclass_classification": "log_loss",
}
# What may be asked with --best-by, and whether more of it is better.
BEST_BY: dict[Task, dict[str, bool]] = {
    "regression": {"rmse": False, "mae": False},
    "binary_classification": {"log_loss": False, "auc": True, "accuracy": True},
    "multiclass_classification": {"log_loss": False, "accuracy": True},
}

Floats = npt.NDArray[np.float64]


def predict(model: keras.Model, examples: Examples) -> Floats:
    """Returns a model's answers, float64 (n,), or (n, classes) for several classes."""
    answers = []
    for i in range(0, len(examples), PREDICT_ROWS):
        part = tuple(matrix[i : i + PREDICT_ROWS] for matrix in examples.inputs)
        answers.append(keras.ops.convert_to_numpy(model(part, training=False)))
    return np.concatenate(answers).astype(np.float64)


def evaluate(
    model: keras.Model, parts: Iterable[Examples], task: Task, weighting: Weighting = UNWEIGHTED
) -> tuple[float, dict[str, float]]:
    """Measures a model's answers over all rows of all parts.

    Args:
        model: answers in the label's units, or probabilities.
        parts: the rows.
        task: what kind of label it is.
        weighting: what rows count in training.

    Returns:
        The metric of `EVAL_LOSS` of the rows as they are weighed; and all metrics that are numbers
        of the rows counting once, a probability of 0.5 or more being called positive.
    """
    answered = [(*_weighed(part, weighting), predict(model, part)) for part in parts]
    label, weight, answer = (np.concatenate(arrays) for arrays in zip(*answered, strict=True))
    if task == "regression":
        found = regression_metrics(label, answer)
        loss = float(np.sqrt(weight @ np.square(answer - label) / weight.sum()))
    elif task == "multiclass_classification":
        found = multiclass_metrics(label, answer)
        loss = float(weight @ class_log_losses(label, answer) / weight.sum())
    else:
        found = binary_metrics(label, answer, threshold=0.5)
        loss = float(weight @ log_losses(label, answer) / weight.sum())
    counts = ("rows", "positives", "threshold")
    metrics = {name: value for name, value in found.items() if name not in counts}
    finite = {name: v for name, v in metrics.items() if v is not None and np.isfinite(v)}
    return loss, finite


def _weighed(part: Examples, weighting: Weighting) -> tuple[Floats, Floats]:
    weight = weighting.row_weights(part.label, part.weight)
    return part.label.astype(np.float64), weight.numpy().astype(np.float64)
