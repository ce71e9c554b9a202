"""The best model of a training, as it is kept in ``RUN/training/`` and inside exported models."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras

from trainer import files
from trainer.checkpoint import Standing
from trainer.inputs import ModelInputs
from trainer.options import TrainOptions
from trainer.run_folder import RunFolder
from trainer.waiting import Spent
from transforms.errors import RunFolderError

TRAINING_FOLDER = "training"
KERAS_NAME = "model.keras"
RECORD_NAME = "model.json"


@dataclass(frozen=True)
class SavedTraining:
    """A trained model over transformed examples.

    Attributes:
        model: takes the matrices of `data.Examples`, answers in label units or probabilities.
        inputs: the columns of those matrices.
        record: where it comes from: step, evaluations, where the time went, options, digests of
            definition, transform graph and of the model's own file.
        content: the model's file.
    """

    model: keras.Model
    inputs: ModelInputs
    record: Mapping[str, Any]
    content: bytes


def save_training(
    run: RunFolder,
    folder: str,
    options: TrainOptions,
    inputs: ModelInputs,
    model: keras.Model,
    standing: Standing,
    spent: Spent,
) -> SavedTraining:
    """Writes a model with its best weights, and what it is, to a folder of the run."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, KERAS_NAME)
        model.save(path)
        content = files.read_bytes(path)
    record = {
        "step": standing.best.step,
        "eval_loss": standing.best.eval_loss,
        "steps_trained": standing.step,
        "history": [asdict(evaluation) for evaluation in standing.history],
        "seconds": spent.to_json(),
        "options": asdict(options),
        "inputs": inputs.to_json(),
        "definition_digest": run.manifest.definition_digest,
        "transform_digest": run.transform_digest,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    files.write_bytes(run.file(folder, KERAS_NAME), content)
    files.write_json(run.file(folder, RECORD_NAME), record)
    return SavedTraining(model, inputs, record, content)


def load_saved(keras_path: str, record: Mapping[str, Any]) -> SavedTraining:
    """Reads a model that `save_training` wrote.

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
        files.write_bytes(path, content)
        model = keras.models.load_model(path, compile=False)
    return SavedTraining(model, ModelInputs.from_json(record["inputs"]), record, content)
