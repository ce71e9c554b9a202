"""A model's predictions for rows, of whatever task."""

import numpy as np

from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.multiclass import MulticlassPredictions
from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.options.evaluate import DEFAULT_THRESHOLD, DEFAULT_TOP_K
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
    Task,
)

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

Predictions = RegressionPredictions | BinaryPredictions | MulticlassPredictions


def as_predictions(
    label: Label,
    actual: Floats,
    prediction: Floats,
    weight: Floats | None = None,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    top_k: int = DEFAULT_TOP_K,
) -> Predictions:
    """Returns predictions as the task's metrics take them.

    Args:
        label: what the model predicts.
        actual: float64 (n,), the labels as `split_reader.Examples` has them.
        prediction: float64 (n,), in label units or probabilities; (n, classes) for several classes.
        weight: float64 (n,), how much each row counts; None: all alike.
        threshold: probability from which a row is called positive, for binary labels.
        top_k: how many of the likeliest classes the right one is looked for among.
    """
    match label:
        case Regression():
            return RegressionPredictions(actual, prediction, weight)
        case BinaryClassification():
            return BinaryPredictions(actual, prediction, threshold, weight)
        case Classification():
            classes = tuple(str(value) for value in label.classes)
            return MulticlassPredictions(
                actual.astype(np.int64), prediction, classes, top_k, weight
            )
