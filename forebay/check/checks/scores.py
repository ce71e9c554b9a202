"""How well one column alone predicts a label. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """A measure in [0, 1], where 1 means that the column gives the label away.

    Attributes:
        name: which measure.
        value: its value.
        rows: the rows it was taken over.
    """

    name: str
    value: float
    rows: int


def number_scores(values: Floats, label: Floats, is_binary: bool) -> Iterator[Score]:
    """Scores a numeric column.

    Args:
        values: float64 (n,), NaN where missing.
        label: float64 (n,), finite.
        is_binary: whether the label is 0 or 1: the measure is the area under the ROC curve, of
            either direction; else Pearson's and Spearman's correlation, without sign.
    """
    here = np.isfinite(values)
    x, y = values[here], label[here]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return
    ordered = ranks(x)
    if is_binary:
        yield Score("AUC", separation(ordered, y > 0.5), len(x))
        return
    yield Score("|Pearson|", correlation(x, y), len(x))
    yield Score("|Spearman|", correlation(ordered, ranks(y)), len(x))


def missing_score(missing: Bools, label: Floats, is_binary: bool) -> Iterator[Score]:
    """Scores whether a column is missing at all."""
    values = missing.astype(np.float64)
    if is_binary and 0 < missing.sum() < len(missing):
        yield from number_scores(values, label, is_binary)


def category_scores(codes: Ints, label: Floats, is_binary: bool) -> Iterator[Score]:
    """Scores a category by the mean label of the other rows that have it.

    Leaving the row itself out keeps categories of few rows from explaining themselves; those of
    one row explain nothing and do not count.

    Args:
        codes: int64 (n,), the category of each row from 0; negative where missing.
        label: float64 (n,), finite.
        is_binary: whether the label is 0 or 1.
    """
    counts = np.bincount(codes[codes >= 0], minlength=1)
    here = codes >= 0
    here[here] = counts[codes[here]] > 1
    if not here.any():
        return
    c, y = codes[here], label[here]
    sums = np.bincount(c, weights=y, minlength=len(counts))
    others = (sums[c] - y) / (counts[c] - 1)
    if np.ptp(others) == 0 or np.ptp(y) == 0:
        return
    if is_binary:
        yield Score("AUC by category", separation(ranks(others), y > 0.5), len(y))
    else:
        yield Score("|Pearson| by category", correlation(others, y), len(y))


def ranks(values: Floats) -> Floats:
    """Returns the rank of each value from 0, ties at their mean, float64 (n,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    mean: Floats = first + (counts - 1) / 2
    return mean[inverse]


def correlation(x: Floats, y: Floats) -> float:
    """Returns Pearson's correlation without its sign; 0 where either is constant."""
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return abs(float(x @ y)) / norm if norm > 0 else 0.0


def separation(ordered: Floats, positive: Bools) -> float:
    """Returns the area under the ROC curve, the larger of both directions (Mann and Whitney)."""
    n = int(positive.sum())
    m = len(positive) - n
    if not n or not m:
        return 0.0
    area = (float(ordered[positive].sum()) - n * (n - 1) / 2) / (n * m)
    return max(area, 1 - area)
