"""An exported model in memory, asked about columns of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.storage.plain_paths import plain_path
from forebay.storage.run.exported import ExportedModel, of_newest
from forebay.transforms.errors import InstanceError, RunFolderError, reason

# Rows per call of the model: more are hardly faster per row.
BATCH_ROWS = 1024

Columns = Mapping[str, npt.NDArray[Any]]


class LoadedModel:
    """A model, ready to be asked.

    Args:
        path: its folder, or a folder of models by timestamp, of which the newest is taken.

    Raises:
        RunFolderError: there is no model, or it cannot be loaded.
    """

    def __init__(self, path: str) -> None:
        self.exported, self._loaded, self._function = of_newest(path, _load)

    def ask(self, columns: Columns) -> dict[str, npt.NDArray[Any]]:
        """Returns the answers to n rows in one call, by name: (n,), or (n, classes).

        Args:
            columns: the served columns, (n,) each, of `NUMPY_DTYPES`.

        Raises:
            InstanceError: the model cannot take one of the rows.
        """
        raw = {name: tf.constant(column) for name, column in columns.items()}
        try:
            found = self._function(**raw)
        except tf.errors.InvalidArgumentError as error:
            raise InstanceError(
                f"the model cannot take this row ({reason(error)}); correct it"
            ) from error
        return {name: found[name].numpy() for name in self.exported.outputs}

    def unanswered(self, answer: Any) -> str | None:
        """Returns why an answer is none, where it is not finite; None: it is one."""
        if np.isfinite(answer).all():
            return None
        cause = "are the row's numbers extreme?"
        if self.exported.definition.custom_features:
            cause += " Or is a value missing that a function of the definition needs?"
        return f"the model answers {answer}: {cause}"


def _load(exported: ExportedModel) -> tuple[ExportedModel, Any, Any]:
    """Returns a model, what keeps it alive, and the function that answers."""
    try:
        loaded = tf.saved_model.load(plain_path(exported.path))
        return exported, loaded, loaded.signatures["serving_default"]
    except Exception as error:  # whatever TensorFlow's reader raises
        raise RunFolderError(
            f"{exported.path} holds no model that TensorFlow can load{_said(error)}; "
            "export it anew with `forebay train`"
        ) from error


def _said(error: Exception) -> str:
    """Returns what TensorFlow itself, not Python, says of a model."""
    return f" ({reason(error)})" if isinstance(error, tf.errors.OpError) else ""
