"""Blocks of time within train: each predicted by a model of what came before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.console.words import duration_text
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.metrics.arrays import Floats, Ints
from forebay.trainer.metrics.binary import log_losses
from forebay.trainer.metrics.bootstrap import LEVEL, Resampling
from forebay.trainer.metrics.multiclass import class_log_losses
from forebay.transforms.definition.columns import Date, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.labels import Task
from forebay.transforms.errors import InputError

DAY_US = 86_400_000_000
RESAMPLES = 2_000
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class TimeBlock:
    """A block of rows, and those before it.

    Attributes:
        before: places of the rows that a model is trained on.
        measured: places of the rows of the block that it is asked about.
    """

    before: Places
    measured: Places


def block_column(dataset: Dataset, asked: str | None) -> str:
    """Returns the carried column of instants or days that orders rows.

    Args:
        dataset: the definition.
        asked: the column asked for; None: the row time, or the first other one that is carried.

    Raises:
        InputError: there is none, or the one asked for is none.
    """
    carried = [
        name for name in dataset.carried_columns
        if isinstance(dataset.all_columns.get(name), Timestamp | Date)
    ]  # fmt: skip
    if asked is None:
        asked = dataset.row_time if dataset.row_time in carried else next(iter(carried), None)
    if asked in carried:
        return asked
    what = "--blocks" if asked is None else f"--block-by {asked}"
    raise InputError(
        f"{what}: the examples carry no such instants or days, only {', '.join(carried) or 'none'};"
        " name a Timestamp or Date column in the definition's passthrough= and preprocess anew"
    )


def times_us(dataset: Dataset, column: str, values: Ints) -> Ints:
    """Returns a carried column's values as microseconds since 1970, int64 (n,)."""
    return values * DAY_US if isinstance(dataset.all_columns[column], Date) else values


def time_blocks(times: Ints, blocks: int, reach_us: int | None) -> list[TimeBlock]:
    """Cuts rows into stretches of time, as even as their times allow.

    There is one more stretch than blocks: the first is trained on only. Of each other one, those
    rows are left out whose windows reach across its beginning.

    Args:
        times: int64 (n,), when each row is.
        blocks: how many blocks are measured.
        reach_us: how far back windows reach; None: without bound, so that nothing is left out.

    Raises:
        InputError: a block would have no rows.
    """
    ordered = np.sort(times)
    cuts = ordered[len(times) * np.arange(1, blocks + 1) // (blocks + 1)]
    found = []
    for begin, end in pairwise([*cuts.tolist(), int(ordered[-1]) + 1]):
        first = begin + (reach_us or 0)
        block = TimeBlock(
            np.flatnonzero(times < begin), np.flatnonzero((times >= first) & (times < end))
        )
        if not (block.before.size and block.measured.size):
            raise InputError(
                f"--blocks {blocks}: a block from {np.datetime64(begin, 'us')} on has no rows to "
                f"train on or to measure, windows reaching back {duration_text(reach_us or 0)}; "
                "ask for fewer"
            )
        found.append(block)
    return found


def reach_of(run: RunFolder) -> int | None:
    """Returns how far back any window of a run reaches; None: one reaches without bound."""
    manifest = run.manifest
    reaches = [manifest.reach_us, *(source.reach_us for source in manifest.sources.values())]
    return None if None in reaches else max(reach for reach in reaches if reach is not None)


def row_losses(task: Task, label: Floats, prediction: Floats) -> Floats:
    """Returns what each row costs, float64 (n,): the squared error, or the log loss."""
    if task == "regression":
        return np.square(prediction - label)
    if task == "binary_classification":
        return log_losses(label, prediction)
    return class_log_losses(label, prediction)


@dataclass(frozen=True)
class GroupLosses:
    """The losses of one trial, by groups of rows such as days.

    Attributes:
        squared: whether the loss is the root of the mean.
        losses: float64 (groups,), the weighted sum of each.
        weights: float64 (groups,), the sum of the weights.
    """

    squared: bool
    losses: Floats
    weights: Floats

    @property
    def value(self) -> float:
        """The loss of all rows."""
        return float(self._of(np.ones(len(self.losses))))

    def difference(self, other: "GroupLosses") -> tuple[float, tuple[float, float]]:
        """Returns this loss less another's, and the central interval over groups drawn anew.

        Both are of the same groups, and see the same draws.
        """
        groups = len(self.losses)
        draws = [
            float(self._of(drawn) - other._of(drawn))
            for drawn in Resampling(RESAMPLES).weights(groups)
        ]
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return self.value - other.value, (float(low), float(high))

    def _of(self, drawn: Floats) -> np.float64:
        mean = drawn @ self.losses / (drawn @ self.weights)
        return np.float64(np.sqrt(mean) if self.squared else mean)

    def to_json(self) -> dict[str, Any]:
        """Returns plain values."""
        return {
            "squared": self.squared,
            "losses": self.losses.tolist(),
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_json(cls, value: Any) -> "GroupLosses":
        """Reads what `to_json` returned."""
        arrays = (np.array(value[name], np.float64) for name in ("losses", "weights"))
        return cls(value["squared"], *arrays)


def by_group(
    task: Task, parts: Iterator[tuple[Ints, Floats, Floats, Floats]], groups: int
) -> GroupLosses:
    """Adds up the losses of rows.

    Args:
        task: what is predicted.
        parts: of each block the group of each row, the labels, the predictions and the weights.
        groups: how many groups there are.
    """
    losses, weights = np.zeros(groups), np.zeros(groups)
    for group, label, prediction, weight in parts:
        losses += np.bincount(group, weight * row_losses(task, label, prediction), groups)
        weights += np.bincount(group, weight, groups)
    there = weights > 0
    return GroupLosses(task == "regression", losses[there], weights[there])
