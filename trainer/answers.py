"""A model's answers to examples, and what they are worth."""

from collections.abc import Iterable

import keras
import numpy as np
import numpy.typing as npt

from trainer.data import Examples
from trainer.metrics.answers import as_answers
from trainer.metrics.arrays import Floats
from trainer.weighting import UNWEIGHTED, Weighting
from transforms.labels import Label, Task

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


def predict(model: keras.Model, examples: Examples) -> Floats:
    """Returns a model's answers, float64 (n,), or (n, classes) for several classes."""
    answers = []
    for i in range(0, len(examples), PREDICT_ROWS):
        part = tuple(matrix[i : i + PREDICT_ROWS] for matrix in examples.inputs)
        answers.append(keras.ops.convert_to_numpy(model(part, training=False)))
    return np.concatenate(answers).astype(np.float64)


def evaluate(
    model: keras.Model,
    parts: Iterable[Examples],
    label: Label,
    weighting: Weighting = UNWEIGHTED,
) -> tuple[float, dict[str, float]]:
    """Measures a model's answers over all rows of all parts.

    Args:
        model: answers in the label's units, or probabilities.
        parts: the rows.
        label: what it predicts.
        weighting: what rows count in training.

    Returns:
        The metric of `EVAL_LOSS` of rows as they count in training; and all metrics that are one
        number, of rows as their own weights say, a probability of 0.5 or more being called
        positive.
    """
    answered = [
        (part.label, part.weight, _training_weight(part, weighting), predict(model, part))
        for part in parts
    ]
    actual, own, training, answer = (
        np.concatenate(arrays).astype(np.float64) for arrays in zip(*answered, strict=True)
    )
    loss = as_answers(label, actual, answer, training).scores()[EVAL_LOSS[label.task]]
    found = as_answers(label, actual, answer, own).scores()
    metrics = {name: v for name, v in found.items() if v is not None and np.isfinite(v)}
    return float("nan") if loss is None else loss, metrics


def _training_weight(part: Examples, weighting: Weighting) -> npt.NDArray[np.float32]:
    weight = weighting.row_weights(part.label, part.weight)
    return weight.numpy()  # type: ignore[no-any-return]
