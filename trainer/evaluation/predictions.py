"""A model's predictions for every row of a split, and the columns carried beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import SavedTraining
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.examples.weighting import UNWEIGHTED, Weighting
from forebay.trainer.metrics.arrays import Floats, taken
from forebay.trainer.metrics.by_task import EVAL_LOSS, Predictions, as_predictions
from forebay.trainer.options.evaluate import DEFAULT_THRESHOLD, DEFAULT_TOP_K
from forebay.transforms.definition.labels import Label

PREDICT_ROWS = 16_384

CarriedColumn = npt.NDArray[Any]


@dataclass(frozen=True)
class SplitPredictions:
    """What a model predicts of the rows of a split.

    Attributes:
        label: float64 (n,), in its own units; 0 or 1 for binary labels, the place among the
            classes for several.
        prediction: float64 (n,), in label units, or a probability; (n, classes) for several.
        columns: other columns of the examples, (n,) each, by name.
        weight: float64 (n,), how much each row counts; None: all alike.
    """

    label: Floats
    prediction: Floats
    columns: Mapping[str, CarriedColumn]
    weight: Floats | None = None

    def take(self, rows: Any) -> "SplitPredictions":
        """Returns some of the rows, or all in another order: a mask, or places."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return SplitPredictions(
            self.label[rows], self.prediction[rows], columns, taken(self.weight, rows)
        )


def predict_split(
    run: RunFolder, training: SavedTraining, split: str, columns: Iterable[str] = ()
) -> SplitPredictions:
    """Asks a model about every row of a split.

    Args:
        run: the run.
        training: a model of that run.
        split: ``train``, ``eval`` or ``test``.
        columns: columns of the examples to keep, (n,) each.

    Raises:
        RunFolderError: the split has no rows or is damaged.
    """
    names = tuple(columns)
    labels, predictions, weights, kept = [], [], [], []
    for part in SplitReader(run, split, training.inputs, names).batches():
        labels.append(part.label.astype(np.float64))
        predictions.append(predict(training.model, part))
        weights.append(part.weight.astype(np.float64))
        kept.append(part.carried)
    carried = {name: np.concatenate([part[name] for part in kept]) for name in names}
    weight = np.concatenate(weights) if run.definition.weight else None
    return SplitPredictions(np.concatenate(labels), np.concatenate(predictions), carried, weight)


def measurable(
    label: Label,
    predicted: SplitPredictions,
    threshold: float = DEFAULT_THRESHOLD,
    top_k: int = DEFAULT_TOP_K,
) -> Predictions:
    """Returns predictions as the task's metrics take them.

    Args:
        label: what the model predicts.
        predicted: what it predicts.
        threshold: probability from which a row is called positive, for binary labels.
        top_k: how many of the likeliest classes the right one is looked for among.
    """
    return as_predictions(
        label,
        predicted.label,
        predicted.prediction,
        predicted.weight,
        threshold=threshold,
        top_k=top_k,
    )


def predict(model: keras.Model, examples: Examples) -> Floats:
    """Returns a model's predictions, float64 (n,), or (n, classes) for several classes."""
    predictions = []
    for i in range(0, len(examples), PREDICT_ROWS):
        part = tuple(matrix[i : i + PREDICT_ROWS] for matrix in examples.inputs)
        predictions.append(keras.ops.convert_to_numpy(model(part, training=False)))
    return np.concatenate(predictions).astype(np.float64)


def evaluate(
    model: keras.Model,
    parts: Iterable[Examples],
    label: Label,
    weighting: Weighting = UNWEIGHTED,
) -> tuple[float, dict[str, float]]:
    """Measures a model's predictions over all rows of all parts.

    Args:
        model: predicts in the label's units, or probabilities.
        parts: the rows.
        label: what it predicts.
        weighting: what rows count in training.

    Returns:
        The metric of `EVAL_LOSS` of rows as they count in training; and all metrics that are one
        number, of rows as their own weights say, a probability of 0.5 or more being called
        positive.
    """
    predicted = [
        (part.label, part.weight, _training_weight(part, weighting), predict(model, part))
        for part in parts
    ]
    actual, own, training, prediction = (
        np.concatenate(arrays).astype(np.float64) for arrays in zip(*predicted, strict=True)
    )
    loss = as_predictions(label, actual, prediction, training).scores()[EVAL_LOSS[label.task]]
    found = as_predictions(label, actual, prediction, own).scores()
    metrics = {name: v for name, v in found.items() if v is not None and np.isfinite(v)}
    return float("nan") if loss is None else loss, metrics


def _training_weight(part: Examples, weighting: Weighting) -> npt.NDArray[np.float32]:
    weight = weighting.row_weights(part.label, part.weight)
    return weight.numpy()  # type: ignore[no-any-return]
