"""A model's answers to every row of a split, and the columns carried beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.answers import predict
from trainer.data import SplitReader
from trainer.metrics.answers import Answers, as_answers
from trainer.metrics.arrays import Floats, taken
from trainer.options.evaluate import DEFAULT_THRESHOLD, DEFAULT_TOP_K
from trainer.run_folder import RunFolder
from trainer.saved import SavedTraining
from transforms.labels import Label

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Answered:
    """The rows of a split, answered.

    Attributes:
        label: float64 (n,), in its own units; 0 or 1 for binary labels, the place among the
            classes for several.
        answer: float64 (n,), in label units, or a probability; (n, classes) for several.
        columns: other columns of the examples, (n,) each, by name.
        weight: float64 (n,), how much each row counts; None: all alike.
    """

    label: Floats
    answer: Floats
    columns: Mapping[str, Column]
    weight: Floats | None = None

    def take(self, rows: Any) -> "Answered":
        """Returns some of the rows, or all in another order: a mask, or places."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Answered(self.label[rows], self.answer[rows], columns, taken(self.weight, rows))


def answer_split(
    run: RunFolder, training: SavedTraining, split: str, columns: Iterable[str] = ()
) -> Answered:
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
    labels, answers, weights, kept = [], [], [], []
    for part in SplitReader(run, split, training.inputs, names).batches():
        labels.append(part.label.astype(np.float64))
        answers.append(predict(training.model, part))
        weights.append(part.weight.astype(np.float64))
        kept.append(part.carried)
    carried = {name: np.concatenate([part[name] for part in kept]) for name in names}
    weight = np.concatenate(weights) if run.definition.weight else None
    return Answered(np.concatenate(labels), np.concatenate(answers), carried, weight)


def measurable(
    label: Label,
    answered: Answered,
    threshold: float = DEFAULT_THRESHOLD,
    top_k: int = DEFAULT_TOP_K,
) -> Answers:
    """Returns answers as the task's metrics take them.

    Args:
        label: what the model predicts.
        answered: its answers.
        threshold: probability from which a row is called positive, for binary labels.
        top_k: among how many of the likeliest classes the right one is looked for.
    """
    return as_answers(
        label, answered.label, answered.answer, answered.weight, threshold=threshold, top_k=top_k
    )
