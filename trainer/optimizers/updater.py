"""What a training step does with gradients."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
        ema_momentum: how much of the weights' moving averages a step leaves; 0: there are none.
        averages: the averages, one for each of the weights where there are any.
    """

    weights: tuple[keras.Variable, ...]
    groups: tuple[WeightGroup, ...]
    clip: Clip | None = None
    frozen: tuple[FrozenRows, ...] = ()
    ema_momentum: float = 0.0
    averages: tuple[keras.Variable, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        for group in self.groups:
            group.optimizer.build(list(group.weights))
        if self.ema_momentum:
            # Of copies: Keras makes no variable of its own of another's.
            copies = [keras.ops.convert_to_numpy(weight) for weight in self.weights]
            averages = tuple(keras.Variable(copy, trainable=False) for copy in copies)
            object.__setattr__(self, "averages", averages)

    @property
    def variables(self) -> list[keras.Variable]:
        """The optimizers' own variables, and the averages, for checkpoints."""
        own = [variable for group in self.groups for variable in group.optimizer.variables]
        return [*own, *self.averages]

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
        if self.averages:
            self._average()

    def _average(self) -> None:
        """Moves the averages a step; of the first steps they keep less, as they know little."""
        step = tf.cast(self.groups[0].optimizer.iterations, tf.float32)
        share = 1.0 - tf.minimum(self.ema_momentum, step / (step + 9.0))
        for average, weight in zip(self.averages, self.weights, strict=True):
            average.assign_add(share * (weight.value - average.value))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Gives the weights their averages for as long, where there are any."""
        if not self.averages:
            yield
            return
        kept = [tf.identity(weight.value) for weight in self.weights]
        for weight, average in zip(self.weights, self.averages, strict=True):
            weight.assign(average.value)
        try:
            yield
        finally:
            for weight, value in zip(self.weights, kept, strict=True):
                weight.assign(value)

    def learning_rates(self) -> dict[str, float]:
        """Returns the rates of the next step, by what they are for."""
        rates = {group.name: float(group.optimizer.learning_rate) for group in self.groups}
        if len(rates) == 1:
            return {"learning_rate": next(iter(rates.values()))}
        return {f"learning_rate/{name}": rate for name, rate in rates.items()}
