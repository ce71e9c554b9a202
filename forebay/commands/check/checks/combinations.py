"""Columns that give the label away together: a sum of them, or the time from one to another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations, product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.label_evidence import GIVES_AWAY, numeric, targets_of
from forebay.commands.check.checks.scores import Bools, Floats, robust_pearson
from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.subject import Subject, cell
from forebay.console.words import counted
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Integer,
    Number,
    Numbers,
    String,
)
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression

TOGETHER = "close together"
# Rows looked at, and how many there must be for each column: with fewer, chance fits them.
_MOST_ROWS, _ROWS_PER_COLUMN, _FEWEST_ROWS = 5_000, 10, 200
_MOST_MISSING = 0.1
_MINUTES_OF_DAY = 1_440
# How a clock's hours and minutes are written, as text and as a number: 09:30, 930.
_CLOCK_TEXT = r"^([01]?[0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9])?$"
_CLOCK_VALUES, _CLOCK_SHARE = 60, 0.999
# Minutes that a unit has, and how many rows must agree to the minute.
_UNITS = {"minutes": 1.0, "seconds": 1 / 60, "hours": 60.0}
_AGREE, _ROWS_APART = 0.99, 30
# Of a plan and what became of it, each is the earlier in more rows than this.
_EITHER = 0.05


def check_combinations(subject: Subject) -> list[Finding]:
    """Looks for columns of which a sum, or a time between, is the label.

    Columns that give it away alone are named by another check, and left out here.
    """
    dataset, label = subject.dataset, subject.dataset.label
    names = [name for name in dataset.model_columns if name in dataset.row_columns]
    used = subject.asked & np.isfinite(targets_of(label, subject.rows[label.column])[0])
    rows = subject.rows.filter(pa.array(used))
    rows = rows.take(
        pa.array(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(int))
    )
    findings = [*_clocks(subject, rows, names), *_sums(subject, rows, names)]
    what = "no columns give the label away together"
    return findings or [
        passed(TOGETHER, what, f"{counted(len(names), 'column')}, {counted(len(rows), 'row')}")
    ]


def _clocks(subject: Subject, rows: pa.RecordBatch, names: Sequence[str]) -> Iterator[Finding]:
    """Yields clock readings that are another's plus the label, and plans beside what became."""
    dataset, label = subject.dataset, subject.dataset.label.column
    kinds = dataset.row_columns
    clocks = {
        name: minutes
        for name in names
        if (minutes := clock_minutes(rows[name], kinds[name])) is not None
    }
    row = int(rows[ROW].to_numpy()[:1].sum())
    numbers = [n for n in (label, *names) if isinstance(kinds[n], Number | Integer)]
    for name, (start, end) in product(numbers, permutations(clocks, 2)):
        values = numeric(rows[name])
        unit = "" if name in (start, end) else time_between(clocks[start], clocks[end], values)
        if not unit:
            continue
        evidence = f"{name} counts the {unit} between them in over {_AGREE:.0%} of the rows"
        shown = ", ".join(f"{one} {cell(rows, row, one)}" for one in (start, end, name))
        if name == label:
            yield Finding(
                TOGETHER, Severity.LEAK, end, f"is {start} plus the label, as a clock shows it",
                evidence, row, shown,
                f"leave out {end}, or {start}, whichever is not known at the row time",
            )  # fmt: skip
        elif _EITHER <= np.mean(values[np.isfinite(values)] < 0) <= 1 - _EITHER:
            yield Finding(
                TOGETHER, Severity.WARNING, name,
                f"is the time from {start} to {end}, now the one first, now the other: a plan, and "
                "what became of it?", evidence, row, shown,
                f"if {end} is not known at the row time, leave both out",
            )  # fmt: skip


def clock_minutes(column: pa.Array, kind: Column) -> Floats | None:
    """Reads a column as a clock's hours and minutes.

    Returns:
        Minutes since midnight, float64 (n,), NaN where missing; None: it shows no clock.
    """
    if isinstance(kind, String):
        known = column.drop_null()
        if not len(known) or not pc.all(pc.match_substring_regex(known, _CLOCK_TEXT)).as_py():
            return None
        parts = pc.split_pattern(column, ":")
        hours, minutes = (numeric(pc.list_element(parts, i).cast(pa.int64())) for i in (0, 1))
    elif isinstance(kind, Integer | Number):
        hours, minutes = np.divmod(numeric(column), 100)
    else:
        return None
    total = 60 * hours + minutes
    known = total[np.isfinite(total)]
    shows = (hours >= 0) & (hours <= 24) & (minutes < 60) & (minutes == np.floor(minutes))
    if len(np.unique(known)) < _CLOCK_VALUES or shows.sum() < _CLOCK_SHARE * len(known):
        return None
    return np.where(shows, total, np.nan)


