"""Distinct counts, quantiles, most frequent values: against a naive oracle, and in parts."""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Sequence
from fractions import Fraction

import naive_multisets as naive
import naive_windows
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from naive_windows import Event, Request

from forebay.transforms.windows.kernels.encoding import to_ranks
from forebay.transforms.windows.kernels.matching import Match, match
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.multisets.multisets import Question, answer
from forebay.transforms.windows.multisets.parts import Multisets, collect, empty, merge, read

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
LARGEST = sys.float_info.max
FLOAT64 = np.dtype(np.float64)

# Few instants, so that ties and events exactly at q, q - w and q - lag are common.
clustered = st.integers(0, 12)
times = st.one_of(clustered, clustered, st.sampled_from([INT64_MIN, -5, INT64_MAX]))
keys = st.sampled_from([0, 0, 0, 1, 7, None])
rows = st.integers(0, 15)
floats = st.one_of(
    st.integers(-2, 2).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([None, 0.1, LARGEST, -LARGEST, 5e-324, -2.5e-308]),
)
ints = st.one_of(
    st.integers(-2, 2),
    st.integers(INT64_MIN, INT64_MAX),
    st.sampled_from([None, INT64_MIN, INT64_MAX, 2**53 + 1]),
)
events_lists = st.lists(
    st.builds(
        lambda key, time, row, x, i, known: Event(key, time, row, {"x": x, "i": i}, known),
        keys,
        st.one_of(times, times, times, st.none()),
        rows,
        floats,
        ints,
        st.one_of(times, times, times, st.none()),
    ),
    max_size=16,
)
requests_lists = st.lists(st.builds(Request, keys, times, rows), min_size=1, max_size=8)
windows = st.tuples(
    st.sampled_from([None, 1, 3, 8, INT64_MAX]), st.sampled_from([0, 0, 1, 3, INT64_MAX])
)
several_windows = st.lists(windows, min_size=1, max_size=3)
limits = st.sampled_from([3, 3, 4, 1024])
accuracies = st.sampled_from([0.01, 0.3, 0.9])
quantiles = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 0.999, 1.0]), st.floats(0, 1))

many = settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
fewer = settings(many, max_examples=300)


def make_match(
    events: Sequence[Event], requests: Sequence[Request], over: Sequence[tuple], late: bool
) -> Match:
    def codes(keys_: Sequence[int | None], missing: int = -1) -> np.ndarray:
        return np.array([missing if key is None else key for key in keys_], np.int64)

    def present(values: Sequence[int | None]) -> Values:
        return Values(codes(values, 0), np.array([value is not None for value in values], np.bool_))

    time = present([e.time for e in events])
    return match(
        Events(
            codes([e.key for e in events]),
            time.data,
            time.valid,
            codes([e.row for e in events]),
            available_at=present([e.available_at for e in events]) if late else None,
        ),
        Requests(
            codes([r.key for r in requests]),
            codes([r.time for r in requests]),
            codes([r.row for r in requests]),
        ),
        over,
    )


def column(events: Sequence[Event], name: str, matched: Match) -> tuple[np.ndarray, np.ndarray]:
    """Items by position, with junk where nothing is valid: it must never be read."""
    dtype = np.float64 if name == "x" else np.int64
    values = [events[place].values[name] for place in matched.events]
    data = np.array([77 if value is None else value for value in values], dtype)
    return to_ranks(data + dtype(0)), np.array([value is not None for value in values], np.bool_)


def windows_of(
    events: Sequence[Event], requests: Sequence[Request], over: tuple, late: bool, name: str
) -> list[list[float]]:
    """The values in each request's window, by the oracle."""
    known = [e if late else Event(e.key, e.time, e.row, e.values) for e in events]
    found = [naive_windows.seen(known, request, *over, late) for request in requests]
    return [[value for _, value in naive_windows.with_value(window, name)] for window in found]


def questions(limit: int, accuracy: float, qs: Sequence[float]) -> list[tuple]:
    """Every question, of which column, and which of its answers."""
    return [
        (Question("distinct", limit), "i", (1,)),
        (Question("quantile", limit, accuracy), "i", qs),
        (Question("quantile", limit, accuracy, FLOAT64), "x", qs),
        (Question("most_frequent", limit), "i", (1, 2, 4)),
        (Question("most_frequent", limit, dtype=FLOAT64), "x", (2, 1)),
    ]


