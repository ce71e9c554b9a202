"""Which of the columns of instants is the time at which a row is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.label_evidence import LATER_ITSELF
from forebay.commands.init.guesses.column_facts import ColumnFacts, share
from forebay.commands.init.guesses.guessed_column import GuessedColumn, read_as
from forebay.commands.init.guesses.written_times import is_of_months
from forebay.transforms.definition.columns import Date, Timestamp

# Fewer different instants than this tell nothing of before and after.
_FEWEST = 10
_MOST_MISSING = 0.05
# A time this often before another, and so close, begins what the other ends.
_SHARE = 0.95
_DAY_US, _MINUTE_US = 86_400_000_000, 60_000_000

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RowTime:
    """The time of the rows.

    Attributes:
        reading: the column, as instants.
        reason: why this one.
        us: microseconds since 1970 of each row, int64 (n,).
        known: bool (n,), which rows have it.
        later: columns of instants that come after it too often to be known by then.
        ends: those of them that come after it in most rows, closest first.
        same: columns of instants that are the same, or the day it is on.
    """

    reading: GuessedColumn
    reason: str
    us: Int64Array
    known: npt.NDArray[np.bool_]
    later: tuple[str, ...]
    ends: tuple[str, ...]
    same: tuple[str, ...]


def find_row_time(
    readings: Mapping[str, GuessedColumn], facts: Mapping[str, ColumnFacts]
) -> RowTime | None:
    """Chooses the earliest of the instants that a row itself has; None where there are none.

    Candidates have few missing and many different values. The one in whose order the file mostly
    is, is the event's; of those that belong to the same event, the first is when it begins.
    """
    candidates = {}
    for name, reading in readings.items():
        if isinstance(reading.column, Date | Timestamp) and facts[name].distinct >= _FEWEST:
            instants = as_instants(reading)
            if facts[name].missing <= _MOST_MISSING:
                candidates[name] = instants
    if not candidates:
        return None
    exact = [n for n in candidates if isinstance(readings[n].column, Timestamp)]
    names = exact or list(candidates)
    arrays = {name: _instants_us(candidates[name]) for name in candidates}
    best = max(names, key=lambda name: _sortedness(*arrays[name]))
    for name in names:
        if name != best and _begins(arrays[name], arrays[best]):
            best = name
    reason = _reason(best, readings[best], facts[best], list(candidates))
    others = _others(best, readings, *arrays[best])
    return RowTime(candidates[best], reason, *arrays[best], *others)


def as_instants(reading: GuessedColumn) -> GuessedColumn:
    """Reads a column of days as the instants at which they begin."""
    if isinstance(reading.column, Timestamp):
        return reading
    return read_as(reading, Timestamp(format=reading.column.format), *reading.reasons)  # type: ignore[attr-defined]


def _others(
    row_time: str,
    readings: Mapping[str, GuessedColumn],
    us: Int64Array,
    known: npt.NDArray[np.bool_],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names the columns that are later than the row time, its ends, and those that are the same."""
    later, gaps, same = [], {}, []
    for name, reading in readings.items():
        if name == row_time or not isinstance(reading.column, Date | Timestamp):
            continue
        other, there = _instants_us(as_instants(reading))
        gap = (other - us)[known & there]
        if not len(gap):
            continue
        near = _DAY_US if isinstance(reading.column, Date) else _MINUTE_US
        if np.mean(np.abs(gap) <= near) >= _SHARE:
            same.append(name)
        elif (after := np.mean(gap > 0)) >= LATER_ITSELF:
            later.append(name)
            if after > 0.5:
                gaps[name] = float(np.median(gap))
    return tuple(later), tuple(sorted(gaps, key=lambda name: gaps[name])), tuple(same)


def _instants_us(reading: GuessedColumn) -> tuple[Int64Array, npt.NDArray[np.bool_]]:
    values = reading.of_rows()
    us = pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return us, values.is_valid().to_numpy(zero_copy_only=False)


def _sortedness(us: Int64Array, known: npt.NDArray[np.bool_]) -> float:
    """Returns how often a row is not before the one above it, to one per cent."""
    steps = np.diff(us[known])
    return round(float(np.mean(steps >= 0)), 2) if len(steps) else 0.0


def _begins(
    first: tuple[Int64Array, npt.NDArray[np.bool_]],
    second: tuple[Int64Array, npt.NDArray[np.bool_]],
) -> bool:
    gap = (second[0] - first[0])[first[1] & second[1]]
    if not len(gap):
        return False
    return bool(np.mean(gap >= 0) >= _SHARE and 0 < np.median(gap) <= 2 * _DAY_US)


def _reason(name: str, reading: GuessedColumn, facts: ColumnFacts, candidates: list[str]) -> str:
    others = [other for other in candidates if other != name]
    missing = f", {share(facts.missing)} missing" if facts.missing else ""
    text = f"{facts.distinct:,} instants{missing}"
    if isinstance(reading.column, Date):
        unit = "month" if is_of_months(reading.column) else "day"
        text = f"{facts.distinct:,} {unit}s{missing}; rows of one {unit} do not see each other"
    if others:
        text += f"; candidates besides: {', '.join(others)}"
    return text


def with_row_time(
    readings: Mapping[str, GuessedColumn], row_time: RowTime | None
) -> dict[str, GuessedColumn]:
    """Returns the readings, the row time's among them as instants."""
    if row_time is None:
        return dict(readings)
    return {**readings, row_time.reading.name: row_time.reading}
