"""Hidden layers of several networks side by side, which all read the same inputs.

Past the first layer their units are (members, batch, units), so that each layer of all members is
one multiplication of matrices, and nothing is moved between layers; those of a single network are
(batch, units). A unit of one member and its like in the others are dropped together: what random
numbers cost is then that of one member.
"""

import math
from dataclasses import dataclass

import keras

from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.weights.rows import LAST_DEEP

# What a layer of several members computes.
OF_MEMBERS = "mbi,mio->mbo"
# A normal curve cut off at two deviations is so much narrower than the whole.
_CUT = 0.87962566


@dataclass(frozen=True)
class HiddenLayers:
    """The hidden layers of all members.

    Attributes:
        options: the options of the training.
        penalty: what a member's weights add to the loss.
        outputs: how many scores each member has.
    """

    options: ChosenOptions
    penalty: keras.regularizers.Regularizer | None
    outputs: int

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Returns (batch, members, outputs) for what all members are given, (batch, width)."""
        options = self.options
        for i, units in enumerate(options.hidden_units):
            activation = options.activation if options.normalization == "none" else None
            x = self._layer(x, f"hidden_{i}", units, activation, is_first=i == 0)
            if activation is None:
                x = self._normalized(x, f"normalization_{i}")
                x = keras.layers.Activation(options.activation, name=f"activation_{i}")(x)
            if options.dropout:
                x = self._dropped(x, i)
        x = self._layer(x, LAST_DEEP, self.outputs, None, is_first=False)
        axes = (1, 0, 2)
        return keras.ops.transpose(x, axes) if self._is_apart else keras.ops.expand_dims(x, 1)

    @property
    def _is_apart(self) -> bool:
        return self.options.members > 1

    def _layer(
        self, x: keras.KerasTensor, name: str, units: int, activation: str | None, *, is_first: bool
    ) -> keras.KerasTensor:
        members, width = self.options.members, x.shape[-1]
        by_member = self._is_apart and not is_first
        is_last = name == LAST_DEEP
        bound = None if is_last else self.options.max_norm
        same = {
            "activation": activation,
            "kernel_initializer": _initializer(
                "linear" if is_last else self.options.activation, width, units
            ),
            "kernel_regularizer": self.penalty,
            "kernel_constraint": bound
            and keras.constraints.MaxNorm(bound, axis=1 if by_member else 0),
            "name": name,
        }
        if by_member:
            return keras.layers.EinsumDense(OF_MEMBERS, (None, units), bias_axes="mo", **same)(x)
        x = keras.layers.Dense(members * units, **same)(x)
        return self._apart(x) if self._is_apart else x

    def _apart(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Turns (batch, members · units) into (members, batch, units)."""
        members = self.options.members
        x = keras.layers.Reshape((members, x.shape[-1] // members))(x)
        return keras.ops.transpose(x, (1, 0, 2))

    def _normalized(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Normalizes the units of each member by themselves."""
        members = self.options.members
        if self._is_apart:
            x = keras.layers.Reshape((members * x.shape[-1],))(keras.ops.transpose(x, (1, 0, 2)))
        if self.options.normalization == "batch":
            x = keras.layers.BatchNormalization(name=name)(x)
        else:
            x = keras.layers.GroupNormalization(members, name=name)(x)
        return self._apart(x) if self._is_apart else x

    def _dropped(self, x: keras.KerasTensor, i: int) -> keras.KerasTensor:
        shape = (1, None, x.shape[-1]) if self._is_apart else None
        return keras.layers.Dropout(
            self.options.dropout, noise_shape=shape, seed=self.options.seed + i, name=f"dropout_{i}"
        )(x)


def _initializer(activation: str, width: int, units: int) -> keras.initializers.Initializer:
    """Returns He's for rectifiers, LeCun's for SELU, and Glorot's for what saturates or is last."""
    variance = 2 / width
    if activation == "selu":
        variance = 1 / width
    elif activation in ("linear", "sigmoid", "tanh"):
        variance = 2 / (width + units)
    return keras.initializers.TruncatedNormal(stddev=math.sqrt(variance) / _CUT)
