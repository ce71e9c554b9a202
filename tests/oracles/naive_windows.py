"""Windowed aggregates as the contract words them: one loop over requests, one over events.

Slow, exact (fractions and 60-digit square roots) and written from the contract alone, so that
whatever is fast has something to be compared with. It knows nothing of the code under test.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction

Number = int | float
LARGEST = Fraction(sys.float_info.max)
SMALLEST_INT, LARGEST_INT = -(2**63), 2**63 - 1
# Square roots of fractions far outside the range of floats, with digits to spare.
DECIMAL = Context(prec=60, Emax=10**6, Emin=-(10**6))


@dataclass(frozen=True)
class Event:
    key: int | None
    time: int | None
    row: int
    values: Mapping[str, Number | None] = field(default_factory=dict)
    available_at: int | None = None


@dataclass(frozen=True)
class Request:
    key: int | None
    time: int
    row: int


def seen(
    events: Iterable[Event],
    request: Request,
    window_us: int | None,
    lag_us: int = 0,
    availability_declared: bool = False,
) -> list[Event]:
    """The events in a request's window."""
    until = request.time - lag_us
    window = []
    for event in events:
        if event.key is None or event.key != request.key:
            continue
        if event.time is None or not event.time < until:
            continue
        if window_us is not None and event.time < until - window_us:
            continue
        if availability_declared and (
            event.available_at is None or not event.available_at < request.time
        ):
            continue
        if event.row == request.row:
            continue
        window.append(event)
    return window


def with_value(window: Iterable[Event], column: str) -> list[tuple[Event, Number]]:
    """The events that have a finite value in a column, with that value."""
    pairs = []
    for event in window:
        value = event.values[column]
        if value is not None and math.isfinite(value):
            pairs.append((event, value))
    return pairs


def aggregate(
    window: list[Event],
    op: str,
    column: str | None,
    default: Number | None = None,
    min_count: int = 0,
    request_time: int = 0,
    per_us: int = 1,
) -> Number | Fraction | None:
    """One operation on the events in a window: the exact result, or None for missing."""
    if column is None:
        count, pairs = len(window), []
    else:
        pairs = with_value(window, column)
        count = len(pairs)
    if op == "count_nulls":
        op, count = "count", len(window) - count
    if count == 0:
        return 0 if op == "count" else default
    if count < min_count:
        return None
    if op == "count":
        return count
    if op == "seconds_since_last":
        last = max(event.time for event in (window if column is None else [e for e, _ in pairs]))
        return Fraction(request_time - last, 10**6)
    values = [value for _, value in pairs]
    if op == "min":
        return min(values)
    if op == "max":
        return max(values)
    if op in ("first", "last"):
        ordered = sorted(pairs, key=lambda pair: _precedence(*pair))
        return ordered[0 if op == "first" else -1][1]
    if op == "rate":
        ordered = sorted(pairs, key=lambda pair: _precedence(*pair))
        (first, begin), (last, end) = ordered[0], ordered[-1]
        if first.time == last.time:
            return None
        change = Fraction(end) - Fraction(begin)
        rate = change / (last.time - first.time) * per_us
        return rate if max(abs(change), abs(rate)) <= LARGEST else None
    if op == "sum" and all(isinstance(value, int) for value in values):
        total = sum(values)
        return total if SMALLEST_INT <= total <= LARGEST_INT else None
    exact = _exact(op, [Fraction(value) for value in values])
    return exact if exact is not None and abs(exact) <= LARGEST else None


def _precedence(event: Event, value: Number) -> tuple[Number, ...]:
    if event.available_at is None:
        return (event.time, value)
    return (event.time, event.available_at, value)


def _exact(op: str, values: list[Fraction]) -> Fraction | None:
    total, count = sum(values, Fraction(0)), len(values)
    mean = total / count
    if op == "sum":
        return total
    if op == "mean":
        return mean
    if count < 2:
        return None
    variance = sum(((value - mean) ** 2 for value in values), Fraction(0)) / (count - 1)
    if op == "var":
        return variance
    if op == "std":
        quotient = DECIMAL.divide(Decimal(variance.numerator), Decimal(variance.denominator))
        return Fraction(DECIMAL.sqrt(quotient))
    raise ValueError(op)
