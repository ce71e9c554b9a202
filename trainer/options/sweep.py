"""Arguments of ``sweep``: which training options are searched, and where."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from forebay.console.arguments import add_common, add_run, describe, help_of
from forebay.trainer.options.choose import Table, choose
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.searches import (
    BATCHES,
    DROPOUTS,
    LAYERS,
    PENALTIES,
    Search,
    combined,
    default_searches,
    given_searches,
    no_place,
)
from forebay.trainer.options.train import TrainOptions
from forebay.trainer.options.train_arguments import add_training_options, train_options
from forebay.transforms.errors import InputError, Problem

# What is searched by default where nobody has looked at the table goes by such a one: its trainings
# are as long as any, so that no warm-up that suits another is refused.
_SOME_TABLE = Table(10_000_000, 30, "regression")


@dataclass(frozen=True)
class SweepOptions:
    """What is searched, and how long.

    Attributes:
        train: the options of all trials, but for those that are searched.
        search: what is searched; empty: what `default_searches` says.
        trials: trainings in all, those of an interrupted sweep included.
        seed: the seed of the search; the trainings have their own.
        blocks: blocks of time within train that trials are compared on, each predicted by a model
            of the rows before it, instead of on the eval split; None: on that.
        block_by: the column that orders rows for ``blocks``, an instant or a day among those that
            the definition carries; None: the row time, or the first that there is.

    Raises:
        InputError: options out of range; it lists all of them.
    """

    train: TrainOptions = field(default_factory=TrainOptions)
    search: tuple[Search, ...] = ()
    trials: int = 20
    seed: int = 0
    blocks: int | None = None
    block_by: str | None = None

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("sweep options: " + "; ".join(problems))
        for values in self._trials():
            combined(self.train, values)

    @property
    def searches(self) -> tuple[Search, ...]:
        """What is searched; where nobody says, around the options for some table or other."""
        return self.search or default_searches(choose(self.train, _SOME_TABLE).options)

    def _trials(self) -> Iterator[dict[str, Any]]:
        """Yields values of which, if they are allowed, those of all trials are.

        Each two options go together or don't; what goes together with a model is one model's.
        """
        others = [search for search in self.search if search.option != "model"]
        for model in self.models or (None,):
            fixed = {} if model is None else {"model": model}
            for pair in combinations(others, 2) if len(others) > 1 else [others]:
                for values in product(*(search.examples() for search in pair)):
                    yield {**fixed, **{s.option: v for s, v in zip(pair, values, strict=True)}}

    @property
    def models(self) -> tuple[str, ...]:
        """The models searched, if any are."""
        return next((search.choices for search in self.search if search.option == "model"), ())

    def _problems(self) -> Iterator[Problem]:
        if self.trials < 1:
            yield Problem("--trials", self.trials, "less than one", "give a whole number from 1")
        if not 0 <= self.seed < 2**31:
            yield Problem(
                "--sweep-seed", self.seed, "out of range", "give a whole number below 2**31"
            )
        if self.blocks is not None and self.blocks < 1:
            yield Problem("--blocks", self.blocks, "less than one", "give a whole number from 1")
        if self.blocks is None and self.block_by is not None:
            yield Problem("--block-by", self.block_by, "there are no blocks", "give --blocks, too")
        if self.blocks is not None and self.train.best_by is not None:
            yield Problem(
                "--best-by", self.train.best_by, "blocks are compared by their loss", "leave it out"
            )
        if self.blocks is not None and self.train.eval_steps is not None:
            yield Problem(
                "--eval-steps", self.train.eval_steps, "blocks are measured whole", "leave it out"
            )
        names = [search.option for search in self.search]
        if self.train.eval_steps is not None and "batch_size" in names:
            yield Problem(
                "--eval-steps", self.train.eval_steps, "trials would be measured on as many "
                "batches of other sizes, so on other rows", "leave it out, or search no batch-size",
            )  # fmt: skip
        for name in names:
            if self.models and all(name in no_place(model) for model in self.models):
                yield Problem(
                    "--search", name, f"neither {' nor '.join(self.models)} has any",
                    "leave it out, or search other models",
                )  # fmt: skip
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Problem("--search", name, "searched twice", "give all its values at once")


def sweep_options(args: argparse.Namespace) -> SweepOptions:
    """Returns the options that `add_sweep_arguments` parsed.

    Raises:
        InputError: options out of range.
    """
    return SweepOptions(
        train_options(args), given_searches(args.search, args.searches), args.trials,
        args.sweep_seed, args.blocks, args.block_by,
    )  # fmt: skip


def add_sweep_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``sweep``."""
    describe(
        parser,
        "Train again and again with other options, compare the trials on the eval split, and "
        "write RUN/sweep/: a table, a picture and the best options. A killed sweep continues where "
        "it was. The test split is not read.",
        "runs/flights --trials 20 --max-steps 2000",
        "runs/flights --search learning-rate 1e-4..1e-2 --search hidden-units 64,32 128,64",
        "runs/flights --blocks 4 --trials 2 --search dropout 0.2 0.4",
        "runs/flights --model linear --search optimizer adam ftrl --search l1 1e-7..1e-2",
    )
    add_run(parser)
    default = SweepOptions()
    group = add_search_arguments(parser)
    group.add_argument(
        "--sweep-seed", type=int, default=default.seed, metavar="N",
        help=help_of(SweepOptions, "seed"),
    )  # fmt: skip
    group.add_argument(
        "--blocks", type=int, metavar="N", help=help_of(SweepOptions, "blocks"),
    )  # fmt: skip
    group.add_argument("--block-by", metavar="COLUMN", help=help_of(SweepOptions, "block_by"))
    group.add_argument("--fresh", action="store_true", help="forget the trials in RUN/sweep/")
    add_training_options(parser)
    add_common(parser)


def add_search_arguments(parser: argparse.ArgumentParser) -> Any:
    """Adds what is searched and how long; returns the group of these arguments."""
    default = SweepOptions()
    group = parser.add_argument_group("search")
    group.add_argument(
        "--trials", type=int, default=default.trials, metavar="N",
        help=help_of(SweepOptions, "trials"),
    )  # fmt: skip
    group.add_argument(
        "--search", action="append", nargs="+", default=[], metavar=("OPTION", "VALUES"),
        help="an option of `forebay train` and where to search it: LOW..HIGH, or values one after "
        f"another; repeatable (default: {_default_words()})",
    )  # fmt: skip
    group.add_argument(
        "--searches", metavar="FILE",
        help='a TOML file of what is searched, such as learning-rate = "1e-4..1e-2"; beside it '
        "--search adds more",
    )  # fmt: skip
    return group


def _default_words() -> str:
    """Says what is searched by default."""
    batches, layers = (" ".join(map(as_text, values)) for values in (BATCHES, LAYERS))
    return (
        "learning-rate, a thirtieth to ten times its own; "
        f"batch-size, its own and {batches}; l2 {_range(PENALTIES)}; dropout {_range(DROPOUTS)}; "
        f"hidden-units {layers}"
    )


def _range(bounds: tuple[float, float]) -> str:
    return "..".join(f"{bound:g}" for bound in bounds)
