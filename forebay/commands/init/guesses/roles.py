"""Which columns are not features: identities, free text, and what is known only with the label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forebay.commands.check.checks.label_evidence import (
    closeness,
    filled_cells,
    missing_together,
    targets_of,
    telling_rows,
)
from forebay.commands.init.guesses.column_facts import ColumnFacts
from forebay.commands.init.guesses.guessed_column import GuessedColumn
from forebay.commands.init.guesses.names import (
    has_word,
    is_name_of_something,
    without,
    words_of,
)
from forebay.transforms.definition.columns import Boolean, Column, Integer, Number, String
from forebay.transforms.definition.labels import Label
from forebay.transforms.parsing.casts import to_mask

_IDENTITY_SHARE = 0.95
_FEWEST_ROWS = 20
# Whole numbers are identities where they are numbered through, or where so many never repeat.
_DENSE, _MANY = 3, 1_000
_TEXT_WORDS, _TEXT_CHARACTERS, _TEXT_SHARE = 4, 60, 0.2
_SPLITS = frozenset(
    ("train", "training", "test", "testing", "eval", "evaluation", "val", "valid", "validation",
     "dev", "holdout", "hold-out", "hold_out", "oot", "unused")
)  # fmt: skip
_MOST_SPLITS = 20
_SPLIT_NAMES = (["train"], ["training"], ["holdout"], ["is", "train"], ["is", "test"])
# A row with fewer of the cells than this share of the median row's is all but empty.
_FILLED = 0.5
_DEGREES = {"latitude": 90.0, "longitude": 180.0}


def is_identity(reading: GuessedColumn, facts: ColumnFacts) -> bool:
    """Tells whether a column names its row: nearly every value occurs once."""
    share = facts.distinct / max(1, facts.rows)
    if facts.rows < _FEWEST_ROWS or share < _IDENTITY_SHARE or is_free_text(reading, facts):
        return False
    if isinstance(reading.column, String):
        return True
    if not isinstance(reading.column, Integer):
        return False
    span = int(facts.greatest) - int(facts.least) + 1  # type: ignore[call-overload]
    numbered = span <= _DENSE * facts.rows and _follows(reading)
    return is_name_of_something(reading.name) or numbered or facts.rows >= _MANY


def is_own_split(reading: GuessedColumn, facts: ColumnFacts) -> bool:
    """Tells whether a column says which rows the table's owner trained and tested on."""
    if not 1 < facts.distinct <= _MOST_SPLITS:
        return False
    if isinstance(reading.column, String):
        return all(
            str(v).strip().lower() in _SPLITS for v in reading.values.drop_null().to_pylist()
        )
    named = has_word(reading.name, "split") or words_of(reading.name) in _SPLIT_NAMES
    return isinstance(reading.column, Integer | Boolean) and named


def is_free_text(reading: GuessedColumn, facts: ColumnFacts) -> bool:
    """Tells whether a column is written for people: many words, seldom the same ones."""
    wordy = facts.words >= _TEXT_WORDS or facts.characters >= _TEXT_CHARACTERS
    seldom = facts.distinct > _TEXT_SHARE * facts.rows
    return isinstance(reading.column, String) and wordy and seldom


def _follows(reading: GuessedColumn) -> bool:
    """Tells whether each number exceeds the one above it, a few apart."""
    values = reading.of_rows().drop_null().to_numpy()
    return bool(np.mean(np.diff(values) > 0) > _IDENTITY_SHARE)


class LabelTies:
    """Says which columns are probably known only with the label, as `forebay check` would."""

    def __init__(self, readings: Mapping[str, GuessedColumn], label: Label) -> None:
        self._label = label
        values = readings[label.column].of_rows()
        targets = targets_of(label, values)
        self._known = np.isfinite(targets[0])
        self._targets = [target[self._known] for target in targets]
        missing = {
            name: ~to_mask(reading.of_rows().is_valid()) for name, reading in readings.items()
        }
        self._filled = filled_cells(missing, label.column)

    def of(self, reading: GuessedColumn, *, is_category: bool) -> str | None:
        """Says why a column is probably known only with the label; None where nothing says so."""
        values, label = reading.of_rows(), self._label.column
        missing = ~to_mask(values.is_valid())
        together = missing_together(
            missing, ~self._known, telling_rows(self._filled - ~missing, _FILLED)
        )
        if together is not None and together.is_subset:
            where = together.where.replace("the label", label)
            return f"missing {where}, so probably known only with it"
        return self.of_values(values, reading.column, is_category=is_category)

    def of_values(self, values: pa.Array, kind: Column, *, is_category: bool) -> str | None:
        """Says that values, one a row, give the label away; None where they do not."""
        near = closeness(
            values.filter(pa.array(self._known)), kind, self._label, self._targets,
            is_category=is_category,
        )  # fmt: skip
        if not near.gives_away:
            return None
        return f"nearly the same as {self._label.column} ({near.score.name} {near.score.value:.4f})"


@dataclass(frozen=True)
class Place:
    """Two columns that together are a place on Earth, in degrees.

    Attributes:
        name: what their names have in common: pickup; empty where nothing.
    """

    name: str
    latitude: str
    longitude: str


def find_places(
    readings: Mapping[str, GuessedColumn], facts: Mapping[str, ColumnFacts]
) -> list[Place]:
    """Finds pairs of columns named as latitude and longitude whose values are degrees."""
    found = {
        meaning: {without(name, meaning): name for name, reading in readings.items()
                  if has_word(name, meaning) and _is_degrees(reading, facts[name], limit)}
        for meaning, limit in _DEGREES.items()
    }  # fmt: skip
    latitudes, longitudes = found["latitude"], found["longitude"]
    return [
        Place(common, latitudes[common], longitudes[common])
        for common in latitudes
        if common in longitudes
    ]


def _is_degrees(reading: GuessedColumn, facts: ColumnFacts, limit: float) -> bool:
    if not isinstance(reading.column, Number) or facts.distinct < 2:
        return False
    values = reading.of_rows().drop_null().to_numpy()
    return bool(np.mean(np.abs(values) <= limit) > 0.99)
