"""Where a training stands: one file, replaced whole at every checkpoint."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from forebay.storage.json_records import ShapeError, typed
from forebay.storage.run import files
from forebay.transforms.errors import RunFolderError
from forebay.transforms.json_text import parse_json

_PARTS = ("model", "optimizer", "best")

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Evaluation:
    """One look at the eval split.

    Attributes:
        step: steps trained by then.
        train_loss: the loss of the steps since the evaluation before, penalties left out; in the
            units of ``eval_loss``.
        eval_loss: the loss on the whole eval split; for a regression the RMSE in label units, else
            the log loss.
        score: what evaluations are compared by, the less the better: the eval loss, or what
            ``--best-by`` names, negated where more of it is better.
        metrics: all metrics of the eval split that are numbers.
    """

    step: int
    train_loss: float
    eval_loss: float
    score: float
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrainingState:
    """How far a training has come.

    Attributes:
        step: steps trained.
        history: all evaluations, in order.
        loss_sum: sum of the steps' losses since the last evaluation.
    """

    step: int = 0
    history: tuple[Evaluation, ...] = ()
    loss_sum: float = 0.0

    @property
    def best(self) -> Evaluation:
        """The evaluation with the least score, the first of equals."""
        return min(self.history, key=lambda evaluation: evaluation.score)

    @property
    def newest_is_best(self) -> bool:
        """Whether the last evaluation was the best so far."""
        return self.best is self.history[-1]

    @property
    def evaluations_since_best(self) -> int:
        """How many evaluations in a row brought no improvement."""
        return len(self.history) - 1 - self.history.index(self.best) if self.history else 0

    @property
    def train_loss(self) -> float:
        """Mean loss, as it is trained by, of the steps since the last evaluation: one at least."""
        return self.loss_sum / (self.step - (self.history[-1].step if self.history else 0))

    def trained(self, steps: int, loss_sum: float) -> "TrainingState":
        """Returns the state after some more steps."""
        return replace(self, step=self.step + steps, loss_sum=self.loss_sum + loss_sum)

    def evaluated(self, evaluation: Evaluation) -> "TrainingState":
        """Returns the state with one more evaluation."""
        return replace(self, history=(*self.history, evaluation), loss_sum=0.0)


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to continue.

    Attributes:
        state: how far it is.
        identity: what must be the same for it to continue: data, options, inputs.
        model: values of the model's variables.
        optimizer: values of the optimizer's.
        best: values of the model's variables at the best evaluation; none before the first.
        chosen: the options that nobody gave, as they were chosen; a part of the identity.
    """

    state: TrainingState
    identity: Mapping[str, Any]
    model: Arrays
    optimizer: Arrays
    best: Arrays
    chosen: Mapping[str, Any] = field(default_factory=dict)

    def changed(self, identity: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Returns what another identity has otherwise: what was, and what is, by name."""
        wanted = json.loads(json.dumps(identity))
        return {
            name: (self.identity.get(name), wanted.get(name))
            for name in sorted({*self.identity, *wanted})
            if self.identity.get(name) != wanted.get(name)
        }


@dataclass(frozen=True)
class _Head:
    """What a checkpoint holds beside arrays."""

    identity: Mapping[str, Any]
    standing: TrainingState
    chosen: Mapping[str, Any] = field(default_factory=dict)


def values(variables: Sequence[keras.Variable]) -> Arrays:
    """Copies variables' values."""
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def assign(variables: Sequence[keras.Variable], arrays: Arrays) -> None:
    """Sets variables to values that `values` copied."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def restore(
    path: str,
    found: Checkpoint,
    model: Sequence[keras.Variable],
    optimizer: Sequence[keras.Variable],
) -> None:
    """Sets the variables of a model and its optimizer to where a checkpoint stands.

    Raises:
        RunFolderError: its arrays are not those of such variables.
    """
    for part, variables, arrays in (
        ("model", model, found.model),
        ("optimizer", optimizer, found.optimizer),
        ("best", model, found.best or found.model),
    ):
        wanted = [(tuple(variable.shape), variable.dtype) for variable in variables]
        if [(array.shape, str(array.dtype)) for array in arrays] != wanted:
            raise RunFolderError(
                f"{path} is damaged ({part}: {len(arrays)} arrays that are not those of the "
                f"{len(wanted)} variables); train anew with --fresh"
            )
    assign(model, found.model)
    assign(optimizer, found.optimizer)


def digest(arrays: Arrays) -> str:
    """Returns the SHA-256 of arrays, equal where they are equal to the bit."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def save(folder: str, name: str, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint in place of the one before.

    Args:
        folder: the run.
        name: the name of the checkpoint's file below it.
        checkpoint: what is written.
    """
    head = {
        "identity": checkpoint.identity,
        "standing": asdict(checkpoint.state),
        "chosen": checkpoint.chosen,
    }
    arrays = {"head": np.frombuffer(json.dumps(head).encode(), np.uint8)}
    for part in _PARTS:
        for i, array in enumerate(getattr(checkpoint, part)):
            arrays[f"{part}/{i}"] = array
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    files.write_bytes(folder, name, buffer.getvalue())


def load(path: str) -> Checkpoint | None:
    """Reads the checkpoint of a training, if there is one.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not files.exists(path):
        return None
    try:
        with np.load(io.BytesIO(files.read_bytes(path)), allow_pickle=False) as arrays:
            head = typed(_Head, parse_json(arrays["head"].tobytes()))
            parts = {part: _part(arrays, part) for part in _PARTS}
        return Checkpoint(head.standing, head.identity, **parts, chosen=head.chosen)
    except (ValueError, LookupError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        said = f" ({error})" if isinstance(error, ShapeError) else ""
        raise RunFolderError(
            f"{path} is not a checkpoint{said}, or was damaged; train anew with --fresh"
        ) from error


def refuse_another(path: str, found: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Refuses to continue a training as another.

    Args:
        path: the checkpoint's file.
        found: the checkpoint.
        identity: the identity of the training that wants to continue.

    Raises:
        RunFolderError: the checkpoint is another training's.
    """
    changed = found.changed(identity)
    if changed:
        words = (f"{name} was {was!r} and is now {now!r}" for name, (was, now) in changed.items())
        raise RunFolderError(
            f"{path} belongs to another training: {'; '.join(words)}; "
            "train anew with --fresh, or set the options as they were"
        )


def _part(arrays: Mapping[str, npt.NDArray[Any]], part: str) -> Arrays:
    count = sum(name.startswith(f"{part}/") for name in arrays)
    return [arrays[f"{part}/{i}"] for i in range(count)]
