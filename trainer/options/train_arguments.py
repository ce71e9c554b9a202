"""Arguments of ``train``: its flags, and what a file says where no flag does."""

import argparse
from dataclasses import fields
from typing import Any, get_args

from forebay.console.arguments import add_common, describe
from forebay.trainer.options.config_file import read_config
from forebay.trainer.options.data import add_data_arguments, data_options
from forebay.trainer.options.loop import add_loop_arguments
from forebay.trainer.options.train import (
    ActivationName,
    NormalizationName,
    OptimizerName,
    ScheduleName,
    TrainOptions,
)

_HELP = {
    "model": "linear, deep, wide_deep, or module:function, which builds a Keras model of your own",
    "hidden_units": "widths of the hidden layers",
    "members": "networks of hidden layers side by side, whose scores are averaged",
    "activation": "of the hidden layers",
    "normalization": "of the hidden layers, before their activation",
    "dropout": "share of hidden activations dropped in training",
    "l1": "penalty on absolute weights",
    "l2": "penalty on squared weights",
    "max_norm": "bound of the norm of each hidden unit's weights",
    "warm_start": "begin with the weights of a model: an exported one, or a run's",
    "embeddings_from": "begin with the embeddings of a model, matched by names and entries",
    "freeze_embeddings": "leave those as they are",
    "optimizer": "of all weights, or of those that have no other",
    "learning_rate": "its rate, at the peak",
    "wide_optimizer": "of the wide side's weights",
    "wide_learning_rate": "its rate, at the peak",
    "momentum": "of the optimizer momentum",
    "weight_decay": "of the optimizer adamw",
    "schedule": "how rates go on from their peak: cosine falls to zero over --max-steps",
    "warmup_steps": "steps over which rates rise to their peak",
    "decay_rate": "what exponential and step multiply rates by",
    "decay_every": "steps in which they do so once",
    "decay_at": "steps at which step does so instead",
    "clip_value": "bound of every single gradient",
    "clip_norm": "bound of the norm of each weight matrix's gradient",
    "clip_global_norm": "bound of the norm of all gradients together",
    "max_steps": "steps",
    "epochs": "passes over the rows, instead of a number of steps",
    "batch_size": "rows per step",
    "eval_every": "steps between evaluations, each with a checkpoint",
    "best_by": "metric that says which evaluation was the best: rmse, mae, log_loss, auc, accuracy",
    "patience": "evaluations without improvement before training ends",
    "seed": "random seed",
}
_CHOICES = {
    "activation": ActivationName,
    "normalization": NormalizationName,
    "optimizer": OptimizerName,
    "wide_optimizer": OptimizerName,
    "schedule": ScheduleName,
}
_GROUPS = {
    "model": (
        "model", "hidden_units", "members", "activation", "normalization", "dropout", "l1", "l2",
        "max_norm",
    ),
    "other models": ("warm_start", "embeddings_from", "freeze_embeddings"),
    "optimizers": (
        "optimizer", "learning_rate", "wide_optimizer", "wide_learning_rate", "momentum",
        "weight_decay", "schedule", "warmup_steps", "decay_rate", "decay_every", "decay_at",
        "clip_value", "clip_norm", "clip_global_norm",
    ),
    "training": ("batch_size", "eval_every", "best_by", "patience", "seed"),
}  # fmt: skip


def train_options(args: argparse.Namespace) -> TrainOptions:
    """Returns the options that `add_train_arguments` parsed; flags win over the file.

    Raises:
        InputError: options out of range, or a file that cannot be read.
    """
    kinds = {f.name: f.type for f in fields(TrainOptions) if f.name != "data"}
    values = {} if args.config is None else read_config(args.config, kinds)
    if "epochs" in args:  # a flag for one length wins over the file's other
        values.pop("max_steps", None)
    if "max_steps" in args:
        values.pop("epochs", None)
    values |= {name: value for name, value in vars(args).items() if name in kinds}
    if "drop_features" in values:
        values["drop_features"] = tuple(values["drop_features"])
    return TrainOptions(**values, data=data_options(args))


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``train``."""
    describe(
        parser,
        "Train on a run folder, evaluate on its eval split, export a SavedModel to RUN/model/. "
        "A killed training continues where its last checkpoint left it.",
        "train runs/flights",
        "train runs/flights --model linear --max-steps 5000",
        "train runs/late --epochs 20 --class-weights balanced",
        "train runs/flights --config model.toml --learning-rate 0.001",
        "train runs/flights --fresh --drop-features '*_1h_by_*' --drop-features '*_3h_by_*'",
    )
    parser.add_argument("run", metavar="RUN", help="folder that `forebay preprocess` wrote")
    add_training_options(parser)
    add_loop_arguments(parser)
    add_common(parser)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Adds all that `train_options` reads: a flag for each option, and a file of them."""
    parser.add_argument(
        "--config", metavar="FILE",
        help="TOML with the values of flags, such as hidden_units = [128, 64]; flags win",
    )  # fmt: skip
    add_options(parser.add_mutually_exclusive_group(), ("max_steps", "epochs"))
    for title, names in _GROUPS.items():
        add_options(parser.add_argument_group(title), names)
    parser.add_argument(
        "--drop-features", action="append", default=argparse.SUPPRESS, metavar="PATTERN",
        help="leave out the transformed outputs that match, such as '*_1h_by_*'; repeatable",
    )  # fmt: skip
    add_data_arguments(parser)


def add_options(group: Any, names: tuple[str, ...]) -> None:
    """Adds flags of `TrainOptions` to a parser or a group; absent ones leave no trace."""
    kinds = {f.name: f for f in fields(TrainOptions)}
    for name in names:
        default = kinds[name].default
        group.add_argument(
            "--" + name.replace("_", "-"),
            default=argparse.SUPPRESS,
            help=f"{_HELP[name]} (default: {_text(default)})",
            **_reading(name, kinds[name].type),
        )


def _reading(name: str, kind: Any) -> dict[str, Any]:
    """Returns how argparse reads a flag of a kind."""
    if kind is bool:
        return {"action": "store_true"}
    if name in _CHOICES:
        return {"choices": get_args(_CHOICES[name])}
    if kind == tuple[int, ...]:
        return {"type": _whole_numbers, "metavar": "N,N"}
    if kind in (int, int | None):
        return {"type": int, "metavar": "N"}
    if kind in (str, str | None):
        return {"metavar": "METRIC" if name == "best_by" else "MODEL"}
    return {"type": float, "metavar": "X"}


def _text(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    return "none" if default is None else str(default)


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        message = f"{text!r} is no list of whole numbers; write such as 128,64"
        raise argparse.ArgumentTypeError(message) from None