def time_between(start: Floats, end: Floats, numbers: Floats) -> str:
    """Tells in which unit numbers count the time from one clock reading to another.

    Args:
        start: float64 (n,), minutes since some midnight, NaN where missing.
        end: the same of the other clock.
        numbers: float64 (n,), NaN where missing.

    Returns:
        The unit; empty: it does not.
    """
    known = np.isfinite(start) & np.isfinite(end) & np.isfinite(numbers)
    values, counts = np.unique(numbers[known], return_counts=True)
    if not len(values):
        return ""
    # Rows with the commonest number, 0 perhaps, agree with any two clocks that go alike.
    telling = known & (numbers != values[counts.argmax()])
    if telling.sum() < _ROWS_APART:
        return ""
    for unit, minutes in _UNITS.items():
        apart = (end - start - numbers * minutes)[telling]
        apart = np.abs((apart + _MINUTES_OF_DAY / 2) % _MINUTES_OF_DAY - _MINUTES_OF_DAY / 2)
        if (apart <= 1).mean() >= _AGREE:
            return unit
    return ""


def _sums(subject: Subject, rows: pa.RecordBatch, names: Sequence[str]) -> Iterator[Finding]:
    """Yields the fewest columns found whose weighted sum is the label."""
    dataset, label = subject.dataset, subject.dataset.label
    if not isinstance(label, Regression):  # honest columns may well tell two classes apart
        return
    if dataset.row_time and dataset.row_time not in names:
        names = [*names, dataset.row_time]
    columns = {
        name: numeric(rows[name])
        for name in names
        if not isinstance(dataset.row_columns[name], String | Bytes | Numbers | Boolean)
    }
    score, found = weighted_sum(columns, numeric(rows[label.column]))
    if len(found) > 1:
        first, *others = found
        yield Finding(
            TOGETHER, Severity.WARNING, first,
            f"gives the label away together with {', '.join(others)}",
            f"a weighted sum of them has |Pearson| {score:.4f} on rows that it was not fitted to",
            int(rows[ROW][0].as_py()),
            cure="is one of them known only with the label? If so, leave it out",
        )  # fmt: skip


def weighted_sum(columns: Mapping[str, Floats], label: Floats) -> tuple[float, list[str]]:
    """Looks for columns whose weighted sum, fitted to half of the rows, is the label in the others.

    Args:
        columns: float64 (n,) each, NaN where missing.
        label: float64 (n,), finite.

    Returns:
        How near the sum comes, and the columns, of which none can be left out; none: there are no
        such columns.
    """
    names = [name for name, x in columns.items() if np.isfinite(x).mean() > 1 - _MOST_MISSING]
    table = np.stack([columns[name] for name in names], axis=1) if names else np.empty((0, 0))
    here = np.isfinite(table).all(axis=1)
    table, y = table[here], label[here] if names else label[:0]
    enough = max(_FEWEST_ROWS, _ROWS_PER_COLUMN * len(names))
    if len(y) < enough or y.min() == y.max():
        return 0.0, []
    table = table - table.mean(axis=0)
    spread = np.abs(table).max(axis=0)
    table = table / np.where(spread > 0, spread, 1)
    fitted = np.random.default_rng(0).random(len(y)) < 0.5

    def score(chosen: Sequence[int]) -> float:
        return _score(table[:, list(chosen)], y, fitted) if chosen else 0.0

    least = GIVES_AWAY["correlation"]
    chosen = list(range(len(names)))
    if score(chosen) < least:
        return 0.0, []
    chosen = _fewest(chosen, lambda some: score(some) >= least)
    return score(chosen), [names[i] for i in chosen]


def _fewest(chosen: list[int], holds: Callable[[list[int]], bool]) -> list[int]:
    """Leaves out what is not needed: halves first, then ever smaller pieces."""
    size = len(chosen) // 2
    while size:
        place = 0
        while place < len(chosen):
            rest = chosen[:place] + chosen[place + size :]
            if rest and holds(rest):
                chosen = rest
            else:
                place += size
        size //= 2
    return chosen


def _score(table: Floats, y: Floats, fitted: Bools) -> float:
    """Fits a weighted sum to some rows, and says how near it comes to the label of the others."""
    table = np.column_stack([table, np.ones(len(table))])
    weights, *_ = np.linalg.lstsq(table[fitted], y[fitted])
    return robust_pearson(table[~fitted] @ weights, y[~fitted])
