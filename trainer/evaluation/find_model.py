"""Which model is evaluated."""

import posixpath
from typing import Any

from forebay.storage.run import files
from forebay.storage.run.exported import of_newest
from forebay.storage.run.layout import KERAS_NAME, MANIFEST_NAME, MODEL_FOLDER, TRAINING_FOLDER
from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.trainer.checkpoints.best_model import SavedTraining, load_exported, read_training
from forebay.transforms.errors import RunFolderError


def find_model(run: RunFolder, model: str | None) -> tuple[SavedTraining, str]:
    """Returns a trained model of a run, and where it lies.

    Args:
        run: the run.
        model: an exported model or a folder of them; None: the last training's best, or where
            the run has no training, the newest export.

    Raises:
        RunFolderError: there is none, or it is another run's.
    """
    training = read_training(run, TRAINING_FOLDER) if model is None else None
    path = run.own(TRAINING_FOLDER, KERAS_NAME)
    if training is None:
        if model is None and run.manifest.transform_of is not None:
            raise RunFolderError(
                f"{run.path} has no model of its own: its rows were transformed as those of "
                f"{run.manifest.transform_of.run}; name a model of that run with --model"
            )
        path, training = of_newest(
            model or run.own(MODEL_FOLDER), lambda found: (found.path, load_exported(found))
        )
    if training.record["transform_digest"] != run.transform_digest:
        raise RunFolderError(
            f"{path} was trained on another run than {run.path}: their vocabularies and scales "
            "need not agree; train on this run, or name the model's own run"
        )
    return training, path


def find_other(run: RunFolder, path: str) -> tuple[RunFolder, SavedTraining, str]:
    """Returns the model to compare with, its run, and where it lies.

    Args:
        run: the run that is evaluated.
        path: an exported model of it, a folder of them, or another run.

    Raises:
        RunFolderError: there is none.
    """
    other = open_run(path) if files.exists(posixpath.join(path, MANIFEST_NAME)) else run
    return (other, *find_model(other, path if other is run else None))


def describe_model(training: SavedTraining, path: str) -> dict[str, Any]:
    """Returns what a report says about a model."""
    record = training.record
    return {
        "path": path,
        "step": record["step"],
        "sha256": record["sha256"],
        "options": record["options"],
    }
