"""What a column shows of the label: how near it comes to it, and where both are missing.

`forebay init` asks the same of the columns that it could make features of: NumPy and Arrow only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.scores import (
    Bools,
    Floats,
    Ints,
    Score,
    category_scores,
    missing_score,
    number_scores,
)
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Numbers,
    String,
)
from forebay.transforms.definition.labels import Classification, Label, Regression
from forebay.transforms.parsing.casts import to_mask

# From which score on a column is suspect, and from which it gives the label away: of correlations
# and of areas under the ROC curve.
_SUSPECT = {"correlation": 0.97, "AUC": 0.99}
GIVES_AWAY = {"correlation": 0.999, "AUC": 0.9995}
FEWEST_ROWS = 100
# An instant that is later than the row time in this share of the rows is not known by then.
LATER_ITSELF = 0.05
# Two columns that are missing in this share of the same rows, in so many rows at least, and by
# chance less often than this.
_ALIKE, _ALIKE_AT_LEAST, _BY_CHANCE = 0.95, 5, 1e-6
_NO_SCORE = Score("score", 0.0, 0, 0)


@dataclass(frozen=True)
class Closeness:
    """How near a column alone comes to the label.

    Attributes:
        score: the best of its measures; of several classes, of the class told best.
        is_suspect: whether that is too good to be true.
        gives_away: whether it tells the number, or every class, or one class and hardly anything
            else, having no more values than there are classes.
    """

    score: Score
    is_suspect: bool
    gives_away: bool


def targets_of(label: Label, column: pa.Array) -> list[Floats]:
    """Returns the label as numbers, float64 (n,), NaN where missing; of classes, each one's."""
    if not isinstance(label, Classification):
        return [numeric(column)]
    known = to_mask(pc.is_in(column, pa.array(label.classes, column.type)))
    return [
        np.where(known, to_mask(pc.fill_null(pc.equal(column, name), False)), np.nan)
        for name in label.classes
    ]


def closeness(
    column: pa.Array, kind: Column, label: Label, targets: Sequence[Floats], *, is_category: bool
) -> Closeness:
    """Scores a column alone as a predictor of the label.

    Args:
        column: (n,).
        kind: the column's kind.
        label: the label.
        targets: what `targets_of` makes of it, finite.
        is_category: whether whole numbers are names of something.
    """
    is_binary = not isinstance(label, Regression)
    scores = []
    for y in targets:
        found = [
            s for s in _scores(column, kind, y, is_binary, is_category) if s.rows >= FEWEST_ROWS
        ]
        if found:
            scores.append(max(found, key=lambda score: score.value))
    if not scores:
        return Closeness(_NO_SCORE, False, False)
    best = max(scores, key=lambda score: score.value)
    measure = "AUC" if is_binary else "correlation"
    told = [score for score in scores if score.value >= GIVES_AWAY[measure]]
    gives_away = len(told) == len(scores) or any(s.distinct <= len(targets) for s in told)
    return Closeness(best, best.value >= _SUSPECT[measure], gives_away)


def _scores(
    column: pa.Array, kind: Column, y: Floats, is_binary: bool, is_category: bool
) -> Iterator[Score]:
    if not isinstance(kind, String | Numbers | Bytes):
        yield from number_scores(numeric(column), y, is_binary)
    if isinstance(kind, String | Boolean | Date) or (isinstance(kind, Integer) and is_category):
        codes = column.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
        yield from category_scores(codes, y, is_binary)
    for score in missing_score(~to_mask(column.is_valid()), y, is_binary):
        yield replace(score, name=f"{score.name} of being missing")


@dataclass(frozen=True)
class MissingTogether:
    """A column that is missing where the label is: it is filled when the outcome is known, maybe.

    Attributes:
        where: the place in words: ``exactly where the label is``, say.
        is_subset: whether it is missing nowhere else.
        rows: bool (n,), the rows that lack both.
        apart: how many rows lack one of them.
    """

    where: str
    is_subset: bool
    rows: Bools
    apart: int


def missing_together(missing: Bools, unlabelled: Bools, telling: Bools) -> MissingTogether | None:
    """Compares where a column and the label are missing; None where that says nothing.

    Args:
        missing: bool (n,), where the column is.
        unlabelled: bool (n,), where the label is.
        telling: bool (n,), the rows that count: see `telling_rows`.
    """
    missing, unlabelled = missing & telling, unlabelled & telling
    both = int((missing & unlabelled).sum())
    counts = int(missing.sum()), int(unlabelled.sum())
    rarer, commoner = min(counts), max(counts)
    if both < _ALIKE_AT_LEAST or both < _ALIKE * rarer:
        return None
    # That rows which lack the one lack the other by chance, as often as any row does.
    if both * np.log(commoner / telling.sum()) > np.log(_BY_CHANCE):
        return None
    either = counts[0] + counts[1] - both
    exactly, only = both >= _ALIKE * either, both >= _ALIKE * counts[0]
    where = "exactly where" if exactly else "only where" if only else "wherever"
    return MissingTogether(f"{where} the label is", only, missing & unlabelled, either - both)


def filled_cells(missing: Mapping[str, Bools], label: str) -> Ints:
    """Returns how many of each row's cells have a value, the label's apart, int64 (n,)."""
    filled: Ints = np.sum(
        [~absent for name, absent in missing.items() if name != label], axis=0, dtype=np.int64
    )
    return filled


def telling_rows(others: Ints, share: float) -> Bools:
    """Tells which rows say something besides: a row that is all but empty lacks everything.

    Args:
        others: int64 (n,), how many other cells of each row have a value.
        share: a row must have more than this share of the median row's; 0: any cell will do.

    Returns:
        bool (n,).
    """
    enough: Bools = others > share * np.median(others)
    return enough


def numeric(column: pa.Array) -> Floats:
    """Returns a column as float64 (n,), NaN where it is missing; times in microseconds."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    # Whole numbers beyond 2^53 are rounded: what is compared here is near, not equal.
    values = pc.fill_null(column.cast(pa.float64(), safe=False), float("nan"))
    return values.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
