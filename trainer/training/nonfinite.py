"""Losses that are not numbers: which batch or split, which of its rows, which of their inputs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from forebay.console.words import counted
from forebay.storage.run import files
from forebay.storage.run.layout import NONFINITE_NAME
from forebay.trainer.checkpoints.checkpoint import values
from forebay.trainer.evaluation.predictions import PREDICT_ROWS
from forebay.trainer.examples.inputs import ModelInputs
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.training.job import TrainingJob
from forebay.trainer.workers.shares import ALONE
from forebay.transforms.errors import RunFailed

# A batch may have thousands of rows; so many say what is wrong.
ROWS_SHOWN = 10
INPUTS_SHOWN = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Batch:
    """Rows whose loss is not finite: a batch of train, or what is evaluated.

    Attributes:
        split: ``train`` or ``eval``.
        step: the step that a batch was for, from 1; the last one before an evaluation.
        inputs: the matrices of those that are looked at: the batch, or a part of the split.
        label: float32 (n,).
        losses: the loss of each, float64 (n,); NaN where the weights are not finite.
        rows: how many rows there are in all.
        bad_rows: how many of these have no finite loss.
        weights_finite: whether the weights were finite before the step.
        greatest_weight: the greatest of their absolute values.
    """

    split: str
    step: int
    inputs: tuple[npt.NDArray[Any], ...]
    label: npt.NDArray[np.float32]
    losses: Floats
    rows: int
    bad_rows: int
    weights_finite: bool
    greatest_weight: float


def bad_batch(job: TrainingJob, steps_taken: int) -> RunFailed:
    """Returns the error that names the batch whose loss is not finite, after writing it down.

    ``nonfinite.json`` in the training's folder has the rows with their passthrough columns and
    their most extreme inputs.

    Args:
        job: what was trained; its weights are those before the step.
        steps_taken: steps before it.
    """
    batch = _fetch(job, steps_taken)
    return _failed(job, batch, f"the loss became {float(np.mean(batch.losses))} at")


def bad_evaluation(job: TrainingJob, step: int, loss: float) -> RunFailed:
    """Returns the error that names what an evaluation without a finite loss met, as `bad_batch`.

    Args:
        job: what is trained; its weights are those that were evaluated.
        step: steps before it.
        loss: what it found.
    """
    if not _weights(job)[0]:  # a batch has made them so
        return bad_batch(job, step)
    batch = _evaluated(job, step)
    return _failed(job, batch, f"the loss of the eval split became {loss} after")


def _failed(job: TrainingJob, batch: _Batch, words: str) -> RunFailed:
    """Writes down what was found, and returns the error."""
    rows = _worst_rows(job, batch)
    number = max(batch.step - 1, 0) // job.steps_per_pass + 1
    of_worker = "" if job.team.is_chief else f"worker-{job.team.worker.index}-"
    name = f"{job.folder}/{of_worker}{NONFINITE_NAME}"
    report = {
        "split": batch.split,
        "step": batch.step,
        "pass": number,
        "worker": job.team.worker.index,
        "batch_rows": batch.rows,
        "rows_without_finite_loss": batch.bad_rows if batch.weights_finite else None,
        "weights_finite": batch.weights_finite,
        "greatest_weight": _plain(batch.greatest_weight),
        "rows": rows,
    }
    files.write_json(job.run.outputs, name, report)
    return RunFailed(
        f"{words} step {batch.step:,} (pass {number:,}): {_cause(batch)}; "
        f"{_told(rows[0])}; {job.run.own(name)} tells more; train anew with --fresh and a "
        f"--learning-rate below {job.options.learning_rate:g}, or clip= the features"
    )


def _weights(job: TrainingJob) -> tuple[bool, float]:
    """Tells whether all weights are finite, and returns the greatest of their absolute values."""
    weights = values(job.models.score.trainable_variables)
    greatest = max(float(np.abs(array).max()) for array in weights if array.size)
    return all(np.isfinite(array).all() for array in weights), greatest


def _fetch(job: TrainingJob, steps_taken: int) -> _Batch:
    """Fetches the batch that is to blame: where weights are not finite, the one before."""
    finite, greatest = _weights(job)
    step = steps_taken if finite else max(steps_taken - 1, 0)
    # The iterator that is trained on may not have written all rows to their cache yet.
    inputs, label, weight = next(iter(job.batches.whole_beside(step).take(1)))
    matrices = tuple(keras.ops.convert_to_numpy(matrix) for matrix in inputs)
    losses, label = _losses(job, inputs, label, weight), label.numpy()
    bad = int(np.count_nonzero(~np.isfinite(losses)))
    return _Batch("train", step + 1, matrices, label, losses, len(label), bad, finite, greatest)


def _evaluated(job: TrainingJob, step: int) -> _Batch:
    """Goes through what is evaluated, to the rows whose loss is not finite."""
    rows, bad = 0, 0
    first: tuple[Examples, Floats] | None = None
    for part in _parts(job.eval_parts()):
        weight = job.weighting.row_weights(part.label, part.weight)
        losses = _losses(job, part.inputs, part.label, weight)
        found = int(np.count_nonzero(~np.isfinite(losses)))
        if first is None or (found and not bad):
            first = part, losses
        rows, bad = rows + len(part), bad + found
    if first is None:
        raise ValueError("nothing is evaluated")
    part, losses = first
    return _Batch("eval", step, part.inputs, part.label, losses, rows, bad, *_weights(job))


def _parts(found: Iterable[Examples]) -> Iterator[Examples]:
    """Yields rows, not more at a time than a model is asked about."""
    for part in found:
        for start in range(0, len(part), PREDICT_ROWS):
            yield part.take(np.arange(start, min(start + PREDICT_ROWS, len(part))))


def _losses(job: TrainingJob, inputs: Any, label: Any, weight: Any) -> Floats:
    """Returns what each row costs, float64 (n,), as training computes it."""
    score = job.models.score(inputs, training=False)
    losses: Floats = (weight * job.losses(label, score)).numpy().astype(np.float64)
    return losses


def _cause(batch: _Batch) -> str:
    rows, bad = batch.rows, batch.bad_rows
    if not batch.weights_finite:
        return f"its {counted(rows, 'row')} made weights that are not finite"
    if bad == rows:
        return (
            f"that of all its {counted(rows, 'row')}, the weights reaching "
            f"{batch.greatest_weight:.3g}"
        )
    if bad:
        return f"that of {bad:,} of its {counted(rows, 'row')}"
    return f"that of each of its {rows:,} rows here is finite, so their sum, or another worker's"


def _worst_rows(job: TrainingJob, batch: _Batch) -> list[dict[str, Any]]:
    """Describes the rows without a finite loss; where that is all or none, the most extreme."""
    scale = job.statistics.numbers
    standardised = (batch.inputs[0] - scale.offset) / scale.divisor
    extreme = np.abs(standardised).max(axis=1, initial=0.0)
    order = np.lexsort((-extreme, np.isfinite(batch.losses)))[:ROWS_SHOWN]
    names = _number_names(job.inputs)
    places = _identify(job, batch, order)
    return [
        {
            **place,
            "label": _plain(batch.label[i]),
            "loss": _plain(batch.losses[i]),
            "extreme_inputs": [
                {
                    "input": names[j],
                    "value": _plain(batch.inputs[0][i, j]),
                    "standardised": _plain(standardised[i, j]),
                }
                for j in np.argsort(-np.abs(standardised[i]), kind="stable")[:INPUTS_SHOWN]
            ],
        }
        for i, place in zip(order, places, strict=True)
    ]


def _number_names(inputs: ModelInputs) -> list[str]:
    """Returns a name for each column of the matrix of numbers."""
    return [
        f"{column.name}[{i}]" if column.width > 1 else column.name
        for column in inputs.numeric
        for i in range(column.width)
    ]


def _identify(job: TrainingJob, batch: _Batch, rows: npt.NDArray[np.intp]) -> list[dict[str, Any]]:
    """Finds rows among their split's examples, this worker's of train, by what they hold.

    Returns:
        Of each, ``row``, its number in the order of reading, and its ``passthrough`` columns: of
        the first of those that are alike.
    """
    carried = job.run.definition.passthrough
    is_train = batch.split == "train"
    reader = SplitReader(
        job.run, batch.split, job.inputs, carried,
        patterns=job.options.data.files if is_train else (),
        worker=job.team.worker if is_train else ALONE,
    )  # fmt: skip
    found: dict[int, dict[str, Any]] = {}
    before = 0
    for part in reader.batches():
        for i in set(rows.tolist()) - set(found):
            alike = np.flatnonzero(_alike(part, batch, i))
            if alike.size:
                place = int(alike[0])
                own = {name: _plain(part.carried[name][place]) for name in carried}
                found[i] = {"row": before + place, "passthrough": own}
        before += len(part)
        if len(found) == len(rows):
            break
    return [found.get(i, {"row": None, "passthrough": {}}) for i in rows.tolist()]


def _alike(part: Examples, batch: _Batch, i: int) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = part.label == batch.label[i]
    for matrix, other in zip(part.inputs, batch.inputs, strict=True):
        same &= (matrix == other[i]).all(axis=1)
    return same


def _told(row: dict[str, Any]) -> str:
    """Returns a row in words: who it is, and its most extreme input."""
    own = ", ".join(f"{name}={value!r}" for name, value in row["passthrough"].items())
    who = f"row {row['row']:,}" if row["row"] is not None else "a row"
    words = f"{who} ({own})" if own else who
    for found in row["extreme_inputs"][:1]:
        words += f" has {found['input']} = {found['value']}, standardised {found['standardised']}"
    return words


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it; numbers that are not finite become text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.integer | np.bool_):
        return int(value)
    number = float(f"{float(value):.6g}")
    return number if np.isfinite(number) else str(number)
