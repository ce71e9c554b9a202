"""What the sample shows of a column's values."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.init.guesses.guessed_column import GuessedColumn
from forebay.console.words import counted, shown
from forebay.transforms.definition.columns import Boolean, Integer, Number, String
from forebay.transforms.parsing.casts import to_mask


@dataclass(frozen=True)
class ColumnFacts:
    """A column of the sample in figures.

    Attributes:
        rows: how many rows have a value.
        missing: the share of the rows that have none.
        distinct: how many different values there are.
        least, greatest: the two ends of values that have an order.
        skew: the third standardised moment of numbers; 0 where all are equal.
        characters, words: the mean number of each in a row of text.
    """

    rows: int
    missing: float
    distinct: int
    least: object = None
    greatest: object = None
    skew: float = 0.0
    characters: float = 0.0
    words: float = 0.0


def facts_of(reading: GuessedColumn) -> ColumnFacts:
    """Counts and measures the values of a column."""
    known = to_mask(reading.values.is_valid())
    values = reading.values.filter(pa.array(known))
    counts = reading.texts.counts[known]
    rows, total = int(counts.sum()), len(reading.texts.codes)
    if not rows:
        return ColumnFacts(0, 1.0, 0)
    # Several texts can mean one value: 1 and 1.0.
    values, codes = (encoded := values.dictionary_encode()).dictionary, encoded.indices.to_numpy()
    counts = np.bincount(codes, weights=counts, minlength=len(values))
    facts = ColumnFacts(rows, 1 - rows / total, len(values))
    if isinstance(reading.column, String):
        characters = pc.utf8_length(values).to_numpy()
        words = pc.add(pc.count_substring_regex(values, r"\s\S"), 1).to_numpy()
        return replace(
            facts, characters=float(characters @ counts / rows), words=float(words @ counts / rows)
        )
    if isinstance(reading.column, Boolean):
        return facts
    ends = pc.min_max(values).as_py()
    facts = replace(facts, least=ends["min"], greatest=ends["max"])
    if isinstance(reading.column, Number | Integer):
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
        return replace(facts, skew=_skew(numbers, counts))
    return facts


def _skew(values: np.ndarray, counts: np.ndarray) -> float:
    """The mean cube of deviations from the mean, in standard deviations."""
    finite = np.isfinite(values)
    values, counts = values[finite], counts[finite]
    if len(values) < 2:
        return 0.0
    values = values / max(np.abs(values).max(), np.finfo(np.float64).tiny)  # cubes stay finite
    deviations = values - np.average(values, weights=counts)
    variance = np.average(deviations**2, weights=counts)
    return float(np.average(deviations**3, weights=counts) / variance**1.5) if variance else 0.0


def described(reading: GuessedColumn, facts: ColumnFacts) -> str:
    """Says a column's facts in a few words."""
    if not facts.rows:
        return "always missing"
    parts = []
    if isinstance(reading.column, String):
        parts.append(counted(facts.distinct, "text"))
    elif facts.least is None:
        parts.append(counted(facts.distinct, "value"))
    elif facts.distinct == 1:
        parts.append(f"always {shown(facts.least)}")
    else:
        parts.append(
            f"{counted(facts.distinct, 'value')} from {shown(facts.least)} to "
            f"{shown(facts.greatest)}"
        )
    if facts.missing:
        parts.append(f"{share(facts.missing)} missing")
    return ", ".join((*parts, *reading.reasons))


def share(part: float) -> str:
    """Writes a share in per cent, never as 0 or 100 where it is neither."""
    if 0 < part < 0.001:
        return "under 0.1 %"
    if 0.999 < part < 1:
        return "over 99.9 %"
    return f"{100 * part:.1f} %".replace(".0 %", " %")
