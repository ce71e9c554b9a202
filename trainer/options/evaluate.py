"""Arguments of ``evaluate``."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from forebay.console.arguments import add_common, add_run, choice, describe, help_of
from forebay.trainer.options.threshold import AIMS, ThresholdAim
from forebay.transforms.errors import InputError, Problem

SPLITS = ("train", "eval", "test")
DEFAULT_THRESHOLD = 0.5
DEFAULT_TOP_K = 3
DEFAULT_RESAMPLES = 1_000


@dataclass(frozen=True)
class EvaluateOptions:
    """What is evaluated, and how.

    Attributes:
        split: the split whose rows are measured.
        model: a model exported from this run, or a folder of them, of which the newest is taken;
            None: the best of the last training.
        threshold: probability from which a row counts as positive; None: as ``threshold_for``
            chooses, or else 0.5.
        threshold_for: what the threshold is chosen for, on the eval split.
        top_k: how many of the likeliest classes the right one is looked for among.
        slices: columns by whose values the metrics are shown; examples carry those of passthrough,
            of a baseline, and the ids of a feature.
        bootstrap: resamples of the rows, for central 95 % intervals of the metrics; None: none,
            but 1,000 with ``compare`` or ``bootstrap_by``.
        bootstrap_by: a column whose values are drawn, with all their rows, such as a day, whose
            rows are alike; None: single rows are.
        seed: the seed of the resamples.
        compare: another model exported from this run, a folder of them, or another run with the
            same rows: the differences are shown, paired row by row; None: none.

    Raises:
        InputError: options out of range; it lists all of them.
    """

    split: str = "test"
    model: str | None = None
    threshold: float | None = None
    threshold_for: ThresholdAim | None = None
    top_k: int = DEFAULT_TOP_K
    slices: tuple[str, ...] = ()
    bootstrap: int | None = None
    bootstrap_by: str | None = None
    seed: int = 0
    compare: str | None = None

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("evaluation options: " + "; ".join(problems))

    @property
    def resamples(self) -> int:
        """How many resamples are drawn; 0: there are no intervals."""
        if self.bootstrap is not None:
            return self.bootstrap
        return DEFAULT_RESAMPLES if self.bootstrap_by or self.compare else 0

    def _problems(self) -> Iterator[Problem]:
        yield from choice("--split", self.split, SPLITS)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            yield Problem("--threshold", self.threshold, "not a probability", "give 0 to 1")
        if self.threshold is not None and self.threshold_for is not None:
            yield Problem(
                "--threshold", self.threshold, f"--threshold-for {self.threshold_for} chooses one",
                "give one of the two",
            )  # fmt: skip
        if self.top_k < 1:
            yield Problem("--top-k", self.top_k, "less than one", "give a whole number from 1")
        if self.bootstrap is not None and self.bootstrap < 100:
            yield Problem(
                "--bootstrap", self.bootstrap, "too few for the tails of an interval",
                "give 100 or more, 1000 say",
            )  # fmt: skip
        if not 0 <= self.seed < 2**31:
            yield Problem("--seed", self.seed, "out of range", "give a whole number below 2**31")


def evaluate_options(args: argparse.Namespace) -> EvaluateOptions:
    """Returns the options that `add_evaluate_arguments` parsed.

    Raises:
        InputError: options out of range.
    """
    values = {name: getattr(args, name) for name in EvaluateOptions.__dataclass_fields__}
    aim = args.threshold_for
    values["threshold_for"] = None if aim is None else ThresholdAim.parse(aim)
    values["slices"] = tuple(dict.fromkeys(args.slices))
    return EvaluateOptions(**values)


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``evaluate``."""
    default = EvaluateOptions()
    describe(
        parser,
        "Measure a model on a whole split, beside the baselines; write RUN/evaluation/<split>.json "
        "and .png.",
        "runs/flights",
        "runs/flights --split eval --model runs/flights/model",
        "runs/late --threshold-for f1 --json",
        "runs/flights --slice carrier --slice hour --bootstrap-by flight_date",
        "runs/flights --compare runs/flights/model/1767225600",
    )
    add_run(parser)
    parser.add_argument(
        "--model", metavar="DIR",
        help=help_of(EvaluateOptions, "model"),
    )  # fmt: skip
    parser.add_argument(
        "--split", choices=SPLITS, default=default.split, help=help_of(EvaluateOptions, "split")
    )
    _add_threshold_arguments(parser, default)
    parser.add_argument(
        "--slice", dest="slices", action="append", default=[], metavar="COLUMN",
        help=help_of(EvaluateOptions, "slices", also="; repeatable"),
    )  # fmt: skip
    parser.add_argument(
        "--compare", metavar="DIR",
        help=help_of(EvaluateOptions, "compare"),
    )  # fmt: skip
    _add_bootstrap_arguments(parser, default)
    add_common(parser)


def _add_threshold_arguments(parser: argparse.ArgumentParser, default: EvaluateOptions) -> None:
    group = parser.add_argument_group("labels that are true or false, and classes")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--threshold", type=float, metavar="P",
        help=help_of(EvaluateOptions, "threshold"),
    )  # fmt: skip
    either.add_argument(
        "--threshold-for", metavar="AIM",
        help=help_of(EvaluateOptions, "threshold_for", also=f": {AIMS}"),
    )  # fmt: skip
    group.add_argument(
        "--top-k", type=int, default=default.top_k, metavar="K",
        help=help_of(EvaluateOptions, "top_k"),
    )  # fmt: skip


def _add_bootstrap_arguments(parser: argparse.ArgumentParser, default: EvaluateOptions) -> None:
    group = parser.add_argument_group("intervals")
    group.add_argument(
        "--bootstrap", type=int, metavar="N",
        help=help_of(EvaluateOptions, "bootstrap"),
    )  # fmt: skip
    group.add_argument(
        "--bootstrap-by", metavar="COLUMN",
        help=help_of(EvaluateOptions, "bootstrap_by"),
    )  # fmt: skip
    group.add_argument(
        "--seed", type=int, default=default.seed, metavar="N",
        help=help_of(EvaluateOptions, "seed"),
    )  # fmt: skip
