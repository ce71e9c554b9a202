"""Arguments of ``lr-find``."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

from forebay.console.arguments import add_common, add_run, describe, help_of
from forebay.trainer.options.train import TrainOptions
from forebay.trainer.options.train_arguments import add_training_options, train_options
from forebay.transforms.errors import InputError, Problem

# Where nobody says how far rates go, they go as far as this at the least.
LEAST_HIGHEST = 1.0
# Options of training that say nothing where each step has a rate of its own, and nothing is
# evaluated. A file may have them; there are no flags.
WITHOUT = (
    "learning_rate", "wide_learning_rate", "schedule", "warmup_steps", "decay_rate", "decay_every",
    "decay_at", "max_steps", "epochs", "ema_momentum", "eval_every", "eval_steps", "best_by",
    "patience",
)  # fmt: skip


@dataclass(frozen=True)
class FindRateOptions:
    """Which learning rates are tried, on which model.

    Attributes:
        train: the options of the model and its optimizers; those of `WITHOUT` are not used.
        lowest: the rate of the first step.
        highest: the rate of the last step; None: 30 times the optimizer's default, or 1 where that
            is less.
        steps: how many steps are taken, unless the loss diverges before.

    Raises:
        InputError: options out of range; it lists all of them.
    """

    train: TrainOptions = field(default_factory=TrainOptions)
    lowest: float = 1e-6
    highest: float | None = None
    steps: int = 300

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("options of lr-find: " + "; ".join(problems))

    def _problems(self) -> Iterator[Problem]:
        highest = LEAST_HIGHEST if self.highest is None else self.highest
        if not 0 < self.lowest < highest < float("inf"):
            yield Problem(
                "--lowest", self.lowest, f"not between zero and --highest {highest:g}",
                "give such as --lowest 1e-6 --highest 1",
            )  # fmt: skip
        if self.steps < 50:
            yield Problem("--steps", self.steps, "too few to see a slope", "give 50 or more")


def find_rate_options(args: argparse.Namespace) -> FindRateOptions:
    """Returns the options that `add_find_rate_arguments` parsed.

    Raises:
        InputError: options out of range.
    """
    return FindRateOptions(train_options(args), args.lowest, args.highest, args.steps)


def add_find_rate_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``lr-find``."""
    default = FindRateOptions()
    describe(
        parser,
        "Train for some hundred steps while the learning rate grows from step to step, and see "
        "where the loss falls and where it diverges. Writes RUN/learning-rate/rates.json and .png; "
        "no model and no checkpoint.",
        "runs/flights",
        "runs/flights --optimizer sgd --lowest 1e-4 --highest 100",
    )
    add_run(parser)
    group = parser.add_argument_group("rates")
    group.add_argument(
        "--lowest", type=float, default=default.lowest, metavar="RATE",
        help=help_of(FindRateOptions, "lowest"),
    )  # fmt: skip
    group.add_argument(
        "--highest", type=float, default=default.highest, metavar="RATE",
        help=help_of(FindRateOptions, "highest"),
    )  # fmt: skip
    group.add_argument(
        "--steps",
        type=int,
        default=default.steps,
        metavar="N",
        help=help_of(FindRateOptions, "steps"),
    )
    add_training_options(parser, without=WITHOUT)
    add_common(parser)