def assert_quantile(got: float, values: list[float], q: float, question: Question) -> None:
    if naive.is_rough(values, question.limit):
        exact = naive.order_statistic(values, q)
        tiny = Fraction(5e-324) if abs(exact) < 1e-300 else 0
        bound = Fraction(question.accuracy) * abs(Fraction(exact)) * (1 + Fraction(1, 10**15))
        assert abs(Fraction(got) - Fraction(exact)) <= bound + tiny
        return
    exact = naive.quantile(values, q)
    magnitude = abs(Fraction(min(values))) + abs(Fraction(max(values)))
    assert abs(Fraction(got) - exact) <= magnitude * Fraction(1, 2**50) + Fraction(5e-324)
    assert float(min(values)) <= got <= float(max(values))


def assert_answers(
    question: Question,
    which: Sequence[float],
    data: np.ndarray,
    valid: np.ndarray,
    values: list[list[float]],
) -> None:
    """One window's answers (len(which), requests) against the oracle's lists of values."""
    assert data.shape == valid.shape == (len(which), len(values))
    for place, chosen in enumerate(which):
        for i, window in enumerate(values):
            got, there = data[place, i].item(), bool(valid[place, i])
            if question.op == "distinct":
                assert there
                exact = naive.distinct(window, question.limit)
                assert abs(Fraction(got) - exact) <= exact * Fraction(1, 2**51), window
                assert got == len(set(window)) or naive.is_rough(window, question.limit)
            elif question.op == "quantile":
                assert there == bool(window)
                if there:
                    assert_quantile(got, window, chosen, question)
                else:
                    assert np.isnan(got)
            else:
                best = naive.most_frequent(window, chosen, question.limit)
                assert there == (best is not None), (window, chosen)
                assert got == (to_ranks(np.array([best], question.dtype) + 0)[0] if there else 0)


# At the first instant that there is.
EARLIEST = [
    Event(0, INT64_MIN, 0, {"x": 1.0, "i": 1}, INT64_MIN),
    Event(0, INT64_MIN, 1, {"x": 1.0, "i": INT64_MIN}, INT64_MIN),
    Event(0, INT64_MIN + 1, 2, {"x": -3.0, "i": INT64_MAX}, 4),
]
# 0.0 and -0.0 are one value.
ZEROS = [Event(0, 0, 0, {"x": 0.0, "i": 0}), Event(0, 0, 1, {"x": -0.0, "i": 0})]


@given(events_lists, requests_lists, several_windows, limits, accuracies, quantiles, st.booleans())
@example([], [Request(0, 0, 0)], [(None, 0)], 3, 0.01, 0.5, True)
@example(EARLIEST, [Request(0, 0, 9)], [(None, 0), (None, 3), (8, 0)], 3, 0.01, 0.5, False)
@example(EARLIEST, [Request(0, INT64_MIN + 1, 9)], [(None, 0)], 3, 0.01, 0.5, True)
@example(ZEROS, [Request(0, 1, 9)], [(None, 0)], 3, 0.01, 0.0, False)
@many
def test_equals_the_naive_definition(
    events: list[Event],
    requests: list[Request],
    over: list[tuple],
    limit: int,
    accuracy: float,
    q: float,
    late: bool,
) -> None:
    matched = make_match(events, requests, over, late)
    asked = [requests[place] for place in matched.requests]
    for question, name, which in questions(limit, accuracy, (q, 1 - q)):
        data, valid = answer(
            question, *column(events, name, matched), matched, range(len(over)), which
        )
        for w, window in enumerate(over):
            values = windows_of(events, asked, window, late, name)
            assert_answers(question, which, data[:, w], valid[:, w], values)


def random_history(seed: int) -> tuple[list[Event], list[Request]]:
    """Hundreds of events on three keys, some of many different values."""
    rng = random.Random(seed)
    events = []
    for _ in range(300):
        time = rng.randrange(1000)
        x = None if rng.random() < 0.05 else rng.choice([rng.gauss(0, 9), float(rng.randrange(4))])
        i = rng.choice([rng.randrange(INT64_MIN, INT64_MAX), rng.randrange(5)])
        known = time + rng.randrange(-10, 10) + 300 * (seed % 2) * rng.randrange(2)
        row = rng.randrange(250)
        events.append(Event(rng.randrange(3), time, row, {"x": x, "i": i}, known))
    asked = [Request(e.key, e.time + rng.randrange(-50, 50), e.row) for e in events[::3]]
    return events, asked


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_naive_definition_on_longer_histories(seed: int) -> None:
    events, requests = random_history(seed)
    over = [(40, 0), (333, 7), (None, 0)]
    matched = make_match(events, requests, over, True)
    asked = [requests[place] for place in matched.requests]
    for question, name, which in questions([3, 20, 60][seed % 3], 0.02, (0.5, 0.9, 0.01)):
        data, valid = answer(question, *column(events, name, matched), matched, [2, 0, 1], which)
        for place, w in enumerate([2, 0, 1]):
            values = windows_of(events, asked, over[w], True, name)
            assert_answers(question, which, data[:, place], valid[:, place], values)


