"""What a training step does with gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf


@dataclass(frozen=True)
class WeightGroup:
    """Weights that one optimizer updates.

    Attributes:
        name: what the weights are, such as ``wide``; several groups may have one name and rate.
        optimizer: Keras's, not yet built.
        weights: trainable variables.
    """

    name: str
    optimizer: keras.optimizers.Optimizer
    weights: tuple[keras.Variable, ...]


@dataclass(frozen=True)
class Clip:
    """How gradients are bounded before any optimizer sees them.

    Attributes:
        by: each single number's size (``value``), each weight matrix's Euclidean norm (``norm``),
            or that of all gradients together (``global_norm``).
        bound: above zero.
    """

    by: Literal["value", "norm", "global_norm"]
    bound: float

    def __call__(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the gradients, dense, scaled down where they exceed the bound."""
        # A sparse gradient may hold a row several times: its norm is not that of the values.
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        if self.by == "value":
            return [tf.clip_by_value(gradient, -self.bound, self.bound) for gradient in dense]
        if self.by == "norm":
            return [tf.clip_by_norm(gradient, self.bound) for gradient in dense]
        clipped, _ = tf.clip_by_global_norm(dense, self.bound)
        return list(clipped)


@dataclass(frozen=True)
class FrozenRows:
    """Rows of a table of weights that no step changes.

    Attributes:
        table: the weights, (rows, columns).
        rows: which of them, ascending.
    """

    table: keras.Variable
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Updater:
    """Applies gradients to weights, and knows what must be kept to go on doing so.

    Attributes:
        weights: the trainable variables of a model, in its order.
        groups: which optimizer updates which of them; each is in one group.
        clip: how gradients are bounded; None: not.
        frozen: rows that stay as they are.
    """

    weights: tuple[keras.Variable, ...]
    groups: tuple[WeightGroup, ...]
    clip: Clip | None = None
    frozen: tuple[FrozenRows, ...] = ()

    def __post_init__(self) -> None:
        for group in self.groups:
            group.optimizer.build(list(group.weights))

    @property
    def variables(self) -> list[keras.Variable]:
        """The optimizers' own variables, for checkpoints."""
        return [variable for group in self.groups for variable in group.optimizer.variables]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Takes one step: gradients as many as weights, in their order."""
        if self.clip is not None:
            gradients = self.clip(gradients)
        place = {id(weight): i for i, weight in enumerate(self.weights)}
        kept = [tf.gather(part.table.value, part.rows) for part in self.frozen]
        for group in self.groups:
            own = [gradients[place[id(weight)]] for weight in group.weights]
            group.optimizer.apply(own, list(group.weights))
        for part, values in zip(self.frozen, kept, strict=True):
            rows = tf.constant(part.rows, tf.int32)[:, None]
            part.table.value.scatter_nd_update(rows, values)

    def learning_rates(self) -> dict[str, float]:
        """Returns the rates of the next step, by what they are for."""
        rates = {group.name: float(group.optimizer.learning_rate) for group in self.groups}
        if len(rates) == 1:
            return {"learning_rate": next(iter(rates.values()))}
        return {f"learning_rate/{name}": rate for name, rate in rates.items()}
