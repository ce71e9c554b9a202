"""Arguments of ``train``: its flags, and what a file says where no flag does."""

import argparse
from collections.abc import Container, Sequence
from dataclasses import fields
from typing import Any, get_args

from forebay.console.arguments import add_common, add_run, describe, help_of
from forebay.trainer.options.config_file import read_config
from forebay.trainer.options.data import (
    DataOptions,
    add_data_arguments,
    data_names,
    data_options,
)
from forebay.trainer.options.loop import add_loop_arguments
from forebay.trainer.options.train import (
    ActivationName,
    NormalizationName,
    OptimizerName,
    ScheduleName,
    TrainOptions,
)

_CHOICES = {
    "activation": ActivationName,
    "normalization": NormalizationName,
    "optimizer": OptimizerName,
    "wide_optimizer": OptimizerName,
    "schedule": ScheduleName,
}
_GROUPS = {
    "model": (
        "model", "hidden_units", "members", "activation", "normalization", "dropout", "pieces",
        "l1", "l2", "max_norm",
    ),
    "other models": ("warm_start", "embeddings_from", "freeze_embeddings"),
    "optimizers": (
        "optimizer", "learning_rate", "wide_optimizer", "wide_learning_rate", "momentum",
        "ema_momentum", "weight_decay", "schedule", "warmup_steps", "decay_rate", "decay_every",
        "decay_at", "clip_value", "clip_norm", "clip_global_norm",
    ),
    "training": ("batch_size", "eval_every", "eval_steps", "best_by", "patience", "seed"),
}  # fmt: skip


def train_options(args: argparse.Namespace) -> TrainOptions:
    """Returns the options that `add_train_arguments` parsed; flags win over the file.

    Raises:
        InputError: options out of range, or a file that cannot be read.
    """
    kinds = option_kinds()
    values = {} if args.config is None else read_config(args.config, kinds)
    if "epochs" in args:  # a flag for one length wins over the file's other
        values.pop("max_steps", None)
    if "max_steps" in args:
        values.pop("epochs", None)
    given = {name: value for name, value in vars(args).items() if name in kinds}
    values |= {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    own = {field.name for field in fields(TrainOptions)}
    return TrainOptions(
        **{name: value for name, value in values.items() if name in own}, data=data_options(values)
    )


def option_kinds() -> dict[str, Any]:
    """Returns the types of all options of a training, by the names that flags and files have."""
    own = {field.name: field.type for field in fields(TrainOptions) if field.name != "data"}
    names = data_names()
    return own | {names[field.name]: field.type for field in fields(DataOptions)}


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``train``."""
    describe(
        parser,
        "Train on a run folder, evaluate on its eval split, export a SavedModel to RUN/model/. "
        "A killed training continues where its last checkpoint left it.",
        "runs/flights",
        "runs/flights --model linear --max-steps 5000",
        "runs/late --epochs 20 --class-weights balanced",
        "runs/flights --config model.toml --learning-rate 0.001",
        "runs/flights --fresh --drop-features '*_1h_by_*' --drop-features '*_3h_by_*'",
    )
    add_run(parser)
    add_training_options(parser)
    add_loop_arguments(parser)
    add_common(parser)


def add_training_options(parser: argparse.ArgumentParser, without: Container[str] = ()) -> None:
    """Adds all that `train_options` reads: a flag for each option, and a file of them.

    Args:
        parser: the command's.
        without: options that get no flag.
    """
    kinds = {f.name: f.type for f in fields(TrainOptions)}

    def add(group: Any, names: Sequence[str]) -> None:
        for name in names:
            if name not in without:
                group.add_argument(
                    "--" + name.replace("_", "-"), default=argparse.SUPPRESS,
                    help=help_of(TrainOptions, name), **_reading(name, kinds[name]),
                )  # fmt: skip

    parser.add_argument(
        "--config", metavar="FILE",
        help="TOML with the values of flags, such as hidden_units = [128, 64]; flags win",
    )  # fmt: skip
    if "epochs" not in without:  # argparse has no words for an empty group
        add(parser.add_mutually_exclusive_group(), ("max_steps", "epochs"))
    for title, names in _GROUPS.items():
        add(parser.add_argument_group(title), names)
    parser.add_argument(
        "--drop-features", action="append", default=argparse.SUPPRESS, metavar="PATTERN",
        help=help_of(TrainOptions, "drop_features", also="; repeatable"),
    )  # fmt: skip
    add_data_arguments(parser)


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


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        message = f"{text!r} is not a list of whole numbers; write such as 128,64"
        raise argparse.ArgumentTypeError(message) from None
