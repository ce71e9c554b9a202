"""Arguments of ``sweep``: which training options are searched, and where."""

import argparse
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from forebay.console.arguments import add_common, add_run, describe, help_of
from forebay.trainer.options.config_file import read_toml
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.train import TrainOptions
from forebay.trainer.options.train_arguments import add_training_options, train_options
from forebay.transforms.errors import InputError, Problem

DEFAULT_SEARCH = (
    ("learning-rate", "1e-4..3e-2"),
    ("batch-size", "128", "256", "512", "1024"),
    ("l2", "1e-7..1e-2"),
    ("dropout", "0..0.3"),
    ("hidden-units", "64,32", "128,64", "256,128", "256,128,64"),
)
# What a linear model has none of.
_DEEP_ONLY = ("dropout", "hidden_units", "members")
# Trials of different lengths, or looked at at different steps, could not be compared.
_SAME_IN_ALL = ("max_steps", "epochs", "eval_every", "eval_steps", "patience", "seed")
# A range that spans this factor is searched by its logarithm.
_LOG_FACTOR = 10


@dataclass(frozen=True)
class Search:
    """Where one training option is searched: in a range, or among choices.

    Attributes:
        option: the name of a `TrainOptions` attribute.
        choices: the values to choose from; empty: the range.
        low: the range's least value.
        high: its greatest.
    """

    option: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether a range is of whole numbers."""
        return _kinds()[self.option] is int

    @property
    def log(self) -> bool:
        """Whether a range is searched by its logarithm."""
        return self.low > 0 and self.high >= _LOG_FACTOR * self.low

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Search":
        """Reads what follows ``--search``: an option, then ``LOW..HIGH`` or choices.

        Raises:
            InputError: there is no such option, or its values are not of its kind.
        """
        option, values, kinds = words[0].lstrip("-").replace("-", "_"), words[1:], _kinds()
        if option not in kinds:
            names = ", ".join(name.replace("_", "-") for name in kinds)
            raise InputError(f"--search {words[0]}: no option to search; there are {names}")
        kind = kinds[option]
        try:
            if len(values) == 1 and ".." in values[0]:
                low, high = (_number(text) for text in values[0].split(".."))
                if kind in (int, float) and low < high:
                    return cls(option, low=low, high=high)
            elif len(values) > 1:
                return cls(option, choices=tuple(kind(text) for text in values))
        except ValueError:
            pass
        raise InputError(
            f"--search {' '.join(words)}: not a range LOW..HIGH of a number, nor two or more "
            "values; write such as --search learning-rate 1e-4..1e-2, or --search hidden-units "
            "64,32 128,64"
        )

    def examples(self) -> tuple[Any, ...]:
        """Returns values of which, if they are allowed, all are."""
        if self.choices:
            return self.choices
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)


def _kinds() -> dict[str, Callable[[str], Any]]:
    """Returns how a value of each option is read that can be searched."""
    read: dict[str, Callable[[str], Any]] = {}
    for one in fields(TrainOptions):
        parts = [kind for kind in get_args(one.type) if kind is not NoneType]
        kind: Any = parts[0] if get_origin(one.type) in (Union, UnionType) else one.type
        if one.name in _SAME_IN_ALL:
            continue
        if kind in (int, float, str):
            read[one.name] = kind
        elif get_origin(kind) is Literal:
            read[one.name] = str
        elif kind == tuple[int, ...]:
            read[one.name] = _whole_numbers
    return read


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


@dataclass(frozen=True)
class SweepOptions:
    """What is searched, and how long.

    Attributes:
        train: the options of all trials, but for those that are searched.
        search: what is searched; empty: `DEFAULT_SEARCH`.
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
        for search in self.searches:
            for value in search.examples():
                replace(self.train, **{search.option: value})

    @property
    def searches(self) -> tuple[Search, ...]:
        """What is searched, the default where nothing else is said."""
        if self.search:
            return self.search
        default = tuple(Search.parse(words) for words in DEFAULT_SEARCH)
        left_out = _DEEP_ONLY if self.train.model == "linear" else ()
        return tuple(search for search in default if search.option not in left_out)

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
        names = [search.option for search in self.search]
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


def given_searches(search: Iterable[Sequence[str]], path: str | None) -> tuple[Search, ...]:
    """Returns what is searched, of a file and of flags.

    Args:
        search: the words that follow each ``--search``.
        path: a TOML file of the same; None: none.

    Raises:
        InputError: the file cannot be read, or there is no such option or value.
    """
    words = [*(_read_searches(path) if path is not None else ()), *search]
    return tuple(map(Search.parse, words))


def _read_searches(path: str) -> Iterator[list[str]]:
    """Reads a file of searches: an option's name, and a range or a list of values."""
    for name, values in read_toml("--searches", path, 'learning-rate = "1e-4..1e-2"').items():
        several = values if isinstance(values, list) else [values]
        yield [name, *(as_text(value) for value in several)]


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
    default_search = "; ".join(" ".join(words) for words in DEFAULT_SEARCH)
    group.add_argument(
        "--search", action="append", nargs="+", default=[], metavar=("OPTION", "VALUES"),
        help="an option of `forebay train` and where to search it: LOW..HIGH, or values one after "
        f"another; repeatable (default: {default_search})",
    )  # fmt: skip
    group.add_argument(
        "--searches", metavar="FILE",
        help='a TOML file of what is searched, such as learning-rate = "1e-4..1e-2"; beside it '
        "--search adds more",
    )  # fmt: skip
    return group
