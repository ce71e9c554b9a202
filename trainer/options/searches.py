"""Where options of training are searched: said by the user, or chosen around a training's own."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.options.config_file import read_toml
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.train import ONE_SIDED, WITH_HIDDEN, TrainOptions
from forebay.transforms.errors import InputError

# Trials of different lengths, looked at at different steps or judged by different metrics could not
# be compared.
_SAME_IN_ALL = ("max_steps", "epochs", "eval_every", "eval_steps", "best_by", "patience", "seed")
# A range that spans this factor is searched by its logarithm.
_LOG_FACTOR = 10
# What is searched by default: rates from the own one's such share to so many times of it, as well
# as its batch, penalty, dropout and layers these.
RATES, BATCHES, PENALTIES, DROPOUTS = (1 / 30, 10), (128, 256, 512, 1024), (1e-7, 1e-2), (0.0, 0.3)
LAYERS = ((64, 32), (128, 64), (256, 128), (256, 128, 64))


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
        return searchable()[self.option] is int

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
        option, values, kinds = words[0].lstrip("-").replace("-", "_"), words[1:], searchable()
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


def searchable() -> dict[str, Callable[[str], Any]]:
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


def default_searches(own: ChosenOptions) -> tuple[Search, ...]:
    """Returns what is searched where nobody says: places in which a training's own options lie.

    Layers and dropout are not searched for a linear model, which has none; nor the penalty where
    there is to be none, nor the batch where evaluations measure so many batches.
    """
    low, high = (float(f"{share * own.learning_rate:.2g}") for share in RATES)
    found = [Search("learning_rate", low=low, high=high)]
    if own.eval_steps is None:
        found.append(Search("batch_size", tuple(sorted({*BATCHES, own.batch_size}))))
    if own.l2:
        found.append(_around("l2", own.l2, *PENALTIES))
    if own.model != "linear":
        found.append(_around("dropout", own.dropout, *DROPOUTS))
        layers = LAYERS if own.hidden_units in LAYERS else (*LAYERS, own.hidden_units)
        found.append(Search("hidden_units", layers))
    return tuple(found)


def _around(option: str, own: float, low: float, high: float) -> Search:
    return Search(option, low=min(low, own), high=max(high, own))


def combined(base: TrainOptions, values: Mapping[str, Any]) -> TrainOptions:
    """Returns options with some values in the place of theirs.

    Where the model is among these, what it has no place for is left out.

    Raises:
        InputError: they don't go together.
    """
    left_out = dict.fromkeys(no_place(values["model"])) if "model" in values else {}
    return replace(base, **{**values, **left_out})


def no_place(model: str) -> tuple[str, ...]:
    """Returns the options that a model has no place for: members, or the optimizer of a side."""
    of_members = () if model in WITH_HIDDEN else ("members",)
    of_sides = ("wide_optimizer", "wide_learning_rate") if model in ONE_SIDED else ()
    return of_members + of_sides


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
