"""The models: linear, deep, their sum, and those of the user's own.

All take three matrices, ``numbers`` float32 (batch, numbers), ``ids`` int32 (batch, ids) and
``id_weights`` float32 (batch, weights of ids), and return one column, or one for each of several
classes. Numbers are standardised inside, whatever scale the features have. The *wide* side is
linear in the numbers and in the one-hots of all ids, crosses included; the *deep* side runs the
numbers and the ids' embeddings through hidden layers, or through those of several *members* side by
side, each of which learns by its own error. The one-hots and embeddings of a list of ids are pooled
(`forebay.trainer.layers.lookup`).
"""

from dataclasses import dataclass

import keras

from forebay.trainer.examples.inputs import ModelInputs
from forebay.trainer.examples.statistics import TrainStatistics
from forebay.trainer.layers.context import ModelContext, context_of
from forebay.trainer.layers.hidden import HiddenLayers
from forebay.trainer.layers.own_model import own_scores
from forebay.trainer.optimizers.build import is_proximal
from forebay.trainer.options.choose import ChosenOptions
from forebay.transforms.definition.labels import Classification, Label
from forebay.transforms.errors import InputError


@dataclass(frozen=True)
class Models:
    """Three views of one set of weights.

    Attributes:
        members: what is trained: the raw outputs of the networks, float32 (batch, members): the
            standardised label, or the logit; for several classes (batch, members, classes), a
            logit each.
        score: their mean, (batch,), or (batch, classes).
        prediction: what is predicted, float32 (batch,): in label units, or a probability; for
            several classes (batch, classes), a probability each.
    """

    members: keras.Model
    score: keras.Model
    prediction: keras.Model


def build(
    inputs: ModelInputs, label: Label, statistics: TrainStatistics, options: ChosenOptions
) -> Models:
    """Builds a model with fresh weights.

    Args:
        inputs: what it is given.
        label: what it predicts.
        statistics: what was computed of the train split.
        options: its kind, sizes and penalties.

    Raises:
        InputError: a deep model has neither numbers nor embeddings, or a function of the user's
            own builds no model.
    """
    keras.utils.set_random_seed(options.seed)
    context = context_of(inputs, label, statistics, options)
    scores = _alone(own_scores(context)) if options.is_own_model else _scores(context)
    of_classes = (context.outputs,) if isinstance(label, Classification) else ()
    members = keras.layers.Reshape((options.members, *of_classes), name="scores")(scores)
    score = keras.ops.mean(members, axis=1)
    prediction = _answer_layer(label, statistics)(score)
    return Models(
        members=keras.Model(context.tensors, members),
        score=keras.Model(context.tensors, score),
        prediction=keras.Model(context.tensors, prediction),
    )


def _answer_layer(label: Label, statistics: TrainStatistics) -> keras.layers.Layer:
    """Returns what turns scores into predictions."""
    if label.task == "regression":
        mean, deviation = statistics.label.offset[0], statistics.label.divisor[0]
        return keras.layers.Rescaling(float(deviation), float(mean), name="prediction")
    if label.task == "binary_classification":
        return keras.layers.Activation("sigmoid", name="probability")
    return keras.layers.Softmax(name="probabilities")


def _scores(context: ModelContext) -> keras.KerasTensor:
    """Returns (batch, members, outputs): one side's, or the sum of both."""
    options = context.options
    wide = None if options.model == "deep" else context.linear(_penalty(options, wide=True))
    if options.model == "linear":
        return _alone(wide)
    x = context.dense(_penalty(options, wide=False))
    if x is None:
        raise InputError(
            f"--model {options.model} has only crosses without embed= to go on; "
            "declare another feature, or use --model linear"
        )
    # A member's error is a share of the loss; so is the penalty on its weights.
    penalty = _penalty(options, wide=False, share=1 / options.members)
    deep = HiddenLayers(options, penalty, context.outputs)(x)
    return deep if wide is None else keras.layers.Add()([_alone(wide), deep])


def _alone(scores: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the scores of one network as (batch, 1, outputs)."""
    return keras.ops.expand_dims(scores, axis=1)


def _penalty(
    options: ChosenOptions, *, wide: bool, share: float = 1.0
) -> keras.regularizers.Regularizer | None:
    """Returns what a side's weights add to the loss; an optimizer with an L1 of its own adds it."""
    kind = options.wide_optimizer if wide and options.wide_optimizer else options.optimizer
    l1 = 0.0 if is_proximal(kind) else options.l1
    return keras.regularizers.L1L2(share * l1, share * options.l2) if l1 or options.l2 else None
