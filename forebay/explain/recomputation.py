"""A windowed value computed anew from its listed events, apart from the engine.

Plain loops over the values of one window, so that `forebay explain` can tell when the events that
it lists are not those that the engine saw.
"""

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from forebay.explain.replacement import is_value
from forebay.explain.selection import Event, Explanation, Number, Value
from forebay.transforms.definition.operators import COUNTS, OF_ONE_VALUE, Op
from forebay.transforms.durations import duration_us


def recompute(explanation: Explanation) -> Value | None:
    """Computes a column's value from the events listed; None: missing."""
    op = explanation.column.op
    events = [e for e in explanation.events if is_value(e.value)]
    count = explanation.valued
    if op.name == "count_nulls":
        count = len(explanation.events) - count
    if not count:
        return 0 if op.name in COUNTS else op.default
    if count < op.min_count:
        return None
    if op.name in ("count", "count_nulls"):
        return count
    if explanation.column.windowed.value is None:
        events = list(explanation.events)
    if op.name == "seconds_since_last":
        return (explanation.column.answered_for(explanation.asked_us) - events[-1].time_us) / 1e6
    try:
        return _of_values(op, events)
    except OverflowError:  # beyond the largest float: the engine's answer is missing, too
        return None


def agree(engine: Value | None, explanation: Explanation) -> bool:
    """Returns whether the engine's value is that of the events listed, to its precision.

    Counts, values and sums of integers must be equal; sums and means may differ by 1e-12 of the
    values' magnitudes, deviations by 1e-9, skew by 1e-7 more. Estimates of windows with more
    distinct values than an operator's limit may differ by their stated error (five standard errors
    of a distinct count).
    """
    listed = recompute(explanation)
    if engine is None or listed is None or isinstance(engine, str) or isinstance(listed, str):
        return engine == listed
    if engine == listed:
        return True
    op = explanation.column.op
    numbers = [float(v) for v in _values(explanation.events) if not isinstance(v, str)]
    magnitudes = [abs(value) for value in numbers]
    scale = {
        "sum": math.fsum(magnitudes) * 1e-12,
        "mean": math.fsum(magnitudes) / max(len(magnitudes), 1) * 1e-12,
        "var": abs(listed) * 1e-9,
        "std": abs(listed) * 1e-9,
        "skew": abs(listed) * 1e-9 + 1e-7,
        "rate": abs(listed) * 1e-12,
        "decayed_mean": max(magnitudes, default=0.0) * 1e-11,
        "quantile": max(magnitudes, default=0.0) * 1e-12,
    }
    if len(set(_values(explanation.events))) > op.limit:
        if op.name == "distinct":
            return abs(engine - listed) <= 5 * listed / math.sqrt(op.limit - 2)
        if op.name == "quantile" and op.q is not None:
            statistic = sorted(numbers)[math.floor(op.q * (len(numbers) - 1))]
            return abs(engine - statistic) <= op.accuracy * abs(statistic)
    return abs(engine - listed) <= scale.get(op.name, 0.0)


def _values(events: Sequence[Event]) -> list[Value]:
    return [event.value for event in events if is_value(event.value)]


def _of_values(op: Op, events: Sequence[Event]) -> Value | None:
    """Applies an operator to the values of a window, at least one, in order of precedence."""
    values = _values(events)
    if op.name == "distinct":
        return len(set(values))
    if op.name in OF_ONE_VALUE:
        return _one_value(op, values)
    numbers: list[Number] = [value for value in values if not isinstance(value, str)]
    if op.name in ("min", "max"):
        return min(numbers) if op.name == "min" else max(numbers)
    if op.name == "quantile":
        return _quantile(numbers, op.q or 0.0)
    if op.name == "rate":
        gone_us = events[-1].time_us - events[0].time_us
        per_us = duration_us(str(op.per))
        return (numbers[-1] - numbers[0]) / gone_us * per_us if gone_us else None
    if op.name == "decayed_mean":
        ages_us = [events[-1].time_us - event.time_us for event in events]
        weights = [2.0 ** (-age_us / duration_us(str(op.half_life))) for age_us in ages_us]
        weighted = math.fsum(w * x for w, x in zip(weights, numbers, strict=True))
        return weighted / math.fsum(weights)
    if op.name == "sum" and all(isinstance(value, int) for value in numbers):
        return sum(numbers)
    return _of_moments(op.name, [float(value) for value in numbers])


def _one_value(op: Op, values: Sequence[Value]) -> Value | None:
    if op.name == "most_frequent":
        counts = Counter(values)
        if len(counts) > op.limit:
            return None
        values = sorted(counts, key=lambda value: (-counts[value], value))
    elif op.name == "last":
        values = values[::-1]
    return values[op.place - 1] if op.place <= len(values) else None


def _quantile(numbers: Sequence[Number], q: float) -> float:
    ordered = sorted(numbers)
    rank = q * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (rank - lower)


def _of_moments(op: str, numbers: Sequence[float]) -> float | None:
    total = math.fsum(numbers)
    if op == "sum":
        return total
    if op == "mean":
        return total / len(numbers)
    if len(numbers) < 2:
        return None
    variance = float(statistics.variance(numbers))
    if op == "var":
        return variance
    if op == "std":
        return math.sqrt(variance)
    n, mean = len(numbers), statistics.fmean(numbers)
    if n < 3 or not variance:
        return None
    cubes = math.fsum((value - mean) ** 3 for value in numbers) / math.sqrt(variance) ** 3
    return n / ((n - 1) * (n - 2)) * cubes
