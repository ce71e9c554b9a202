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


class HeldSignature:
    """A signature of a loaded model, ready to be called without its inputs' names.

    Called as TensorFlow's own loader gives it, every input is bound by its name and checked in
    Python, each time anew. That takes twice as long as a row's way through the graph.

    Args:
        signature: what `tf.saved_model.load` has among its ``signatures``.
    """

    def __init__(self, signature: Any) -> None:
        _, inputs = signature.structured_input_signature
        self._function = signature
        # TensorFlow flattens what is named by the names' order.
        self._inputs, self._outputs = sorted(inputs), sorted(signature.structured_outputs)
        self._captured = list(signature.captured_inputs)
        self._types = [output.dtype for output in signature.outputs]

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Returns the signature's outputs by name.

        Args:
            columns: arrays or tensors of the inputs' dtypes, by name.
        """
        given = [columns[name] for name in self._inputs]
        found = tf.raw_ops.StatefulPartitionedCall(
            args=[*given, *self._captured], Tout=self._types, f=self._function
        )
        return dict(zip(self._outputs, found, strict=True))


class LoadedModel:
    """A model, ready to be asked.

    Args:
        path: its folder, or a folder of models by timestamp, of which the newest is taken.

    Raises:
        RunFolderError: there is no model, or it cannot be loaded.
    """

    def __init__(self, path: str) -> None:
        self.exported, self._loaded, self._signature = of_newest(path, _load)

    def ask(self, columns: Columns) -> dict[str, npt.NDArray[Any]]:
        """Returns the answers to n rows in one call, by name: (n,), or (n, classes).

        Args:
            columns: the served columns, (n,) each, of `NUMPY_DTYPES`.

        Raises:
            InstanceError: the model cannot take one of the rows.
        """
        try:
            found = self._signature(columns)
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


def _load(exported: ExportedModel) -> tuple[ExportedModel, Any, HeldSignature]:
    """Returns a model, what keeps it alive, and the signature that answers."""
    try:
        loaded = tf.saved_model.load(plain_path(exported.path))
        return exported, loaded, HeldSignature(loaded.signatures["serving_default"])
    except Exception as error:  # whatever TensorFlow's reader raises
        raise RunFolderError(
            f"{exported.path} holds no model that TensorFlow can load{_said(error)}; "
            "export it anew with `forebay train`"
        ) from error


def _said(error: Exception) -> str:
    """Returns what TensorFlow itself, not Python, says of a model."""
    return f" ({reason(error)})" if isinstance(error, tf.errors.OpError) else ""
