"""What a training step does with gradients."""

from collections.abc import Sequence

import keras
import tensorflow as tf


class Updater:
    """Applies gradients to weights, and knows what must be kept to go on doing so.

    Args:
        optimizer: the optimizer.
        weights: the trainable variables of a model.
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, weights: Sequence[keras.Variable]
    ) -> None:
        self.weights = list(weights)
        self._optimizer = optimizer
        optimizer.build(self.weights)

    @property
    def variables(self) -> list[keras.Variable]:
        """The optimizers' own variables, for checkpoints."""
        return list(self._optimizer.variables)

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Takes one step: gradients as many as weights, in their order."""
        self._optimizer.apply(gradients, self.weights)

    def learning_rates(self) -> dict[str, float]:
        """Returns the rates of the next step, by what they are for."""
        return {"learning_rate": float(self._optimizer.learning_rate)}
