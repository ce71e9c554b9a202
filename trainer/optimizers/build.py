"""Optimizers: which of them updates which weights of a model."""

from collections.abc import Sequence

import keras

from forebay.trainer.optimizers.schedules import learning_rate
from forebay.trainer.optimizers.updater import Clip, FrozenRows, Updater, WeightGroup
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.options.train import CLIPS, OptimizerName

# Weights of layers whose name begins so are the wide side's.
WIDE_PREFIX = "wide_"


def make_updater(
    model: keras.Model, options: ChosenOptions, frozen: Sequence[FrozenRows] = ()
) -> Updater:
    """Returns what applies gradients to a model's weights, as the options say."""
    weights = tuple(model.trainable_variables)
    wide = tuple(weight for weight in weights if weight.path.startswith(WIDE_PREFIX))
    wide_rate = options.wide_learning_rate
    if options.wide_optimizer is None or wide_rate is None or not wide:
        groups = _groups("all", options.optimizer, options.learning_rate, weights, options)
    else:
        own = {id(weight) for weight in wide}
        rest = tuple(weight for weight in weights if id(weight) not in own)
        groups = _groups("wide", options.wide_optimizer, wide_rate, wide, options)
        groups += _groups("deep", options.optimizer, options.learning_rate, rest, options)
    return Updater(weights, tuple(groups), _clip(options), tuple(frozen), options.ema_momentum)


def is_proximal(name: OptimizerName) -> bool:
    """Tells whether an optimizer has an L1 penalty of its own, which makes weights exactly zero."""
    return name == "ftrl"


def _groups(
    name: str,
    kind: OptimizerName,
    rate: float,
    weights: tuple[keras.Variable, ...],
    options: ChosenOptions,
) -> list[WeightGroup]:
    """Returns the groups of one optimizer: biases have their own where its penalties spare them."""
    if not (kind == "adamw" or (is_proximal(kind) and options.l1)):
        return [WeightGroup(name, _optimizer(kind, rate, options, penalised=False), weights)]
    parts = {
        True: tuple(weight for weight in weights if not is_bias(weight)),
        False: tuple(weight for weight in weights if is_bias(weight)),
    }
    return [
        WeightGroup(name, _optimizer(kind, rate, options, penalised=penalised), part)
        for penalised, part in parts.items()
        if part
    ]


def is_bias(weight: keras.Variable) -> bool:
    """Tells whether a weight is a bias, or a scale or shift of a normalisation."""
    return weight.path.rpartition("/")[2] in ("bias", "beta", "gamma")


def _optimizer(
    kind: OptimizerName, peak: float, options: ChosenOptions, *, penalised: bool
) -> keras.optimizers.Optimizer:
    rate = learning_rate(options, peak)
    match kind:
        case "sgd":
            return keras.optimizers.SGD(rate)
        case "momentum":
            return keras.optimizers.SGD(rate, momentum=options.momentum)
        case "adagrad":
            return keras.optimizers.Adagrad(rate)
        case "adadelta":
            return keras.optimizers.Adadelta(rate)
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adamw":
            decay = options.weight_decay if penalised else 0.0
            return keras.optimizers.AdamW(rate, weight_decay=decay)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)
        case "ftrl":
            # Its weights are a sum over all steps divided by the rate: were the rate to fall, so
            # would the weights. It slows down by itself, each weight in its own time.
            strength = options.l1 if penalised else 0.0
            return keras.optimizers.Ftrl(peak, l1_regularization_strength=strength)


def _clip(options: ChosenOptions) -> Clip | None:
    bounds = {name: getattr(options, name) for name in CLIPS}
    for name, bound in bounds.items():
        if bound is not None:
            return Clip(name.removeprefix("clip_"), bound)  # type: ignore[arg-type]
    return None
