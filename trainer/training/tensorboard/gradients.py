"""How large a model's gradients are, layer by layer, and whether they vanish or explode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from forebay.trainer.layers.losses import RowLosses, mean_losses
from forebay.trainer.weights.rows import FIRST_HIDDEN, LAST_DEEP

# The first hidden layer's gradient to that of the layer which the score comes from. Of eight layers
# of sigmoid units it is below 1e-4, of ReLU about 1; in between, training is slow.
VANISHED = 1e-3
# Labels are standardised and classes' log losses are of the order of one, so that a gradient is,
# too; this many times that, and a step leaves wherever the weights were.
EXPLODED = 100.0


@dataclass(frozen=True)
class GradientNorms:
    """The Euclidean norms of a loss's gradients.

    Attributes:
        of_layers: the norm of all weights of a layer together, by its name, first to last.
    """

    of_layers: Mapping[str, float]

    def warning(self) -> str | None:
        """Says that gradients vanish or explode, and what may help; None: they do not."""
        layers = self.of_layers
        worst = max(layers, key=layers.__getitem__, default=None)
        if worst is not None and not layers[worst] < EXPLODED:
            return (
                f"the gradient of layer {worst} explodes, its norm is {layers[worst]:.3g}; "
                "--clip-global-norm 1, or a lower --learning-rate, may help"
            )
        first, last = (layers.get(name, 0.0) for name in (FIRST_HIDDEN, LAST_DEEP))
        if first < VANISHED * last:
            return (
                f"the gradient vanishes on its way to layer {FIRST_HIDDEN}, {first:.3g} where "
                f"{LAST_DEEP} has {last:.3g}; --activation relu, --normalization batch or fewer "
                "--hidden-units may help"
            )
        return None


class GradientProbe:
    """Looks at a model's gradients on fixed rows, with dropout off: that changes no weight.

    Args:
        members: the model that is trained, which answers with the scores of all members; see
            `forebay.trainer.model.Models`.
        losses_of: the loss of rows.
        inputs: what it is called with.
        label: float32 (rows,), the rows' labels.
    """

    def __init__(
        self, members: keras.Model, losses_of: RowLosses, inputs: tuple[Any, ...], label: Any
    ) -> None:
        self._members = members
        self._losses_of = losses_of
        self._inputs = inputs
        self._label = label

    def measure(self) -> GradientNorms:
        """Returns the norms with the weights as they are now."""
        # Not compiled: that takes longer than the few looks of a training.
        weights = self._members.trainable_variables
        with tf.GradientTape() as tape:
            scores = self._members(self._inputs, training=False)
            loss = tf.reduce_mean(mean_losses(self._losses_of, self._label, scores))
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(loss, [weight.value for weight in weights], None, zero)
        squares: dict[str, float] = {}
        for weight, gradient in zip(weights, found, strict=True):
            layer, norm = weight.path.rpartition("/")[0], tf.norm(tf.convert_to_tensor(gradient))
            squares[layer] = squares.get(layer, 0.0) + float(norm) ** 2
        return GradientNorms({layer: square**0.5 for layer, square in squares.items()})
