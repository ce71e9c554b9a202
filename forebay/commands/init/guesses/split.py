"""Which rows train, evaluate and test."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forebay.commands.init.guesses.column_facts import ColumnFacts, share
from forebay.commands.init.guesses.guessed_column import GuessedColumn
from forebay.commands.init.guesses.names import is_name_of
from forebay.commands.init.guesses.roles import is_free_text, is_identity
from forebay.commands.init.guesses.times import Int64Array, RowTime
from forebay.transforms.definition.columns import Date, Integer, String, Timestamp
from forebay.transforms.definition.splits import HashSplit, RandomSplit, TimeSplit
from forebay.transforms.instants import instant, moment

# The shares of train, eval and test.
_PARTS = np.array([0.8, 0.1, 0.1])
# With fewer values a split by hash is uneven, or leaves a part empty.
_FEWEST_VALUES = 50
_DAY_US = 86_400_000_000
# Bounds are rounded to days, or hours, where that moves them by little: each part keeps this much.
_LEAST = 0.5
_ROUNDINGS = (_DAY_US, _DAY_US // 24)
_SPAN_IN_UNITS = 30


@dataclass(frozen=True)
class SplitGuess:
    """A split.

    Attributes:
        split: the split.
        reason: why this one.
    """

    split: HashSplit | TimeSplit | RandomSplit
    reason: str


def time_split(row_time: RowTime) -> SplitGuess:
    """Puts the last tenth of the rows into test, the tenth before into eval, as near as may be.

    Rows of one instant stay together, and each part has some.
    """
    us = np.sort(row_time.us[row_time.known])
    instants, before = np.unique(us, return_index=True)
    train, held = np.cumsum(_PARTS[:2]) * len(us)
    i = 1 + int(np.argmin(np.abs(before[1:-1] - train)))
    j = i + 1 + int(np.argmin(np.abs(before[i + 1 :] - held)))
    bounds = instants[[i, j]]
    span = int(us[-1] - us[0])
    unit = next(
        (
            unit
            for unit in _ROUNDINGS
            if span >= _SPAN_IN_UNITS * unit
            and (_parts(us, bounds // unit * unit) >= _LEAST * _PARTS).all()
        ),
        1,
    )
    bounds = bounds // unit * unit
    eval_from, test_from = (_text(bound, unit) for bound in bounds.tolist())
    parts = _parts(us, bounds).tolist()
    return SplitGuess(
        TimeSplit(eval_from=eval_from, test_from=test_from),
        f"by {row_time.reading.name}, as the model will be used: the first {share(parts[0])} "
        f"train, the last {share(parts[-1])} test",
    )


def _parts(us: Int64Array, bounds: Int64Array) -> npt.NDArray[np.float64]:
    """Returns which share of the rows, in order of time, is in each part, float64 (3,)."""
    return np.diff([0, *np.searchsorted(us, bounds), len(us)]) / len(us)


def _text(us: int, unit: int) -> str:
    return str(moment(us).date()) if unit == _DAY_US else instant(us)


def hash_split(
    readings: Mapping[str, GuessedColumn], facts: Mapping[str, ColumnFacts], label: str
) -> SplitGuess:
    """Keeps the rows of one person or the like together, or takes an identity of the rows."""
    keys = [
        name
        for name, reading in readings.items()
        if isinstance(reading.column, String | Integer | Date | Timestamp)
        and name != label
        and not facts[name].missing
        and facts[name].distinct >= _FEWEST_VALUES
        and not is_free_text(reading, facts[name])
    ]
    entities = [
        n for n in keys if is_name_of(n, "entity") and 2 * facts[n].distinct <= facts[n].rows
    ]
    if entities:
        name = entities[0]
        each = facts[name].rows / facts[name].distinct
        return SplitGuess(
            HashSplit(name),
            f"by hash, as no column of times was found; the rows of one {name} ({each:,.0f} on "
            "average) stay together",
        )
    identities = [name for name in keys if is_identity(readings[name], facts[name])]
    if identities:
        return SplitGuess(
            HashSplit(identities[0]),
            f"by hash, as no column of times was found: {identities[0]} has its own value in "
            "nearly every row",
        )
    return SplitGuess(
        RandomSplit(), "at random, as no column of times and no key was found: equal rows stay "
        "together",
    )  # fmt: skip
