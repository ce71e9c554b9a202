"""The models: linear, deep, and their sum.

All take three matrices, ``numbers`` float32 (batch, numbers), ``ids`` int32 (batch, ids) and
``id_weights`` float32 (batch, weights of ids), and return one column. Numbers are standardised
inside, whatever scale the features have. The *wide* side is linear in the numbers and in the
one-hots of all ids, crosses included; the *deep* side runs the numbers and the ids' embeddings
through hidden layers. The one-hots and embeddings of a list of ids are pooled
(`trainer.lookup`).
"""

from collections import defaultdict
from dataclasses import dataclass

import keras
import numpy as np

from trainer.inputs import CategoricalInput, ModelInputs
from trainer.lookup import Lookup
from trainer.options import TrainOptions
from trainer.statistics import TrainStatistics
from transforms.errors import InputError
from transforms.labels import Task


@dataclass(frozen=True)
class Models:
    """Two views of one set of weights.

    Attributes:
        score: the raw output, float32 (batch,): the standardised label, or the logit.
        prediction: the answer, float32 (batch,): in label units, or a probability.
    """

    score: keras.Model
    prediction: keras.Model


def build(
    inputs: ModelInputs, task: Task, statistics: TrainStatistics, options: TrainOptions
) -> Models:
    """Builds a model with fresh weights.

    Args:
        inputs: what it is given.
        task: ``regression`` or ``binary_classification``.
        statistics: of the train split.
        options: its kind, sizes and penalties.

    Raises:
        InputError: a deep model has neither numbers nor embeddings.
    """
    keras.utils.set_random_seed(options.seed)
    given = _given(inputs)
    numbers, lookup = given[0], Lookup(given[1], given[2], inputs, _penalty(options))
    standard = _standardise(numbers, statistics) if inputs.numeric else None
    sides = []
    if options.model != "deep":
        sides += _wide(standard, lookup, inputs, options)
    if options.model != "linear":
        sides.append(_deep(standard, lookup, inputs, options))
    total = keras.layers.Add(name="wide_deep")(sides) if len(sides) > 1 else sides[0]
    score = keras.layers.Reshape((), name="score")(total)
    if task == "regression":
        mean, deviation = statistics.label.mean[0], statistics.label.usable_deviation[0]
        scale = keras.layers.Rescaling(float(deviation), float(mean), name="prediction")
        answer = scale(score)
    else:
        answer = keras.layers.Activation("sigmoid", name="probability")(score)
    return Models(keras.Model(given, score), keras.Model(given, answer))


def _given(inputs: ModelInputs) -> list[keras.KerasTensor]:
    numbers, ids, id_weights = inputs.widths
    return [
        keras.Input((numbers,), name="numbers"),
        keras.Input((ids,), dtype="int32", name="ids"),
        keras.Input((id_weights,), name="id_weights"),
    ]


def _standardise(numbers: keras.KerasTensor, statistics: TrainStatistics) -> keras.KerasTensor:
    moments = statistics.numbers
    return keras.layers.Normalization(
        axis=-1,
        mean=moments.mean.astype(np.float32),
        variance=np.square(moments.usable_deviation).astype(np.float32),
        name="standardise",
    )(numbers)


def _wide(
    standard: keras.KerasTensor | None,
    lookup: Lookup,
    inputs: ModelInputs,
    options: TrainOptions,
) -> list[keras.KerasTensor]:
    """Returns terms (batch, 1): linear in the numbers, linear in the one-hots."""
    terms = []
    if standard is not None:
        dense = keras.layers.Dense(1, kernel_regularizer=_penalty(options), name="wide_numbers")
        terms.append(dense(standard))
    if inputs.categorical:
        terms.append(lookup.total(inputs.categorical, "wide_ids"))
    return terms


def _deep(
    standard: keras.KerasTensor | None,
    lookup: Lookup,
    inputs: ModelInputs,
    options: TrainOptions,
) -> keras.KerasTensor:
    """Returns (batch, 1): hidden layers over the numbers and the embeddings."""
    parts = [] if standard is None else [standard]
    by_size: dict[int, list[CategoricalInput]] = defaultdict(list)
    for column in inputs.categorical:
        if column.embed:
            by_size[column.embed].append(column)
    for size, columns in sorted(by_size.items()):
        parts.append(lookup.embeddings(columns, size, f"embeddings_{size}"))
    if not parts:
        raise InputError(
            f"--model {options.model} has only crosses without embed= to go on; "
            "declare another feature, or use --model linear"
        )
    x = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    for i, units in enumerate(options.hidden_units):
        x = keras.layers.Dense(
            units, activation="relu", kernel_initializer="he_normal",
            kernel_regularizer=_penalty(options), name=f"hidden_{i}",
        )(x)  # fmt: skip
        if options.dropout:
            x = keras.layers.Dropout(options.dropout, seed=options.seed + i)(x)
    return keras.layers.Dense(1, kernel_regularizer=_penalty(options), name="deep")(x)


def _penalty(options: TrainOptions) -> keras.regularizers.Regularizer | None:
    if options.l1 or options.l2:
        return keras.regularizers.L1L2(options.l1, options.l2)
    return None


def optimizer(options: TrainOptions) -> keras.optimizers.Optimizer:
    """Returns the optimizer, its rate falling to zero over the steps along a cosine."""
    kinds = {
        "adam": keras.optimizers.Adam,
        "adagrad": keras.optimizers.Adagrad,
        "ftrl": keras.optimizers.Ftrl,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, options.max_steps)
    return kinds[options.optimizer](rate)
