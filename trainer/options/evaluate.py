"""Arguments of ``evaluate``."""

import argparse
from dataclasses import dataclass

from trainer.options.arguments import add_common, choice, describe, with_default
from transforms.errors import InputError, Problem

SPLITS = ("train", "eval", "test")


@dataclass(frozen=True)
class EvaluateOptions:
    """What is evaluated, and how.

    Attributes:
        split: ``train``, ``eval`` or ``test``.
        model: an exported model's folder, or a folder of them; None: the last training's best.
        threshold: probability from which a row counts as positive.

    Raises:
        InputError: options out of range.
    """

    split: str = "test"
    model: str | None = None
    threshold: float = 0.5

    def __post_init__(self) -> None:
        problems = list(choice("--split", self.split, SPLITS))
        if not 0 <= self.threshold <= 1:
            problems.append(
                Problem("--threshold", self.threshold, "not a probability", "give 0 to 1")
            )
        if problems:
            raise InputError("evaluation options: " + "; ".join(map(str, problems)))


def evaluate_options(args: argparse.Namespace) -> EvaluateOptions:
    """Returns the options that `add_evaluate_arguments` parsed.

    Raises:
        InputError: options out of range.
    """
    return EvaluateOptions(split=args.split, model=args.model, threshold=args.threshold)


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``evaluate``."""
    default = EvaluateOptions()
    describe(
        parser,
        "Measure a model on a whole split, beside the baselines; write RUN/evaluation/<split>.json "
        "and .png.",
        "evaluate runs/flights",
        "evaluate runs/flights --split eval --model runs/flights/model",
        "evaluate runs/late --threshold 0.3 --json",
    )
    parser.add_argument("run", metavar="RUN", help="folder that `forebay preprocess` wrote")
    parser.add_argument(
        "--model", metavar="DIR",
        help="a model exported from this run, or a folder of them, of which the newest is taken "
        "(default: the best of the last training)",
    )  # fmt: skip
    parser.add_argument("--split", choices=SPLITS, default=default.split, help=with_default("rows"))
    parser.add_argument(
        "--threshold", type=float, default=default.threshold, metavar="P",
        help=with_default("probability from which a row counts as positive"),
    )  # fmt: skip
    add_common(parser)
