"""A model's answers to examples, and what they are worth."""

from collections.abc import Iterable

import keras
import numpy as np
import numpy.typing as npt

from trainer.data import Examples
from trainer.metrics import binary_metrics, regression_metrics
from transforms.labels import Task

PREDICT_ROWS = 16_384
# Of a task's metrics, the one that a training is judged by where nothing else is asked.
EVAL_LOSS: dict[Task, str] = {"regression": "rmse", "binary_classification": "log_loss"}
# What may be asked with --best-by, and whether more of it is better.
BEST_BY: dict[Task, dict[str, bool]] = {
    "regression": {"rmse": False, "mae": False},
    "binary_classification": {"log_loss": False, "auc": True, "accuracy": True},
}

Floats = npt.NDArray[np.float64]


def predict(model: keras.Model, examples: Examples) -> Floats:
    """Returns a model's answers, float64 (n,)."""
    answers = []
    for i in range(0, len(examples), PREDICT_ROWS):
        part = tuple(matrix[i : i + PREDICT_ROWS] for matrix in examples.inputs)
        answers.append(keras.ops.convert_to_numpy(model(part, training=False)))
    return np.concatenate(answers).astype(np.float64)


def eval_metrics(model: keras.Model, parts: Iterable[Examples], task: Task) -> dict[str, float]:
    """Returns a model's metrics over all rows of all parts; those that are no number are left out.

    A probability counts as positive from 0.5.
    """
    pairs = [(part.label.astype(np.float64), predict(model, part)) for part in parts]
    label, answer = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    if task == "regression":
        found = regression_metrics(label, answer)
    else:
        found = binary_metrics(label, answer, threshold=0.5)
    counts = ("rows", "positives", "threshold")
    return {
        name: float(value)
        for name, value in found.items()
        if name not in counts and isinstance(value, float) and np.isfinite(value)
    }
