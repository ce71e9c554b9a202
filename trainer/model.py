"""The models: linear, deep, their sum, and those of the user's own.

All take three matrices, ``numbers`` float32 (batch, numbers), ``ids`` int32 (batch, ids) and
``id_weights`` float32 (batch, weights of ids), and return one column, or one for each of several
classes. Numbers are standardised inside, whatever scale the features have. The *wide* side is
linear in the numbers and in the one-hots of all ids, crosses included; the *deep* side runs the
numbers and the ids' embeddings through hidden layers. The one-hots and embeddings of a list of ids
are pooled (`trainer.lookup`).
"""

from dataclasses import dataclass

import keras

from trainer.given import Given, given_of
from trainer.inputs import ModelInputs
from trainer.optimizers import is_proximal
from trainer.options import TrainOptions
from trainer.own_model import own_scores
from trainer.statistics import TrainStatistics
from transforms.errors import InputError
from transforms.labels import Classification, Label

_NORMALIZATIONS = {
    "none": None,
    "batch": keras.layers.BatchNormalization,
    "layer": keras.layers.LayerNormalization,
}
_INITIALIZERS = {"selu": "lecun_normal", "sigmoid": "glorot_normal", "tanh": "glorot_normal"}


@dataclass(frozen=True)
class Models:
    """Two views of one set of weights.

    Attributes:
        score: the raw output, float32 (batch,): the standardised label, or the logit; for several
            classes (batch, classes), a logit each.
        prediction: the answer, float32 (batch,): in label units, or a probability; for several
            classes (batch, classes), a probability each.
    """

    score: keras.Model
    prediction: keras.Model


def build(
    inputs: ModelInputs, label: Label, statistics: TrainStatistics, options: TrainOptions
) -> Models:
    """Builds a model with fresh weights.

    Args:
        inputs: what it is given.
        label: what it predicts.
        statistics: of the train split.
        options: its kind, sizes and penalties.

    Raises:
        InputError: a deep model has neither numbers nor embeddings, or a function of the user's
            own builds no model.
    """
    keras.utils.set_random_seed(options.seed)
    given = given_of(inputs, label, statistics, options)
    scores = own_scores(given) if options.is_own_model else _scores(given)
    shape = (given.outputs,) if isinstance(label, Classification) else ()
    score = keras.layers.Reshape(shape, name="score")(scores)
    answer = _answer_layer(label, statistics)(score)
    return Models(keras.Model(given.tensors, score), keras.Model(given.tensors, answer))


def _answer_layer(label: Label, statistics: TrainStatistics) -> keras.layers.Layer:
    """Returns what turns scores into answers."""
    if label.task == "regression":
        mean, deviation = statistics.label.mean[0], statistics.label.usable_deviation[0]
        return keras.layers.Rescaling(float(deviation), float(mean), name="prediction")
    if label.task == "binary_classification":
        return keras.layers.Activation("sigmoid", name="probability")
    return keras.layers.Softmax(name="probabilities")


def _scores(given: Given) -> keras.KerasTensor:
    """Returns (batch, outputs): one side's, or the sum of both."""
    options = given.options
    sides = []
    if options.model != "deep":
        sides.append(given.linear(_penalty(options, wide=True)))
    if options.model != "linear":
        sides.append(_deep(given, _penalty(options, wide=False)))
    return keras.layers.Add(name="wide_deep")(sides) if len(sides) > 1 else sides[0]


def _deep(given: Given, penalty: keras.regularizers.Regularizer | None) -> keras.KerasTensor:
    """Returns (batch, outputs): hidden layers over the numbers, the embeddings and the one-hots."""
    options = given.options
    x = given.dense(penalty)
    if x is None:
        raise InputError(
            f"--model {options.model} has only crosses without embed= to go on; "
            "declare another feature, or use --model linear"
        )
    bound, normalize = options.max_norm, _NORMALIZATIONS[options.normalization]
    for i, units in enumerate(options.hidden_units):
        x = keras.layers.Dense(
            units,
            activation=None if normalize else options.activation,
            kernel_initializer=_INITIALIZERS.get(options.activation, "he_normal"),
            kernel_regularizer=penalty,
            kernel_constraint=None if bound is None else keras.constraints.MaxNorm(bound, axis=0),
            name=f"hidden_{i}",
        )(x)
        if normalize:
            x = normalize(name=f"normalization_{i}")(x)
            x = keras.layers.Activation(options.activation, name=f"activation_{i}")(x)
        if options.dropout:
            x = keras.layers.Dropout(options.dropout, seed=options.seed + i, name=f"dropout_{i}")(x)
    return keras.layers.Dense(given.outputs, kernel_regularizer=penalty, name="deep")(x)


def _penalty(options: TrainOptions, *, wide: bool) -> keras.regularizers.Regularizer | None:
    """Returns what a side's weights add to the loss; an optimizer with an L1 of its own adds it."""
    kind = options.wide_optimizer if wide and options.wide_optimizer else options.optimizer
    l1 = 0.0 if is_proximal(kind) else options.l1
    return keras.regularizers.L1L2(l1, options.l2) if l1 or options.l2 else None
