"""Models whose weights another training begins with."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from forebay.storage.run import files
from forebay.storage.run.exported import ExportedModel, of_newest
from forebay.storage.run.layout import KERAS_NAME, MANIFEST_NAME, TRAINING_FOLDER
from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints.best_model import SavedTraining, load_exported, read_training
from forebay.trainer.options.train import is_own
from forebay.trainer.weights.id_names import IdNames, names_of_run

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OtherModel:
    """A trained model, and what its ids mean.

    Attributes:
        path: where it was found.
        training: the model.
        names: the names of its inputs' ids.
    """

    path: str
    training: SavedTraining
    names: IdNames

    @property
    def model(self) -> keras.Model:
        """The model over transformed examples."""
        return self.training.model

    @property
    def is_own(self) -> bool:
        """Whether it was built by a function of the user's own."""
        return is_own(self.training.record["options"]["model"])

    @cached_property
    def weights(self) -> Mapping[str, Array]:
        """The weights by their paths, such as ``hidden_0/kernel``."""
        return {
            variable.path: np.asarray(keras.ops.convert_to_numpy(variable))
            for variable in self.model.variables
        }


def open_other_model(path: str) -> OtherModel:
    """Opens a model to take weights from.

    Args:
        path: an exported model, a folder of them, or a run folder: the best of its last training.

    Raises:
        RunFolderError: there is no model.
    """
    if files.exists(posixpath.join(path, MANIFEST_NAME)):
        run = open_run(path)
        training = read_training(run, TRAINING_FOLDER)
        if training is not None:
            keras_path = run.file(TRAINING_FOLDER, KERAS_NAME)
            return OtherModel(keras_path, training, names_of_run(run, training.inputs))
        path = run.file("model")
    return of_newest(path, _of_exported)


def _of_exported(exported: ExportedModel) -> OtherModel:
    training = load_exported(exported)
    assets = posixpath.join(exported.path, "assets")
    return OtherModel(
        exported.path, training, IdNames(exported.definition, training.inputs, assets)
    )
