"""A window to think about: the label's past by a key, long enough to hold some rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forebay.commands.init.guesses.column_facts import ColumnFacts
from forebay.commands.init.guesses.features import Suggestion
from forebay.commands.init.guesses.guessed_column import GuessedColumn
from forebay.commands.init.guesses.names import has_word, is_name_of
from forebay.commands.init.guesses.times import RowTime
from forebay.console.words import counted
from forebay.transforms.definition.columns import Integer, Number, String
from forebay.transforms.definition.features import Categorical
from forebay.transforms.definition.windows.operators import count, mean
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.durations import duration_us

_LENGTHS = ("1h", "6h", "1d", "7d", "28d", "91d", "364d")
_ROWS_IN_WINDOW = 5
# Fewer will do where the name says that something has a past: a customer.
_FEWEST_ROWS_PER_KEY, _FEWEST_ROWS_OF_ONE = 20, 5
_SHOWN_KEYS = 5


@dataclass(frozen=True)
class WindowGuess:
    """A window.

    Attributes:
        windowed: the window.
        reason: what to know before it is used.
    """

    windowed: Windowed
    reason: str


def guess_window(
    readings: Mapping[str, GuessedColumn],
    facts: Mapping[str, ColumnFacts],
    label: str,
    row_time: RowTime,
    suggestions: Sequence[Suggestion],
    sampled: float,
) -> WindowGuess | None:
    """Makes a window over the label by the key that most rows share.

    Args:
        readings: the columns.
        facts: what the sample shows of them.
        label: what is predicted.
        row_time: the time of the rows.
        suggestions: what is made of the columns: keys are categories.
        sampled: the share of the rows that the sample is.
    """
    categories = [f.column for s in suggestions for f in s.features if isinstance(f, Categorical)]
    keys = [
        str(name)
        for name in categories
        if isinstance(readings[str(name)].column, String | Integer)
        and not has_word(str(name), "calendar")
        and _each(facts[str(name)]) >= _fewest_rows(str(name))
    ]
    if not keys:
        return None
    keys.sort(key=lambda name: (not is_name_of(name, "entity"), not is_name_of(name, "thing"),
                                not isinstance(readings[name].column, String)))  # fmt: skip
    key = keys[0]
    span_us = max(1, int(np.ptp(row_time.us[row_time.known])))
    per_us = facts[key].rows / sampled / facts[key].distinct / span_us
    length = next(
        (text for text in _LENGTHS if duration_us(text) * per_us >= _ROWS_IN_WINDOW), _LENGTHS[-1]
    )
    value = label if isinstance(readings[label].column, Number | Integer) else None
    known_at = row_time.ends[0] if row_time.ends else None
    windowed = Windowed(
        value, key=key, over=length, ops=[mean(), count()] if value else count(),
        available_at=known_at,
    )  # fmt: skip
    expected = duration_us(length) * per_us
    return WindowGuess(windowed, _reason(keys, facts, expected, known_at))


def _each(facts: ColumnFacts) -> float:
    return facts.rows / facts.distinct


def _fewest_rows(name: str) -> int:
    has_past = is_name_of(name, "entity") or is_name_of(name, "thing")
    return _FEWEST_ROWS_OF_ONE if has_past else _FEWEST_ROWS_PER_KEY


def _reason(
    keys: Sequence[str], facts: Mapping[str, ColumnFacts], expected: float, known_at: str | None
) -> str:
    shown = ", ".join(
        f"{key} ({counted(facts[key].distinct, 'value')})" for key in keys[:_SHOWN_KEYS]
    )
    known = (
        f"{known_at} comes later in most rows and may be when."
        if known_at
        else "no column of times comes later, so derive one that does."
    )
    return (
        f"Windows over the rows before a row's time tell most about tables of events. Candidates "
        f"for their key: {shown}. The one below would hold some {expected:,.0f} rows on average. "
        f"Say in available_at= when a value is known: {known}"
    )
