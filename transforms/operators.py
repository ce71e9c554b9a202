"""The operators of windowed aggregates, as data."""

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.durations import DURATION_CURE, parse_duration
from transforms.errors import Problem

OPERATORS = (
    "count", "count_nulls", "sum", "mean", "min", "max", "var", "std", "first", "last", "rate",
    "seconds_since_last",
)  # fmt: skip
# What an empty window counts is 0, never a default.
COUNTS = ("count", "count_nulls")
# Operators that need no column: they look at the events themselves.
OF_EVENTS = ("count", "seconds_since_last")


@dataclass(frozen=True)
class Op:
    """One operator of a windowed aggregate.

    Attributes:
        name: one of `OPERATORS`.
        default: the value of an empty window; None: missing (a count is 0 then).
        min_count: a window with fewer values than this, but at least one, is missing; an empty
            one gives ``default``.
        per: the time to which a rate refers, such as ``"1h"``.
    """

    name: str
    default: float | None = None
    min_count: int = 0
    per: str | None = None

    @property
    def label(self) -> str:
        """The part of a column name that tells this operator, such as ``rate_per_1h``."""
        return f"{self.name}_per_{self.per}" if self.per else self.name

    def problems(self, where: str) -> Iterator[Problem]:
        """Yields the mistakes of this operator; ``where`` is its path in the definition."""
        if self.name not in OPERATORS:
            yield Problem(
                where, self.name, "no such operator", f"use one of {', '.join(OPERATORS)}"
            )
        if self.name in COUNTS and self.default is not None:
            yield Problem(
                f"{where}.default", self.default, "an empty window counts 0", "leave it out"
            )
        if self.min_count < 0:
            yield Problem(f"{where}.min_count", self.min_count, "negative", "write 0 or more")
        if self.name == "rate" and not parse_duration(self.per or ""):
            yield Problem(f"{where}.per", self.per, "not a positive duration", DURATION_CURE)


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


def first(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the value of the earliest event; ties break as for `last`."""
    return Op("first", default, min_count)


def last(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the value of the latest event; equal times are ordered by availability, then value."""
    return Op("last", default, min_count)


def rate(*, per: str = "1h", default: float | None = None, min_count: int = 0) -> Op:
    """Takes the change from the first value to the last, per so much time between the two.

    Missing for a single value, and where all are of one time.
    """
    return Op("rate", default, min_count, per)


def seconds_since_last(*, default: float | None = None, min_count: int = 0) -> Op:
    """Takes the seconds since the latest value, or the latest event where no column is named."""
    return Op("seconds_since_last", default, min_count)
