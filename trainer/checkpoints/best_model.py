"""The best model of a training, as it is kept in ``RUN/training/`` and inside exported models."""

import hashlib
import os
import posixpath
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypedDict

import keras

from forebay.storage.json_records import as_record, typed
from forebay.storage.run import files
from forebay.storage.run.exported import RECORD_NAME as EXPORT_RECORD_NAME
from forebay.storage.run.exported import ExportedModel
from forebay.storage.run.layout import EXTRA, KERAS_NAME, RECORD_NAME
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState, digest, values
from forebay.trainer.examples.inputs import ModelInputs
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.training.waiting import Seconds
from forebay.transforms.errors import RunFolderError


@dataclass
class StepTimes:
    """Where the time of a training's steps went; evaluations and checkpoints are not among them.

    Attributes:
        steps: seconds that the steps took.
        waiting: seconds of these in which they waited for their rows.
    """

    steps: float = 0.0
    waiting: float = 0.0

    def add(self, steps: float, waiting: float) -> None:
        """Adds the seconds of some steps; their waiting, told from a few of them, is no longer."""
        self.steps += steps
        self.waiting += min(waiting, steps)

    def to_json(self) -> Seconds:
        """Returns plain values."""
        return {"steps": round(self.steps, 3), "waiting for rows": round(self.waiting, 3)}


class _Options(TypedDict):
    """Those that are told of a finished training."""

    max_steps: int
    model: str


class TrainingRecord(TypedDict):
    """Where a trained model comes from.

    Attributes:
        step: the step at which its weights were the best.
        eval_loss: the loss of these weights on the eval split.
        steps_trained: how many steps the training has taken.
        history: all its evaluations.
        seconds: where the time of its steps went.
        options: the options of the model and its training.
        inputs: what it is given.
        definition_digest: the digest of the run's definition.
        transform_digest: the digest of the run's transform graph.
        weights_sha256: the digest of its weights.
        sha256: the digest of its file.
    """

    step: int
    eval_loss: float
    steps_trained: int
    history: Annotated[list[dict[str, Any]], tuple[Evaluation, ...]]
    seconds: Seconds
    options: Annotated[dict[str, Any], _Options]
    inputs: Annotated[dict[str, Any], ModelInputs]
    definition_digest: str
    transform_digest: str
    weights_sha256: str
    sha256: str


@dataclass(frozen=True)
class SavedTraining:
    """A trained model over transformed examples.

    Attributes:
        model: takes the matrices of `split_reader.Examples`, predicts in label units or
            probabilities.
        inputs: the columns of those matrices.
        record: the record of the training that it comes from.
        content: the model's file.
    """

    model: keras.Model
    inputs: ModelInputs
    record: TrainingRecord
    content: bytes


def snapshot(
    run: RunFolder,
    options: ChosenOptions,
    inputs: ModelInputs,
    model: keras.Model,
    state: TrainingState,
    evaluation: Evaluation,
    step_times: StepTimes,
) -> SavedTraining:
    """Returns a model with the weights that it has now, and what it is.

    Args:
        run: what it was trained on.
        options: the options of the model and its training.
        inputs: what it is given.
        model: the model.
        state: how far its training is.
        evaluation: the one made with its weights.
        step_times: where the time of its steps went.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, KERAS_NAME)
        model.save(path)
        content = files.read_bytes(path)
    record: TrainingRecord = {
        "step": evaluation.step,
        "eval_loss": evaluation.eval_loss,
        "steps_trained": state.step,
        "history": [asdict(evaluation) for evaluation in state.history],
        "seconds": step_times.to_json(),
        "options": asdict(options),
        "inputs": inputs.to_json(),
        "definition_digest": run.manifest.definition_digest,
        "transform_digest": run.transform_digest,
        "weights_sha256": digest(values(model.variables)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return SavedTraining(model, inputs, record, content)


# What is waited for, in seconds, where model and record are not of one training: both are written
# one behind the other.
_UNTIL_WRITTEN = (0.1, 0.4)


def write_training(run: RunFolder, folder: str, training: SavedTraining) -> None:
    """Writes a model and what it is to a folder of the run."""
    files.write_bytes(run.outputs, f"{folder}/{KERAS_NAME}", training.content)
    files.write_json(run.outputs, f"{folder}/{RECORD_NAME}", training.record)


def read_training(run: RunFolder, folder: str) -> SavedTraining | None:
    """Reads what `write_training` wrote, if it did; another process may be writing.

    Raises:
        RunFolderError: the files do not belong together.
    """
    record_path = run.own(folder, RECORD_NAME)
    for seconds in (*_UNTIL_WRITTEN, 0):
        if not files.exists(record_path):
            return None
        try:
            record = files.read_record(TrainingRecord, record_path)
            return load_saved(run.own(folder, KERAS_NAME), record)
        except RunFolderError:
            if not seconds:
                raise
            time.sleep(seconds)
    return None


def read_finished(run: RunFolder, folder: str, state: TrainingState) -> SavedTraining | None:
    """Reads what `write_training` wrote at the end of a training.

    Args:
        run: the run.
        folder: the folder of it that the training writes.
        state: where the training stands.

    Returns:
        None where it wrote nothing, or where the training stood elsewhere.

    Raises:
        RunFolderError: a file is damaged.
    """
    path = run.own(folder, RECORD_NAME)
    if not files.exists(path):
        return None
    record = files.read_record(TrainingRecord, path)
    history = [asdict(evaluation) for evaluation in state.history]
    if (record["steps_trained"], record["history"]) != (state.step, history):
        return None
    return read_training(run, folder)


def load_exported(exported: ExportedModel) -> SavedTraining:
    """Reads the Keras model over transformed examples that an export is of.

    Raises:
        RunFolderError: it is not the one that the export's record is of.
    """
    path = posixpath.join(exported.path, EXTRA, KERAS_NAME)
    told = posixpath.join(exported.path, EXTRA, EXPORT_RECORD_NAME)
    training = exported.record["training"]
    return load_saved(path, as_record(TrainingRecord, training, told, "export anew"))


def load_saved(keras_path: str, record: TrainingRecord) -> SavedTraining:
    """Reads a model that `write_training` wrote.

    Args:
        keras_path: the model's file.
        record: what was written beside it.

    Raises:
        RunFolderError: the file is not the one the record is of.
    """
    content = files.read_bytes(keras_path)
    found = hashlib.sha256(content).hexdigest()
    if found != record["sha256"]:
        raise RunFolderError(
            f"{keras_path} has the SHA-256 {found[:12]}, its record says {record['sha256'][:12]}; "
            "train or export anew"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, KERAS_NAME)
        with open(path, "wb") as file:
            file.write(content)
        try:
            model = keras.models.load_model(path, compile=False)
        except Exception as error:  # whatever readers of zip, JSON and HDF5 raise
            raise RunFolderError(
                f"{keras_path} is not a model that Keras can load; train or export anew"
            ) from error
    return SavedTraining(model, typed(ModelInputs, record["inputs"], "inputs"), record, content)
