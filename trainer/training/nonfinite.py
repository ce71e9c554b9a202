"""Losses that are not numbers: which batch or split, which of its rows, which of their inputs."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from forebay.console.words import counted
from forebay.storage.run import files
from forebay.storage.run.layout import NONFINITE_NAME
from forebay.trainer.checkpoints.checkpoint import values
from forebay.trainer.evaluation.predictions import predict
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
class _Rows:
    """Rows and what became of them.

    Attributes:
        inputs: the model's input matrices.
        label: float32 (n,).
        losses: the loss of each row, float64 (n,); NaN where the weights are not finite.
    """

    inputs: tuple[npt.NDArray[Any], ...]
    label: npt.NDArray[np.float32]
    losses: Floats

    @property
    def bad(self) -> npt.NDArray[np.bool_]:
        """Which rows have no finite loss."""
        return ~np.isfinite(self.losses)


@dataclass(frozen=True)
class _Batch(_Rows):
    """A batch.

    Attributes:
        step: the step it was for, from 1.
        weights_finite: whether the weights were finite before the step.
        greatest_weight: the greatest of their absolute values.
    """

    step: int
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
    rows = _worst_rows(job, batch, "train")
    number = (batch.step - 1) // job.steps_per_pass + 1
    of_worker = "" if job.team.is_chief else f"worker-{job.team.worker.index}-"
    name = f"{job.folder}/{of_worker}{NONFINITE_NAME}"
    report = {
        "step": batch.step,
        "pass": number,
        "worker": job.team.worker.index,
        "batch_rows": len(batch.label),
        "rows_without_finite_loss": int(batch.bad.sum()) if batch.weights_finite else None,
        "weights_finite": batch.weights_finite,
        "greatest_weight": _plain(batch.greatest_weight),
        "rows": rows,
    }
    files.write_json(job.run.outputs, name, report)
    loss = float(np.mean(batch.losses))
    return RunFailed(
        f"the loss became {loss} at step {batch.step:,} (pass {number:,}): {_cause(batch)}; "
        f"{_told(rows[0])}; {job.run.own(name)} tells more; train anew with --fresh and a "
        f"--learning-rate below {job.options.learning_rate:g}, or clip= the features"
    )


def bad_evaluation(job: TrainingJob, step: int) -> RunFailed:
    """Returns the error that names what an evaluation without a finite loss met.

    Args:
        job: what is trained; its weights are those that were evaluated.
        step: steps before it.
    """
    if not _are_finite(job):  # a batch has made them so
        return bad_batch(job, step)
    found, count, total = None, 0, 0
    for part in job.eval_parts():
        answers = predict(job.models.prediction, part).reshape(len(part), -1)
        losses = np.where(np.isfinite(answers).all(axis=1), 0.0, np.inf)
        count, total = count + int(np.count_nonzero(losses)), total + len(part)
        if found is None and losses.any():
            found = _Rows(part.inputs, part.label, losses)
    who = "" if found is None else f"; {_told(_worst_rows(job, found, 'eval')[0])}"
    return RunFailed(
        f"the evaluation at step {step:,} has no finite loss, though that of training has: of "
        f"{counted(total, 'row')} of the eval split the answers to {count:,} are not finite{who}; "
        f"train anew with --fresh and a --learning-rate below {job.options.learning_rate:g}, or "
        "clip= the features"
    )


def _are_finite(job: TrainingJob) -> bool:
    """Tells whether all weights are."""
    weights = values(job.models.score.trainable_variables)
    return all(np.isfinite(array).all() for array in weights)


def _fetch(job: TrainingJob, steps_taken: int) -> _Batch:
    """Fetches the batch that is to blame: where weights are not finite, the one before."""
    weights, finite = values(job.models.score.trainable_variables), _are_finite(job)
    greatest = max(float(np.abs(array).max()) for array in weights if array.size)
    step = steps_taken if finite else max(steps_taken - 1, 0)
    # The iterator that is trained on may not have written all rows to their cache yet.
    inputs, label, weight = next(iter(job.batches.whole_beside(step).take(1)))
    score = job.models.score(inputs, training=False)
    losses = (weight * job.losses(label, score)).numpy().astype(np.float64)
    matrices = tuple(keras.ops.convert_to_numpy(matrix) for matrix in inputs)
    return _Batch(matrices, label.numpy(), losses, step + 1, finite, greatest)


def _cause(batch: _Batch) -> str:
    rows, bad = len(batch.label), int(batch.bad.sum())
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


def _worst_rows(job: TrainingJob, batch: _Rows, split: str) -> list[dict[str, Any]]:
    """Describes the rows without a finite loss; where that is all or none, the most extreme."""
    scale = job.statistics.numbers
    standardised = (batch.inputs[0] - scale.offset) / scale.divisor
    extreme = np.abs(standardised).max(axis=1, initial=0.0)
    order = np.lexsort((-extreme, ~batch.bad))[:ROWS_SHOWN]
    names = _number_names(job.inputs)
    places = _identify(job, batch, order, split)
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


def _identify(
    job: TrainingJob, batch: _Rows, rows: npt.NDArray[np.intp], split: str
) -> list[dict[str, Any]]:
    """Finds rows among a split's examples, this worker's of train, by what they hold.

    Returns:
        Of each, ``row``, its number in the order of reading, and its ``passthrough`` columns: of
        the first of those that are alike.
    """
    carried = job.run.definition.passthrough
    is_train = split == "train"
    reader = SplitReader(
        job.run, split, job.inputs, carried,
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


def _alike(part: Examples, batch: _Rows, i: int) -> npt.NDArray[np.bool_]:
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
