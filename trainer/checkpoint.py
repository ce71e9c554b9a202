"""Where a training stands: one file, replaced whole at every evaluation."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from trainer import files
from transforms.errors import RunFolderError

CHECKPOINT_NAME = "checkpoint.npz"

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Evaluation:
    """One look at the eval split.

    Attributes:
        step: steps trained by then.
        train_loss: mean loss of the steps since the evaluation before, penalties left out.
        eval_loss: of the whole eval split; for a regression the RMSE in label units, else the
            log loss.
    """

    step: int
    train_loss: float
    eval_loss: float


@dataclass(frozen=True)
class Standing:
    """How far a training has come.

    Attributes:
        history: all evaluations, in order.
    """

    history: tuple[Evaluation, ...] = ()

    @property
    def step(self) -> int:
        """Steps trained."""
        return self.history[-1].step if self.history else 0

    @property
    def best(self) -> Evaluation:
        """The evaluation with the least loss, the first of equals."""
        return min(self.history, key=lambda evaluation: evaluation.eval_loss)

    @property
    def evaluations_since_best(self) -> int:
        """How many evaluations in a row brought no improvement."""
        return len(self.history) - 1 - self.history.index(self.best) if self.history else 0

    def after(self, evaluation: Evaluation) -> "Standing":
        """Returns the standing with one more evaluation."""
        return replace(self, history=(*self.history, evaluation))


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to continue.

    Attributes:
        standing: how far it is.
        identity: what must be the same for it to continue: data, options, inputs.
        model: values of the model's variables.
        optimizer: values of the optimizer's.
        best: values of the model's variables at the best evaluation.
    """

    standing: Standing
    identity: Mapping[str, Any]
    model: Arrays
    optimizer: Arrays
    best: Arrays


def values(variables: Sequence[keras.Variable]) -> Arrays:
    """Copies variables' values."""
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def assign(variables: Sequence[keras.Variable], arrays: Arrays) -> None:
    """Sets variables to values that `values` copied."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def save(path: str, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint in place of the one before."""
    head = {
        "identity": checkpoint.identity,
        "history": [asdict(evaluation) for evaluation in checkpoint.standing.history],
    }
    arrays = {"head": np.frombuffer(json.dumps(head).encode(), np.uint8)}
    for part in ("model", "optimizer", "best"):
        for i, array in enumerate(getattr(checkpoint, part)):
            arrays[f"{part}/{i}"] = array
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    files.write_bytes(path, buffer.getvalue())


def load(path: str, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Reads the checkpoint of a training, if there is one.

    Args:
        path: the file.
        identity: of the training that wants to continue.

    Raises:
        RunFolderError: the file is damaged, or belongs to another training.
    """
    if not files.exists(path):
        return None
    try:
        with np.load(io.BytesIO(files.read_bytes(path)), allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            parts = {part: _part(arrays, part) for part in ("model", "optimizer", "best")}
    except (ValueError, KeyError, OSError) as error:
        raise RunFolderError(
            f"{path} is no checkpoint ({type(error).__name__}: {error}); train anew with --fresh"
        ) from error
    _refuse_another(path, head["identity"], json.loads(json.dumps(identity)))
    history = tuple(Evaluation(**evaluation) for evaluation in head["history"])
    return Checkpoint(Standing(history), identity, **parts)


def _part(arrays: Mapping[str, npt.NDArray[Any]], part: str) -> Arrays:
    count = sum(name.startswith(f"{part}/") for name in arrays)
    return [arrays[f"{part}/{i}"] for i in range(count)]


def _refuse_another(path: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    changed = [
        f"{name} was {found.get(name)!r} and is now {wanted.get(name)!r}"
        for name in sorted({*found, *wanted})
        if found.get(name) != wanted.get(name)
    ]
    if changed:
        raise RunFolderError(
            f"{path} belongs to another training: {'; '.join(changed)}; "
            "train anew with --fresh, or set the options as they were"
        )
