"""Which columns are no features: identities, free text, and what is known only with the label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.init.guesses.column_facts import Facts
from forebay.init.guesses.kinds import Reading
from forebay.init.guesses.names import has_word, without
from forebay.transforms.definition.columns import Boolean, Integer, Number, String

_IDENTITY_SHARE = 0.95
_FEWEST_ROWS = 20
# Whole numbers are identities where they are numbered through, or where so many never repeat.
_DENSE, _MANY = 3, 1_000
_TEXT_WORDS, _TEXT_CHARACTERS, _TEXT_SHARE = 4, 60, 0.2
# As `forebay check` has it: missing in the same rows, or the label in other units.
_TIED_ROWS, _TIED_SHARE, _TIED_CORRELATION = 5, 0.9, 0.999
_DEGREES = {"latitude": 90.0, "longitude": 180.0}


def is_identity(reading: Reading, facts: Facts) -> bool:
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
    return has_word(reading.name, "identity") or numbered or facts.rows >= _MANY


def is_free_text(reading: Reading, facts: Facts) -> bool:
    """Tells whether a column is written for people: many words, seldom the same ones."""
    wordy = facts.words >= _TEXT_WORDS or facts.characters >= _TEXT_CHARACTERS
    seldom = facts.distinct > _TEXT_SHARE * facts.rows
    return isinstance(reading.column, String) and wordy and seldom


def _follows(reading: Reading) -> bool:
    """Tells whether each number exceeds the one above it, a few apart."""
    values = reading.of_rows().drop_null().to_numpy()
    return bool(np.mean(np.diff(values) > 0) > _IDENTITY_SHARE)


def tie_to_label(reading: Reading, label: Reading) -> str | None:
    """Says why a column is probably known only with the label; None where nothing says so."""
    values, wanted = reading.of_rows(), label.of_rows()
    absent, unlabelled = (_mask(pc.is_null(column)) for column in (values, wanted))
    both, either = int((absent & unlabelled).sum()), int((absent | unlabelled).sum())
    if either >= _TIED_ROWS and both >= _TIED_SHARE * either:
        return f"missing in the same rows as {label.name}, so probably known only with it"
    numeric = (Number, Integer, Boolean)
    if not (isinstance(reading.column, numeric) and isinstance(label.column, numeric)):
        return None
    x, y = (column.cast(pa.float64(), safe=False) for column in (values, wanted))
    x, y = (column.fill_null(np.nan).to_numpy(zero_copy_only=False) for column in (x, y))
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < _TIED_ROWS or not x[known].std() or not y[known].std():
        return None
    correlation = float(np.corrcoef(x[known], y[known])[0, 1])
    if abs(correlation) >= _TIED_CORRELATION:
        return f"nearly the same as {label.name} (correlation {correlation:.4f})"
    return None


def _mask(flags: pa.BooleanArray) -> np.ndarray:
    return flags.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Place:
    """Two columns that together are a place on Earth, in degrees.

    Attributes:
        name: what their names have in common: pickup; empty where nothing.
    """

    name: str
    latitude: str
    longitude: str


def find_places(readings: Mapping[str, Reading], facts: Mapping[str, Facts]) -> list[Place]:
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


def _is_degrees(reading: Reading, facts: Facts, limit: float) -> bool:
    if not isinstance(reading.column, Number) or facts.distinct < 2:
        return False
    values = reading.of_rows().drop_null().to_numpy()
    return bool(np.mean(np.abs(values) <= limit) > 0.99)