def in_parts(
    parts: Sequence[Sequence[Event]],
    requests: Sequence[Request],
    window: tuple,
    late: bool,
    question: Question,
    name: str,
    rng: random.Random,
) -> Multisets:
    """Multisets of each part, merged in some order, in the order of the requests given."""
    collected = []
    for part in parts:
        matched = make_match(part, requests, [window], late)
        (found,) = collect(question, *column(part, name, matched), matched, [0])
        rows_ = np.empty(len(requests), np.int64)
        rows_[matched.requests] = np.arange(len(requests))
        collected.append(Multisets.from_arrays(question, found.take(rows_).to_arrays()))
    while len(collected) > 1:
        one, other = rng.sample(range(len(collected)), 2)
        merged = merge(collected[one], collected[other])
        collected = [ms for i, ms in enumerate(collected) if i not in (one, other)] + [merged]
    return collected[0] if collected else empty(question, len(requests))


def assert_parts_agree(
    events: list[Event],
    requests: list[Request],
    window: tuple,
    asked: list[tuple],
    late: bool,
    rng: random.Random,
) -> None:
    labels = [rng.randrange(4) for _ in events]
    parts = [[e for e, of in zip(events, labels, strict=True) if of == p] for p in range(4)]
    matched = make_match(events, requests, [window], late)
    for question, name, which in asked:
        data, valid = answer(question, *column(events, name, matched), matched, [0], which)
        merged = in_parts(parts, requests, window, late, question, name, rng)
        whole = in_parts([events], requests, window, late, question, name, rng)
        for field in ("offsets", "items", "counts", "collapsed"):
            if not (question.op == "distinct" and field == "counts"):
                np.testing.assert_array_equal(getattr(merged, field), getattr(whole, field))
        got, there = read(merged, which)
        assert got[:, matched.requests].tobytes() == data[:, 0].tobytes()
        np.testing.assert_array_equal(there[:, matched.requests], valid[:, 0])
        assert got.dtype == data.dtype
        assert np.all(np.diff(merged.offsets)[~merged.collapsed] <= question.limit)


@given(events_lists, requests_lists, windows, limits, accuracies, quantiles, st.booleans(),
       st.randoms(use_true_random=False))  # fmt: skip
@fewer
def test_parts_merge_to_the_same_bits(
    events: list[Event],
    requests: list[Request],
    window: tuple,
    limit: int,
    accuracy: float,
    q: float,
    late: bool,
    rng: random.Random,
) -> None:
    asked = questions(limit, accuracy, (q, 1 - q))
    assert_parts_agree(events, requests, window, asked, late, rng)


@pytest.mark.parametrize("seed", range(6))
def test_parts_merge_to_the_same_bits_on_longer_histories(seed: int) -> None:
    events, requests = random_history(seed)
    asked = questions([3, 20, 60][seed % 3], 0.02, (0.5, 0.9, 0.01))
    rng = random.Random(seed)
    for window in [(40, 0), (333, 7), (None, 0)]:
        assert_parts_agree(events, requests, window, asked, True, rng)


@given(st.lists(floats.filter(lambda x: x is not None), min_size=1, max_size=9),
       st.lists(quantiles, min_size=2, max_size=6))  # fmt: skip
@many
def test_quantiles_never_fall_as_q_rises(values: list[float], qs: list[float]) -> None:
    events = [Event(0, 0, row, {"x": x}) for row, x in enumerate(values)]
    matched = make_match(events, [Request(0, 1, 99)], [(None, 0)], False)
    for limit in (3, 1024):
        question = Question("quantile", limit, 0.01, FLOAT64)
        items = column(events, "x", matched)
        data, _ = answer(question, *items, matched, [0], sorted(qs))
        assert np.all(data[1:, 0, 0] >= data[:-1, 0, 0])


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), quantiles)
@fewer
def test_exact_quantiles_are_those_of_numpy(values: list[float], q: float) -> None:
    events = [Event(0, 0, row, {"x": x}) for row, x in enumerate(values)]
    matched = make_match(events, [Request(0, 1, 99)], [(None, 0)], False)
    question = Question("quantile", dtype=FLOAT64)
    data, _ = answer(question, *column(events, "x", matched), matched, [0], [q])
    magnitude = functools.reduce(max, map(abs, values))
    np.testing.assert_allclose(data[0, 0, 0], np.quantile(values, q), atol=1e-14 * magnitude)
