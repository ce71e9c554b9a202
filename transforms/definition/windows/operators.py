"""The operators of windowed aggregates, as data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from forebay.transforms.definition.fields.types import Between, Float32
from forebay.transforms.durations import duration_problems
from forebay.transforms.errors import Problem
from forebay.transforms.limits import (
    ACCURACY,
    LEAST_ACCURACY,
    LEAST_LIMIT,
    LIMIT,
    MOST_LIMIT,
    MOST_PLACES,
    MOST_ROWS,
)

OPERATORS = (
    "count", "count_nulls", "sum", "mean", "min", "max", "var", "std", "skew", "first", "last",
    "rate", "seconds_since_last", "decayed_mean", "distinct", "quantile", "most_frequent",
)  # fmt: skip
# What an empty window counts is 0, never a default.
COUNTS = ("count", "count_nulls", "distinct")
# Operators that need no column: they look at the events themselves.
OF_EVENTS = ("count", "seconds_since_last")
# Operators that give one of the values, as it is.
OF_ONE_VALUE = ("first", "last", "most_frequent")
# Operators that text will do for.
OF_TEXT = ("count", "count_nulls", "distinct", "seconds_since_last", *OF_ONE_VALUE)


@dataclass(frozen=True)
class Op:
    """One operator of a windowed aggregate, which gives one column for each window.

    Attributes:
        name: one of `OPERATORS`.
        default: the value of an empty window; None: missing (a count is 0 then).
        min_count: a window with fewer values than this, but at least one, is missing; an empty
            one gives ``default``.
        per: the time to which a rate refers, such as ``"1h"``.
        half_life: the time in which a value loses half its weight in a decayed mean.
        q: the rank of a quantile, from 0 to 1.
        place: which of the first, last or most frequent values it is, from 1.
        limit: how many distinct values a window may hold for distinct, quantile and most_frequent
            to be exact.
        accuracy: the greatest relative error of a quantile beyond that.
    """

    name: str
    default: Float32 | None = None
    min_count: Annotated[int, Between(0, MOST_ROWS, "negative")] = 0
    per: str | None = None
    half_life: str | None = None
    q: Annotated[float, Between(0, 1, "not a rank", "not a rank")] | None = None
    place: Annotated[int, Between(1, MOST_PLACES, "places count from 1")] = 1
    limit: Annotated[int, Between(LEAST_LIMIT, MOST_LIMIT)] = LIMIT
    accuracy: float = ACCURACY

    @property
    def label(self) -> str:
        """The part of a column name that tells this operator, such as ``rate_per_1h``."""
        if self.q is not None:
            return f"p{100 * self.q:.12g}".replace(".", "_")
        label = self.name if self.place == 1 else f"{self.name}_{_ordinal(self.place)}"
        if self.half_life:
            return f"{label}_half_life_{self.half_life}"
        return f"{label}_per_{self.per}" if self.per else label

    def problems(self, where: str) -> Iterator[Problem]:
        """Yields the mistakes of this operator; ``where`` is its path in the definition."""
        if self.name not in OPERATORS:
            cure = f"use one of {', '.join(OPERATORS)}"
            yield Problem(f"{where}.name", self.name, "no such operator", cure)
        if self.name in COUNTS and self.default is not None:
            yield Problem(
                f"{where}.default", self.default, "an empty window counts 0", "leave it out"
            )
        if self.name == "rate" or self.per is not None:
            yield from duration_problems(f"{where}.per", self.per)
        if self.name == "decayed_mean" or self.half_life is not None:
            yield from duration_problems(f"{where}.half_life", self.half_life)
        if self.name == "quantile" and self.q is None:
            yield Problem(f"{where}.q", self.q, "not a rank", "write a number from 0 to 1")
        if not LEAST_ACCURACY <= self.accuracy < 1:
            yield Problem(
                f"{where}.accuracy", self.accuracy, "not a relative error that can be kept",
                f"write {LEAST_ACCURACY} or more, and less than 1",
            )  # fmt: skip


def _ordinal(place: int) -> str:
    teens = 10 <= place % 100 < 20
    return f"{place}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(place % 10, 'th')}"


def count(*, min_count: int = 0) -> Op:
    """Counts the values of a column, or the events where no column is named."""
    return Op("count", None, min_count)


def count_nulls(*, min_count: int = 0) -> Op:
    """Counts the events that have no value in the column: missing, NaN or infinite."""
    return Op("count_nulls", None, min_count)


def sum(*, default: float | None = None, min_count: int = 0) -> Op:
    """Adds the values; exact for Integer columns."""
    return Op("sum", default, min_count)


def mean(*, default: float | None = None, min_count: int = 0) -> Op:
    """Averages the values."""
    return Op("mean", default, min_count)


def min(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the least value."""
    return Op("min", default, min_count)


