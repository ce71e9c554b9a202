"""Evidence that a column's value is known only at an instant.

Timestamps cannot tell a plan from a fact. So it is evidence, no proof, and says of which kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.label_evidence import numeric
from forebay.commands.check.lineage import Lineage
from forebay.commands.check.subject import Bools, is_valid
from forebay.console.words import share
from forebay.transforms.definition.columns import Boolean, Date, Integer, Number, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import Source
from forebay.transforms.durations import DAY_US

# Values that are missing together: so many of them at least, and so nearly the same ones.
_MISSING_AT_LEAST, _MISSING_ALIKE = 5, 0.95
# A squared correlation above this is a difference of two instants, rounding apart.
_SAME = 0.9999
_ROWS_CORRELATED = 30
# Of two instants one is the later in nearly all rows, or else now the one, now the other.
_ALWAYS = 0.99
# What can be measured at an instant; a name or a day of which one is computed is known before.
_MEASURED = (Number, Integer, Boolean, Timestamp)


@dataclass(frozen=True)
class Evidence:
    """Evidence that a column becomes known at an instant.

    Attributes:
        kind: ``derived``: both are computed from the same cells; ``missing``: both are missing
            in the same rows; ``difference``: the value is the time from something to the instant;
            ``either``: it is the time between two instants, of which now one is the later, now
            the other (a plan and a fact, say); ``declared``: the definition says so elsewhere.
        text: the evidence in words.
    """

    kind: str
    text: str


def find_evidence(
    dataset: Dataset, lineage: Lineage, rows: pa.RecordBatch, value: str, instant: str, base: str
) -> Iterator[Evidence]:
    """Yields the evidence that a value is known only at an instant.

    Args:
        dataset: the definition.
        lineage: which columns depend on which.
        rows: the rows, of which those count that have a ``base``.
        value: the column whose value may be known late.
        instant: the Timestamp column at which it may be.
        base: the Timestamp column at which the definition takes it to be known.
    """
    if isinstance(dataset.row_columns[value], Timestamp) and value == instant:
        return
    already = lineage.sources[base]
    shared = (lineage.sources[value] - already) & lineage.cells[instant]
    measured = sorted(name for name in shared if isinstance(dataset.row_columns[name], _MEASURED))
    if measured:
        yield Evidence("derived", f"both are computed from {', '.join(measured)}")
    here = is_valid(rows[base])
    missing = ~is_valid(rows[value])[here], ~is_valid(rows[instant])[here]
    either, both = int((missing[0] | missing[1]).sum()), int((missing[0] & missing[1]).sum())
    if both >= _MISSING_AT_LEAST and both >= _MISSING_ALIKE * either:
        yield Evidence(
            "missing", f"both are missing in the same rows: {share(both, int(here.sum()))}"
        )
    yield from _differences(dataset, rows, value, instant, base)
    for windowed in dataset.windows:
        if windowed.source is None and (windowed.value, windowed.available_at) == (value, instant):
            yield Evidence("declared", f"another window declares {value} available at {instant}")
            return


def _differences(
    dataset: Dataset, rows: pa.RecordBatch, value: str, instant: str, base: str
) -> Iterator[Evidence]:
    """Yields the evidence of a number that is the time between the instant and another."""
    if not isinstance(dataset.row_columns[value], Number | Integer):
        return
    for name in instants(dataset):
        ahead = None if name == instant else span(rows, value, name, instant)
        if ahead is None:
            continue
        if ahead >= _ALWAYS:
            yield Evidence("difference", f"{value} is the time from {name} to {instant}")
        elif ahead > 1 - _ALWAYS and name != base:
            yield Evidence("either", f"{value} is the time between {name} and {instant}")


def span(rows: pa.RecordBatch, value: str, start: str, end: str) -> float | None:
    """Tells whether a column of numbers is the time between two instants.

    Returns:
        The share of the rows in which ``end`` is not before ``start``; None: it is not that time.
    """
    numbers, apart = numeric(rows[value]), _us(rows[end]) - _us(rows[start])
    known = np.isfinite(numbers) & np.isfinite(apart)
    if known.sum() < _ROWS_CORRELATED or _squared(numbers[known], apart[known]) < _SAME:
        return None
    return float((apart[known] >= 0).mean())


def _us(column: pa.Array) -> np.ndarray:
    """Returns instants, or the starts of days, in microseconds, float64 (n,), NaN where missing."""
    return numeric(column) * (DAY_US if pa.types.is_date32(column.type) else 1)


def _squared(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    norm = float((x @ x) * (y @ y))
    return float(x @ y) ** 2 / norm if norm > 0 else 0.0


def timestamps(table: Source) -> list[str]:
    """Returns the Timestamp columns of a table."""
    return [name for name, kind in table.row_columns.items() if isinstance(kind, Timestamp)]


def instants(table: Source) -> list[str]:
    """Returns the Timestamp and Date columns of a table."""
    kinds = table.row_columns.items()
    return [name for name, kind in kinds if isinstance(kind, Timestamp | Date)]


def later(rows: pa.RecordBatch, instant: str, base: str) -> Bools:
    """Tells in which rows one instant, or the start of a day, lies after another, bool (n,)."""
    times = [
        rows[name].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()) for name in (instant, base)
    ]
    after = pc.greater(*times)
    return pc.fill_null(after, False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
