"""Arguments of ``train``."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from trainer.options.arguments import add_common, choice, describe, with_default
from trainer.options.data import DataOptions, add_data_arguments, data_options
from transforms.errors import InputError, Problem

ModelKind = Literal["linear", "deep", "wide_deep"]
OptimizerName = Literal["adam", "adagrad", "ftrl", "rmsprop", "sgd"]


@dataclass(frozen=True)
class TrainOptions:
    """How a model is built and trained.

    Attributes:
        model: ``linear`` (numbers and one-hots), ``deep`` (numbers and embeddings through hidden
            layers) or ``wide_deep`` (the sum of both).
        max_steps: steps after which training ends; the learning rate falls to zero over them.
        epochs: passes over the rows to train for, in place of ``max_steps``; None: as many as the
            steps make.
        batch_size: rows per step.
        learning_rate: the optimizer's, at its peak.
        optimizer: one of `OptimizerName`.
        hidden_units: widths of the hidden layers, first to last.
        dropout: share of hidden activations dropped in training, in [0, 1).
        l1: penalty on the sum of absolute weights; biases are free.
        l2: penalty on the sum of squared weights; biases are free.
        eval_every: steps between evaluations on the eval split; each writes a checkpoint.
        patience: evaluations without improvement after which training ends.
        seed: of the weights, the order of the rows and dropout.
        drop_features: patterns (``*``, ``?``, ``[...]``) of transformed outputs to leave out.
        data: which rows it is trained on, and what each counts.

    Raises:
        InputError: options out of range; it lists all of them.
    """

    # Chosen on the eval split of the flights example, over two seeds.
    model: ModelKind = "wide_deep"
    max_steps: int = 10_000
    epochs: int | None = None
    batch_size: int = 512
    learning_rate: float = 2e-3
    optimizer: OptimizerName = "adam"
    hidden_units: tuple[int, ...] = (128, 64)
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 1e-4
    eval_every: int = 500
    patience: int = 10
    seed: int = 0
    drop_features: tuple[str, ...] = ()
    data: DataOptions = field(default_factory=DataOptions)

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("training options: " + "; ".join(problems))

    def _problems(self) -> Iterator[Problem]:
        yield from choice("--model", self.model, get_args(ModelKind))
        yield from choice("--optimizer", self.optimizer, get_args(OptimizerName))
        for flag, count in (
            ("--max-steps", self.max_steps),
            ("--epochs", 1 if self.epochs is None else self.epochs),
            ("--batch-size", self.batch_size),
            ("--eval-every", self.eval_every),
            ("--patience", self.patience),
        ):
            if count < 1:
                yield Problem(flag, count, "less than one", "give a whole number from 1")
        if not self.hidden_units or min(self.hidden_units) < 1:
            yield Problem(
                "--hidden-units", self.hidden_units, "no layers of one unit or more",
                "give widths such as 128,64; --model linear has no hidden layers",
            )  # fmt: skip
        if not 0 < self.learning_rate < float("inf"):
            yield Problem("--learning-rate", self.learning_rate, "not above zero", "try 0.001")
        if not 0 <= self.dropout < 1:
            yield Problem("--dropout", self.dropout, "not a share below one", "try 0.1")
        for flag, penalty in (("--l1", self.l1), ("--l2", self.l2)):
            if not 0 <= penalty < float("inf"):
                yield Problem(flag, penalty, "not a penalty", "give zero or more")
        if not 0 <= self.seed < 2**31:
            yield Problem("--seed", self.seed, "out of range", "give a whole number below 2**31")
        yield from self.data.problems()


def train_options(args: argparse.Namespace) -> TrainOptions:
    """Returns the options that `add_train_arguments` parsed.

    Raises:
        InputError: options out of range.
    """
    names = TrainOptions.__dataclass_fields__.keys() - {"data"}
    values = {name: getattr(args, name) for name in names}
    values["drop_features"] = tuple(args.drop_features)
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
        "train runs/flights --fresh --drop-features '*_1h_by_*' --drop-features '*_3h_by_*'",
    )
    parser.add_argument("run", metavar="RUN", help="folder that `forebay preprocess` wrote")
    add_training_options(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="forget the checkpoint in RUN/training/; models stay"
    )
    parser.add_argument("--no-export", action="store_true", help="write no SavedModel")
    add_common(parser)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Adds an argument for every attribute of `TrainOptions`."""
    default = TrainOptions()
    _add_model_arguments(parser, default)
    _add_fit_arguments(parser, default)
    add_data_arguments(parser)


def _add_model_arguments(parser: argparse.ArgumentParser, default: TrainOptions) -> None:
    group = parser.add_argument_group("model")
    add = group.add_argument
    add("--model", choices=get_args(ModelKind), default=default.model, help=with_default("kind"))
    add(
        "--hidden-units", type=_widths, default=default.hidden_units, metavar="N,N",
        help=f"widths of the hidden layers (default: {','.join(map(str, default.hidden_units))})",
    )  # fmt: skip
    add(
        "--drop-features", action="append", default=[], metavar="PATTERN",
        help="leave out the transformed outputs that match, such as '*_1h_by_*'; repeatable",
    )  # fmt: skip
    add(
        "--dropout",
        type=float,
        default=default.dropout,
        metavar="SHARE",
        help=with_default("share"),
    )
    add("--l1", type=float, default=default.l1, help=with_default("penalty on absolute weights"))
    add("--l2", type=float, default=default.l2, help=with_default("penalty on squared weights"))


def _add_fit_arguments(parser: argparse.ArgumentParser, default: TrainOptions) -> None:
    group = parser.add_argument_group("training")
    add = group.add_argument
    length = group.add_mutually_exclusive_group()
    length.add_argument(
        "--max-steps", type=int, default=default.max_steps, metavar="N", help=with_default("steps")
    )
    length.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the rows, instead of a number of steps"
    )
    add(
        "--batch-size", type=int, default=default.batch_size, metavar="N",
        help=with_default("rows per step"),
    )  # fmt: skip
    add(
        "--learning-rate", type=float, default=default.learning_rate, metavar="RATE",
        help=with_default("peak rate; it falls to zero over --max-steps"),
    )  # fmt: skip
    add(
        "--optimizer", choices=get_args(OptimizerName), default=default.optimizer,
        help=with_default("optimizer"),
    )  # fmt: skip
    add(
        "--eval-every", type=int, default=default.eval_every, metavar="N",
        help=with_default("steps between evaluations, each with a checkpoint"),
    )  # fmt: skip
    add(
        "--patience", type=int, default=default.patience, metavar="N",
        help=with_default("evaluations without improvement before training ends"),
    )  # fmt: skip
    add("--seed", type=int, default=default.seed, metavar="N", help=with_default("random seed"))


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        message = f"{text!r} is not a list of widths; write such as 128,64"
        raise argparse.ArgumentTypeError(message) from None
