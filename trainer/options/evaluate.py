"""Arguments of ``evaluate``."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from forebay.console.arguments import add_common, choice, describe, with_default
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
        split: ``train``, ``eval`` or ``test``.
        model: an exported model's folder, or a folder of them; None: the last training's best.
        threshold: probability from which a row counts as positive; None: as `threshold_for`
            chooses, or else `DEFAULT_THRESHOLD`.
        threshold_for: what the threshold is chosen for, on the eval split.
        top_k: among how many of the likeliest classes the right one is looked for.
        slices: columns by whose values the metrics are shown.
        bootstrap: resamples for intervals; None: none, but `DEFAULT_RESAMPLES` where models are
            compared or `bootstrap_by` is set.
        bootstrap_by: a column whose values are drawn, all their rows together; None: rows are.
        seed: the seed of the resamples.
        compare: another model, or a run whose model it is, measured on the same rows.

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
        "evaluate runs/flights",
        "evaluate runs/flights --split eval --model runs/flights/model",
        "evaluate runs/late --threshold-for f1 --json",
        "evaluate runs/flights --slice carrier --slice hour --bootstrap-by flight_date",
        "evaluate runs/flights --compare runs/flights/model/1767225600",
    )
    parser.add_argument("run", metavar="RUN", help="folder that `forebay preprocess` wrote")
    parser.add_argument(
        "--model", metavar="DIR",
        help="a model exported from this run, or a folder of them, of which the newest is taken "
        "(default: the best of the last training)",
    )  # fmt: skip
    parser.add_argument("--split", choices=SPLITS, default=default.split, help=with_default("rows"))
    _add_threshold_arguments(parser, default)
    parser.add_argument(
        "--slice", dest="slices", action="append", default=[], metavar="COLUMN",
        help="show the metrics by the values of a column that the examples carry: passthrough, a "
        "baseline, or the ids of a feature; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--compare", metavar="DIR",
        help="another model exported from this run, a folder of them, or another run with the same "
        "rows: the differences are shown, paired row by row",
    )  # fmt: skip
    _add_bootstrap_arguments(parser, default)
    add_common(parser)


def _add_threshold_arguments(parser: argparse.ArgumentParser, default: EvaluateOptions) -> None:
    group = parser.add_argument_group("labels that are true or false, and classes")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--threshold", type=float, metavar="P",
        help=f"probability from which a row counts as positive (default: {DEFAULT_THRESHOLD})",
    )  # fmt: skip
    either.add_argument(
        "--threshold-for", metavar="AIM",
        help=f"choose the threshold on the eval split for {AIMS}: costs of a false positive and "
        "of a false negative",
    )  # fmt: skip
    group.add_argument(
        "--top-k", type=int, default=default.top_k, metavar="K",
        help=with_default("look for the right class among the K likeliest"),
    )  # fmt: skip


def _add_bootstrap_arguments(parser: argparse.ArgumentParser, default: EvaluateOptions) -> None:
    group = parser.add_argument_group("intervals")
    group.add_argument(
        "--bootstrap", type=int, metavar="N",
        help="show central 95 %% intervals of the metrics, over N resamples of the rows "
        f"(default: {DEFAULT_RESAMPLES:,} with --compare or --bootstrap-by, else none)",
    )  # fmt: skip
    group.add_argument(
        "--bootstrap-by", metavar="COLUMN",
        help="draw the values of this column, with all their rows, instead of single rows: a day, "
        "say, whose rows are alike",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=int, default=default.seed, metavar="N",
        help=with_default("of the resamples"),
    )  # fmt: skip
