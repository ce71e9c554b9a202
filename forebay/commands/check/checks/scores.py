"""How well one column alone predicts a label. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# What rests on fewer rows than this is chance: of some columns one always fits them.
FEWEST_ROWS_OF_A_CLASS = 5
_ROWS_THAT_COUNT_MOST = 5


@dataclass(frozen=True)
class Score:
    """A measure in [0, 1], where 1 means that the column gives the label away.

    Attributes:
        name: which measure.
        value: the score's value.
        rows: the rows it was taken over.
        distinct: how many different values the column has in them.
    """

    name: str
    value: float
    rows: int
    distinct: int


def number_scores(values: Floats, label: Floats, is_binary: bool) -> Iterator[Score]:
    """Scores a numeric column; one that is constant, or has too few rows of a class, has no score.

    Args:
        values: float64 (n,), NaN where missing.
        label: float64 (n,), finite.
        is_binary: whether the label is 0 or 1: the measure is the area under the ROC curve, of
            either direction; else Pearson's and Spearman's correlation, without sign.
    """
    here = np.isfinite(values)
    x, y = _scaled(values[here]), _scaled(label[here])
    if not _tell(x, y, is_binary):
        return
    ordered, distinct = ranks(x), len(np.unique(x))
    if is_binary:
        area = separation(ordered, y > 0)
        yield Score("AUC", max(area, 1 - area), len(x), distinct)
        return
    yield Score("|Pearson|", abs(robust_pearson(x, y)), len(x), distinct)
    yield Score("|Spearman|", abs(robust_pearson(ordered, ranks(y))), len(x), distinct)


def _scaled(x: Floats) -> Floats:
    """Returns numbers divided by the greatest, so that no square of them is infinite."""
    greatest = np.max(np.abs(x), initial=0.0)
    return x / greatest if greatest > 0 else x


def _tell(x: Floats, y: Floats, is_binary: bool) -> bool:
    """Tells whether there is anything to compare."""
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return False
    positive = int((y > 0).sum())
    return not is_binary or FEWEST_ROWS_OF_A_CLASS <= positive <= len(y) - FEWEST_ROWS_OF_A_CLASS


def missing_score(missing: Bools, label: Floats, is_binary: bool) -> Iterator[Score]:
    """Scores whether a column is missing at all."""
    values = missing.astype(np.float64)
    if is_binary and 0 < missing.sum() < len(missing):
        yield from number_scores(values, label, is_binary)


def category_scores(codes: Ints, label: Floats, is_binary: bool) -> Iterator[Score]:
    """Scores a category by the mean label of the other rows that have it.

    Leaving the row itself out keeps categories of few rows from explaining themselves; those of
    one row explain nothing and do not count. It also makes the mean fall where the row's own
    label is high: only what rises with the label tells something.

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
    if not _tell(others, y, is_binary):
        return
    distinct = int((counts > 1).sum())
    if is_binary:
        yield Score("AUC by category", separation(ranks(others), y > 0), len(y), distinct)
    else:
        yield Score("Pearson by category", max(0.0, robust_pearson(others, y)), len(y), distinct)


def ranks(values: Floats) -> Floats:
    """Returns the rank of each value from 0, ties at their mean, float64 (n,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    mean: Floats = first + (counts - 1) / 2
    return mean[inverse]


def robust_pearson(x: Floats, y: Floats) -> float:
    """Returns Pearson's correlation without the few rows on which it rests most.

    One row with a huge number in both makes any two columns seem the same.
    """
    most = _ROWS_THAT_COUNT_MOST
    if len(x) > 2 * most:
        weight = np.abs((x - np.median(x)) * (y - np.median(y)))
        few = np.argpartition(weight, len(x) - most)[-most:]
        x, y = np.delete(x, few), np.delete(y, few)
    return pearson(x, y)


def pearson(x: Floats, y: Floats) -> float:
    """Returns Pearson's correlation; 0 where either is constant."""
    if x.min() == x.max() or y.min() == y.max():
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt(x @ x)) * float(np.sqrt(y @ y))
    return float(x @ y) / norm if norm > 0 else 0.0


def separation(ordered: Floats, positive: Bools) -> float:
    """Returns the area under the ROC curve of ranks from 0 (Mann and Whitney)."""
    n = int(positive.sum())
    m = len(positive) - n
    return (float(ordered[positive].sum()) - n * (n - 1) / 2) / (n * m)
