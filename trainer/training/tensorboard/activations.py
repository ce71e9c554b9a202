"""How many of a model's activations are zero, and which of its units are dead."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from forebay.trainer.layers.hidden import OF_MEMBERS

PROBE_ROWS = 1024


@dataclass(frozen=True)
class DeadUnits:
    """The units of a layer, and what is zero of them over some rows.

    Attributes:
        share: the share of its activations that are zero.
        dead: how many of its units are zero for every row.
        units: how many units it has.
    """

    share: float
    dead: int
    units: int


class ActivationProbe:
    """Looks at the outputs of a model's layers that have an activation, on fixed rows.

    Only layers of a model built with Keras's functional API can be looked at; of others there is
    nothing to tell.

    Args:
        model: the model; its weights may change.
        inputs: what it is called with, up to `PROBE_ROWS` rows.
    """

    def __init__(self, model: keras.Model, inputs: tuple[Any, ...]) -> None:
        self._inputs = inputs
        looked_at = {layer.name: layer.output for layer in model.layers if _is_looked_at(layer)}
        self._model = keras.Model(model.inputs, looked_at) if looked_at else None

    def measure(self) -> dict[str, DeadUnits]:
        """Returns the zeros of each layer by its name, with dropout off."""
        if self._model is None:
            return {}
        outputs = self._model(self._inputs, training=False)
        return {name: _zeros(_rows_first(self._model, name, o)) for name, o in outputs.items()}


def warning(name: str, zeros: DeadUnits) -> str:
    """Says that a layer has dead units, and what may help."""
    return (
        f"layer {name}: {zeros.dead:,} of {zeros.units:,} units are dead, zero for every row "
        "looked at; a lower --learning-rate or narrower --hidden-units may help"
    )


def _is_looked_at(layer: keras.layers.Layer) -> bool:
    """Tells whether a layer has an activation, and one output in a functional model."""
    activation = getattr(layer, "activation", None)
    active = isinstance(layer, keras.layers.ReLU) or activation not in (
        None, keras.activations.linear,
    )  # fmt: skip
    # A layer of a model that was not built functionally has never had a symbolic output.
    return active and len(layer._inbound_nodes) == 1


def _rows_first(model: keras.Model, name: str, output: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Returns a layer's output with the units of several members side by side."""
    values = np.asarray(keras.ops.convert_to_numpy(output))
    if getattr(model.get_layer(name), "equation", None) != OF_MEMBERS:
        return values
    return values.transpose(1, 0, 2).reshape(values.shape[1], -1)


def _zeros(output: np.ndarray[Any, np.dtype[Any]]) -> DeadUnits:
    zero = output.reshape(-1, output.shape[-1]) == 0
    return DeadUnits(float(zero.mean()), int(zero.all(axis=0).sum()), zero.shape[1])
