"""What ties a column to an instant: evidence that its value is known only then.

Timestamps cannot tell a plan from a fact. So a tie is evidence, no proof, and says of which kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.check.lineage import Lineage
from forebay.check.subject import Bools, is_valid
from forebay.console.words import share
from forebay.transforms.definition.columns import Boolean, Integer, Number, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import Source

# Values that are missing together: so many of them at least, and so nearly the same ones.
_MISSING_AT_LEAST, _MISSING_ALIKE = 5, 0.95
# A squared correlation above this is a difference of two instants, rounding apart.
_SAME = 0.99999
_ROWS_CORRELATED = 30
# Of two instants one is the later in nearly all rows, or else now the one, now the other.
_ALWAYS = 0.99
# What can be measured at an instant; a name or a day of which one is computed is known before.
_MEASURED = (Number, Integer, Boolean, Timestamp)


@dataclass(frozen=True)
class Tie:
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


def ties(
    dataset: Dataset, lineage: Lineage, rows: pa.RecordBatch, value: str, instant: str, base: str
) -> Iterator[Tie]:
    """Yields what ties a value to an instant.

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
    shared = (lineage.sources[value] - already) & lineage.sources[instant]
    measured = sorted(name for name in shared if isinstance(dataset.columns[name], _MEASURED))
    if measured:
        yield Tie("derived", f"both are computed from {', '.join(measured)}")
    here = is_valid(rows[base])
    missing = ~is_valid(rows[value])[here], ~is_valid(rows[instant])[here]
    either, both = int((missing[0] | missing[1]).sum()), int((missing[0] & missing[1]).sum())
    if both >= _MISSING_AT_LEAST and both >= _MISSING_ALIKE * either:
        yield Tie("missing", f"both are missing in the same rows: {share(both, int(here.sum()))}")
    yield from _differences(dataset, rows, value, instant, base)
    for windowed in dataset.windows:
        if windowed.source is None and (windowed.value, windowed.available_at) == (value, instant):
            yield Tie("declared", f"another window declares {value} available at {instant}")
            return


def _differences(
    dataset: Dataset, rows: pa.RecordBatch, value: str, instant: str, base: str
) -> Iterator[Tie]:
    """Yields the tie of a number that is the time between the instant and another."""
    if not isinstance(dataset.row_columns[value], Number | Integer):
        return
    numbers = numeric(rows[value])
    for name in timestamps(dataset):
        if name == instant:
            continue
        apart = numeric(rows[instant]) - numeric(rows[name])
        known = np.isfinite(numbers) & np.isfinite(apart)
        if known.sum() < _ROWS_CORRELATED or _squared(numbers[known], apart[known]) < _SAME:
            continue
        ahead = float((apart[known] >= 0).mean())
        if ahead >= _ALWAYS:
            yield Tie("difference", f"{value} is the time from {name} to {instant}")
        elif ahead > 1 - _ALWAYS and name != base:
            yield Tie("either", f"{value} is the time between {name} and {instant}")


def _squared(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    norm = float((x @ x) * (y @ y))
    return float(x @ y) ** 2 / norm if norm > 0 else 0.0


def timestamps(table: Source) -> list[str]:
    """Returns the Timestamp columns of a table."""
    return [name for name, kind in table.row_columns.items() if isinstance(kind, Timestamp)]


def numeric(column: pa.Array) -> np.ndarray:
    """Returns a column as float64 (n,), NaN where it is missing; times in microseconds."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values = pc.fill_null(column.cast(pa.float64()), float("nan"))
    return values.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def later(rows: pa.RecordBatch, instant: str, base: str) -> Bools:
    """Tells in which rows one instant is known to lie after another, bool (n,)."""
    after = pc.greater(rows[instant], rows[base])
    return pc.fill_null(after, False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