def max(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the greatest value."""
    return Op("max", default, min_count)


def var(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the sample variance (ddof 1), missing for fewer than two values."""
    return Op("var", default, min_count)


def std(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the sample standard deviation (ddof 1), missing for fewer than two values."""
    return Op("std", default, min_count)


def skew(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the sample skewness (adjusted Fisher-Pearson G1, as pandas does).

    Missing for fewer than three values, and where all are equal.
    """
    return Op("skew", default, min_count)


def quantile(
    q: float, *, limit: int = LIMIT, accuracy: float = ACCURACY,
    default: float | None = None, min_count: int = 0,
) -> Op:  # fmt: skip
    """Takes the quantile of rank ``q``, interpolated linearly; ``quantile(0.5)`` is the median.

    Exact for windows of up to ``limit`` distinct values. Beyond, it is within ``accuracy``,
    relative, of the value of rank floor(q * (n - 1)).
    """
    return Op("quantile", default, min_count, q=q, limit=limit, accuracy=accuracy)


def distinct(*, limit: int = LIMIT, min_count: int = 0) -> Op:
    """Counts the distinct values, text or numbers.

    Exact for windows of up to ``limit`` of them. Beyond, it is an estimate of relative standard
    error 1 / sqrt(limit - 2).
    """
    return Op("distinct", None, min_count, limit=limit)


def most_frequent(
    k: int = 1, *, limit: int = LIMIT, default: float | None = None, min_count: int = 0
) -> tuple[Op, ...]:
    """Takes the ``k`` most frequent values, text or numbers, a column for each.

    Of equally frequent ones, the smallest comes first. Missing where there are fewer, and for
    windows of more than ``limit`` distinct values.
    """
    return tuple(
        Op("most_frequent", default, min_count, place=place, limit=limit) for place in _places(k)
    )


def decayed_mean(*, half_life: str, default: float | None = None, min_count: int = 0) -> Op:
    """Averages the values, each weighing half as much for every half-life that it is old."""
    return Op("decayed_mean", default, min_count, half_life=half_life)


def first(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the value of the earliest event; ties break as for `last`."""
    return Op("first", default, min_count)


def last(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the value of the latest event; equal times are ordered by availability, then value."""
    return Op("last", default, min_count)


def last_k(k: int, *, default: float | None = None, min_count: int = 0) -> tuple[Op, ...]:
    """Takes the ``k`` latest values, a column for each, the latest first; missing beyond."""
    return tuple(Op("last", default, min_count, place=place) for place in _places(k))


def _places(k: int) -> Iterable[int]:
    """Returns 1 to k; of what is not a number of places, itself, for the definition to refuse."""
    return range(1, k + 1) if isinstance(k, int) and 1 <= k <= MOST_PLACES else (k,)


def rate(*, per: str = "1h", default: float | None = None, min_count: int = 0) -> Op:
    """Takes the change from the first value to the last, per so much time between the two.

    Missing for a single value, and where all are of one time.
    """
    return Op("rate", default, min_count, per)


def seconds_since_last(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the seconds since the latest value, or the latest event where no column is named."""
    return Op("seconds_since_last", default, min_count)
