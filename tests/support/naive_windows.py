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

import naive_multisets

Number = int | float  # or text, for operations that only compare
# From here on, the nearest float is infinite.
OVERFLOW = Fraction(sys.float_info.max) + 2**970
# Square roots of fractions far outside the range of floats, with digits to spare.
DECIMAL = Context(prec=60, Emax=10**6, Emin=-(10**6))


@dataclass(frozen=True)
class Event:
    key: int | None
    time: int | None
    row: int
    values: Mapping[str, Number | None] = field(default_factory=dict)
    available_at: int | None = None
    retired_at: int | None = None


@dataclass(frozen=True)
class Ask:
    """What to do with the values of a window, beside the operation."""

    default: Number | None = None
    min_count: int = 0
    place: int = 1
    per_us: int = 1
    half_life_us: int = 1
    q: float = 0.5
    limit: int = 1024


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
        if event.retired_at is not None and event.retired_at < request.time:
            continue
        if event.row == request.row:
            continue
        window.append(event)
    return window


def with_value(window: Iterable[Event], column: str) -> list[tuple[Event, Number]]:
    """The events that have text or a finite number in a column, with that value."""
    pairs = []
    for event in window:
        value = event.values[column]
        if value is not None and (isinstance(value, str) or math.isfinite(value)):
            pairs.append((event, value))
    return pairs


def aggregate(
    window: list[Event], op: str, column: str | None, ask: Ask = Ask(), request_time: int = 0
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
        return 0 if op in ("count", "distinct") else ask.default
    if count < ask.min_count:
        return None
    if op == "count":
        return count
    if op == "seconds_since_last":
        last = max(event.time for event in (window if column is None else [e for e, _ in pairs]))
        return Fraction(request_time - last, 10**6)
    return _of_values(op, pairs, ask)


def _of_values(op: str, pairs: list[tuple[Event, Number]], ask: Ask) -> Number | Fraction | None:
    values = [value for _, value in pairs]
    if op == "min":
        return min(values)
    if op == "max":
        return max(values)
    if op == "distinct":
        return len(set(values))
    if op == "quantile":
        return naive_multisets.quantile(values, ask.q)
    if op == "most_frequent":
        return naive_multisets.most_frequent(values, ask.place, ask.limit)
    ordered = sorted(pairs, key=lambda pair: _precedence(*pair))
    if op in ("first", "last"):
        outermost = ordered if op == "first" else ordered[::-1]
        return outermost[ask.place - 1][1] if len(ordered) >= ask.place else None
    if op == "rate":
        (first, begin), (last, end) = ordered[0], ordered[-1]
        if first.time == last.time:
            return None
        change = Fraction(end) - Fraction(begin)
        rate = change / (last.time - first.time) * ask.per_us
        return rate if abs(rate) < OVERFLOW else None
    if op == "decayed_mean":
        return _decayed_mean(ordered, ask.half_life_us)
    exact = _exact(op, [Fraction(value) for value in values])
    return exact if exact is not None and abs(exact) < OVERFLOW else None


def _decayed_mean(ordered: list[tuple[Event, Number]], half_life_us: int) -> Fraction:
    latest = ordered[-1][0].time
    weighted = total = Fraction(0)
    for event, value in ordered:
        half_lives = DECIMAL.divide(Decimal(latest - event.time), Decimal(half_life_us))
        weight = Fraction(DECIMAL.power(2, -half_lives)) if half_lives < 10**5 else Fraction(0)
        weighted += weight * Fraction(value)
        total += weight
    return weighted / total


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
        return _root(variance)
    if op == "skew":
        if count < 3 or variance == 0:
            return None
        cubes = sum(((value - mean) ** 3 for value in values), Fraction(0)) / count
        biased = cubes / _root(variance * (count - 1) / count) ** 3
        return biased * _root(Fraction(count * (count - 1))) / (count - 2)
    raise ValueError(op)


def _root(number: Fraction) -> Fraction:
    quotient = DECIMAL.divide(Decimal(number.numerator), Decimal(number.denominator))
    return Fraction(DECIMAL.sqrt(quotient))
