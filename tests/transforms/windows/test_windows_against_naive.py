"""Fast windowed aggregates against the naive oracle, and the laws of the window contract."""

from __future__ import annotations

import dataclasses
import math
import random
import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import get_args

import naive_windows as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from naive_windows import Event, Request

from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate, Operation
from forebay.transforms.windows.states.from_events import partial, summarise
from forebay.transforms.windows.states.to_values import finish

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
LARGEST, SMALLEST = sys.float_info.max, Fraction(5e-324)
# Each operation, with what it is asked beside.
QUESTIONS: tuple[tuple[Operation, dict], ...] = (
    ("count", {}), ("sum", {}), ("mean", {}), ("min", {}), ("max", {}), ("var", {}), ("std", {}),
    ("skew", {}), ("first", {}), ("last", {}), ("first", {"place": 2}), ("last", {"place": 3}),
    ("rate", {"per_us": 3_600}), ("seconds_since_last", {}), ("decayed_mean", {"half_life_us": 3}),
    ("distinct", {}), ("quantile", {}), ("quantile", {"q": 0.9}), ("most_frequent", {}),
    ("most_frequent", {"place": 2, "limit": 3}),
)  # fmt: skip
EVENT_OPS = ("count", "seconds_since_last")
COUNTS = ("count", "distinct")
# Operations that give one of the values, or a number of them.
EXACT = ("count", "min", "max", "first", "last", "most_frequent")

# Few instants, so that ties and events exactly at q, q - w and q - lag are common.
clustered = st.integers(0, 12)
times = st.one_of(
    clustered,
    clustered,
    st.sampled_from([INT64_MIN, INT64_MIN + 3, -5, 1_600_000_000_000_000, INT64_MAX]),
)
keys = st.sampled_from([0, 0, 1, 7, None])
rows = st.integers(0, 15)
# Any double: a few that are alike, those that windows are for, and both ends of the range.
floats = st.one_of(
    st.integers(-3, 3).map(float),
    st.integers(0, 9).map(lambda n: 1e9 + n / 8),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(lambda n, e: math.ldexp(n, e), st.integers(-9, 9), st.integers(-1074, 1020)),
    st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0, 0.1, LARGEST, -LARGEST]),
)
ints = st.one_of(
    st.integers(-3, 3),
    st.integers(INT64_MIN, INT64_MAX),
    st.integers(2**53 - 2, 2**53 + 5),
    st.sampled_from([None, INT64_MIN, INT64_MAX, -(2**62), 2**62]),
)
events_lists = st.lists(
    st.builds(
        lambda key, time, row, x, i, *known: Event(key, time, row, {"x": x, "i": i}, *known),
        keys,
        st.one_of(times, times, times, st.none()),
        rows,
        floats,
        ints,
        st.one_of(times, times, times, st.none()),
        st.one_of(st.none(), st.none(), times),
    ),
    max_size=16,
)
requests_lists = st.lists(st.builds(Request, keys, times, rows), min_size=1, max_size=8)
windows = st.tuples(
    st.sampled_from([None, 1, 2, 3, 5, 8, INT64_MAX]), st.sampled_from([0, 0, 1, 3, INT64_MAX])
)
defaults = st.sampled_from([None, None, 0, 3, -1.5, 2**53 + 1])
options = st.tuples(windows, defaults, st.integers(0, 3))
several_options = st.lists(options, min_size=1, max_size=3)

many = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
fewer = settings(many, max_examples=200)


def make_aggregates(choices: Sequence[tuple]) -> list[Aggregate]:
    """Every operation on every column for each choice of window, default and least count."""
    wanted = []
    for (window_us, lag_us), default, min_count in choices:
        for op, beside in QUESTIONS:
            given_default = None if op in COUNTS else default
            columns = [None, "x", "i"] if op in EVENT_OPS else ["x", "i"]
            wanted += [
                Aggregate(op, column, window_us, lag_us, given_default, min_count, **beside)
                for column in columns
            ]
    return wanted


def column(numbers: Sequence[float | None], dtype: type) -> Values:
    valid = np.array([number is not None for number in numbers], np.bool_)
    # Junk where nothing is valid: it must never be read.
    data = np.array([77 if number is None else number for number in numbers], dtype)
    return Values(data, valid)


def codes(keys_: Sequence[int | None]) -> np.ndarray:
    return np.array([-1 if key is None else key for key in keys_], np.int64)


def table(events: Sequence[Event], late: bool) -> Events:
    """The oracle's events as the function under test takes them."""
    time = column([e.time for e in events], np.int64)
    retired_at = column([e.retired_at for e in events], np.int64)
    return Events(
        key=codes([e.key for e in events]),
        time=time.data,
        time_valid=time.valid,
        row=np.array([e.row for e in events], np.int64),
        values={
            "x": column([e.values["x"] for e in events], np.float64),
            "i": column([e.values["i"] for e in events], np.int64),
        },
        available_at=column([e.available_at for e in events], np.int64) if late else None,
        retired_at=retired_at if retired_at.valid.any() else None,
    )


def asked(requests: Sequence[Request]) -> Requests:
    return Requests(
        key=codes([r.key for r in requests]),
        time=np.array([r.time for r in requests], np.int64),
        row=np.array([r.row for r in requests], np.int64),
    )


def fast(
    events: Sequence[Event], requests: Sequence[Request], wanted: list[Aggregate], late: bool
) -> list[Values]:
    """The function under test, on the oracle's types."""
    return aggregate(table(events, late), asked(requests), wanted)


def undeclared(events: Sequence[Event], late: bool) -> list[Event]:
    """The events as the oracle should see them: without availability where none is declared."""
    return [e if late else dataclasses.replace(e, available_at=None) for e in events]


def tolerance(spec: Aggregate, exact: Fraction, values: list[float]) -> Fraction:
    """How far the contract lets a float result be from the exact one."""
    largest = max((abs(Fraction(value)) for value in values), default=Fraction(0))
    magnitudes = sum((abs(Fraction(value)) for value in values), Fraction(0))
    relative = {
        "sum": magnitudes / 10**12,
        "mean": magnitudes / 10**12 / max(len(values), 1),
        "var": exact / 10**9,
        "std": exact / 10**9,
        "skew": (1 + abs(exact)) / 10**9,
        "rate": abs(exact) / 10**12,
        "decayed_mean": largest / 10**11,
        "quantile": largest / 10**11,
        "seconds_since_last": exact / 10**15,
    }
    return relative[spec.op] + SMALLEST


def assert_agrees(
    events: Sequence[Event],
    requests: Sequence[Request],
    wanted: list[Aggregate],
    late: bool,
    found: list[Values] | None = None,
) -> None:
    """Every value of the fast path, or of what was found, against the oracle."""
    known = undeclared(events, late)
    columns = fast(events, requests, wanted, late) if found is None else found
    for spec, got in zip(wanted, columns, strict=True):
        whole = spec.op == "count" or (
            spec.column == "i"
            and spec.op in EXACT
            and (spec.default is None or float(spec.default).is_integer())
        )
        rounded = spec.op not in ("distinct", *EXACT) and not whole
        assert got.data.dtype == (np.int64 if whole else np.float64), spec
        ask = naive.Ask(
            spec.default, spec.min_count, spec.place, spec.per_us, spec.half_life_us, spec.q,
            spec.limit,
        )  # fmt: skip
        for place, request in enumerate(requests):
            window = naive.seen(known, request, spec.window_us, spec.lag_us, late)
            exact = naive.aggregate(window, spec.op, spec.column, ask, request.time)
            values = [v for _, v in naive.with_value(window, spec.column)] if spec.column else []
            number, about = got.data[place].item(), (spec, request, values)
            assert bool(got.valid[place]) == (exact is not None), about
            if exact is None:
                assert number == 0 if whole else math.isnan(number)
            elif rounded and (values or (spec.column is None and window)):
                assert abs(Fraction(number) - exact) <= tolerance(spec, exact, values), about
            else:
                assert number == (exact if whole else float(exact)), about


def assert_same(
    one: Sequence[Values], other: Sequence[Values], wanted: Sequence[Aggregate]
) -> None:
    """Equal to the bit."""
    for left, right, spec in zip(one, other, wanted, strict=True):
        assert left.data.dtype == right.data.dtype, spec
        assert left.data.tobytes() == right.data.tobytes(), spec
        assert left.valid.tobytes() == right.valid.tobytes(), spec


def divided(
    events: Sequence[Event],
    requests: Sequence[Request],
    wanted: list[Aggregate],
    late: bool,
    into: Sequence[int],
) -> list[Values]:
    """The function under test, from parts of the events, each put where ``into`` says."""
    parts = [[e for e, at in zip(events, into, strict=True) if at == part] for part in range(3)]
    first, *others = (partial(table(part, late), asked(requests), wanted) for part in parts)
    for other in others:
        first = first.merge(other)
    return finish(first, asked(requests), wanted)


def test_every_operation_is_asked() -> None:
    assert {op for op, _ in QUESTIONS} == set(get_args(Operation))


# At the first instant that there is.
EARLIEST = [
    Event(0, INT64_MIN, 0, {"x": 1.0, "i": 1}, INT64_MIN),
    Event(0, INT64_MIN, 1, {"x": 1.0, "i": INT64_MIN}, INT64_MIN),
    Event(0, INT64_MIN + 1, 2, {"x": -3.0, "i": INT64_MAX}, 4),
]
TWINS = [Event(0, 5, 1, {"x": 1.0, "i": 1}, 5), Event(0, 5, 2, {"x": 2.0, "i": 2}, 4)]


@given(events_lists, requests_lists, several_options, st.booleans())
@example([], [Request(0, 0, 0)], [((None, 0), None, 0)], True)
@example(EARLIEST, [Request(0, 0, 9)], [((None, 0), None, 0), ((None, 3), None, 0)], False)
@example(EARLIEST, [Request(0, INT64_MIN + 1, 9)], [((None, 0), None, 0)], True)
@example(TWINS, [Request(0, 5, 1), Request(0, 6, 3)], [((1, 0), None, 0)], True)
@many
def test_equals_the_naive_definition(
    events: list[Event], requests: list[Request], choices: list, late: bool
) -> None:
    assert_agrees(events, requests, make_aggregates(choices), late)


@given(events_lists, requests_lists, several_options, st.booleans(), st.data())
@fewer
def test_equals_the_naive_definition_from_parts_of_the_events(
    events: list[Event], requests: list[Request], choices: list, late: bool, data: st.DataObject
) -> None:
    wanted = make_aggregates(choices)
    into = data.draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    found = divided(events, requests, wanted, late, into)
    assert_agrees(events, requests, wanted, late, found)


@given(events_lists, requests_lists, several_options, st.booleans())
@fewer
def test_what_there_is_of_each_key_is_what_a_late_request_sees(
    events: list[Event], requests: list[Request], choices: list, late: bool
) -> None:
    """Of requests after everything in a window that holds everything: a summary will do."""
    wanted = [dataclasses.replace(a, window_us=None, lag_us=0) for a in make_aggregates(choices)]
    ended = [
        e for e in events
        if max(e.time or 0, e.available_at or 0, e.retired_at or 0) < INT64_MAX
    ]  # fmt: skip
    strangers = [Request(r.key, INT64_MAX, 99) for r in requests]
    keys = codes([r.key for r in requests])
    summary = summarise(table(ended, late), 8, wanted).take(keys)
    assert_agrees(ended, strangers, wanted, late, finish(summary, asked(strangers), wanted))


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_naive_definition_on_longer_histories(seed: int) -> None:
    """Trees of several levels: hundreds of events on three keys, four ways of being late."""
    rng = random.Random(seed)
    scale = [1.0, 1e9, 1e-3][seed % 3]
    delay = [0, 5, 300, 10**6][seed % 4]
    events = []
    for row in range(300):
        time = rng.randrange(1000)
        x = None if rng.random() < 0.05 else 1e9 + rng.random() * scale
        values = {"x": x, "i": rng.randrange(-9, 9)}
        known = time + rng.randrange(-10, 10) + delay * rng.randrange(2)
        retired = known + rng.randrange(200) if seed % 2 and rng.random() < 0.2 else None
        events.append(Event(rng.randrange(3), time, row, values, known, retired))
    requests = [Request(e.key, e.time + rng.randrange(-50, 50), e.row) for e in events[::4]]
    choices = [((40, 0), None, 0), ((333, 7), 0, 2), ((None, 0), None, 0)]
    wanted = make_aggregates(choices)
    late = delay > 0
    assert_agrees(events, requests, wanted, late)
    into = [rng.randrange(3) for _ in events]
    assert_agrees(events, requests, wanted, late, divided(events, requests, wanted, late, into))


@given(events_lists, requests_lists, several_options, st.booleans(), st.randoms())
@fewer
def test_the_order_of_events_and_requests_does_not_matter(
    events: list[Event],
    requests: list[Request],
    choices: list,
    late: bool,
    shuffled: random.Random,
) -> None:
    wanted = make_aggregates(choices)
    expected = fast(events, requests, wanted, late)
    places = shuffled.sample(range(len(requests)), len(requests))
    mixed = shuffled.sample(events, len(events))
    got = fast(mixed, [requests[place] for place in places], wanted, late)
    assert_same([Values(e.data[places], e.valid[places]) for e in expected], got, wanted)


UNSEEN = [
    *(Event(0, t, t, {"x": x, "i": t}, 0) for t, x in enumerate([1.0, 2.0, 4.0])),
    Event(0, 30, 30, {"x": LARGEST, "i": INT64_MAX}, 0),
    Event(7, 2, 31, {"x": -LARGEST, "i": INT64_MIN}, 0),
    Event(0, -9, 32, {"x": 1e300, "i": 2**62}, 0),
]


@given(events_lists, st.lists(st.builds(Request, keys, times, rows), min_size=1, max_size=4),
       options, st.booleans(), st.integers(0, 2), st.data())  # fmt: skip
@example(UNSEEN, [Request(0, 5, 99), Request(0, 40, 99)], ((8, 0), None, 0), True, 1, None)
@fewer
def test_a_row_is_told_of_its_windows_events_and_of_nothing_else(
    events: list[Event],
    requests: list[Request],
    choice: tuple,
    late: bool,
    parts: int,
    data: st.DataObject | None,
) -> None:
    """Neither earlier, later, unknown and own events nor other keys' decide a bit."""
    wanted = make_aggregates([choice])
    into = [0] * len(events)
    if data is not None:
        into = data.draw(st.lists(st.integers(0, parts), min_size=len(into), max_size=len(into)))
    found = divided(events, requests, wanted, late, into)
    known = undeclared(events, late)
    for place, request in enumerate(requests):
        seen = naive.seen(known, request, *choice[0], late)
        alone = fast(seen, [request], wanted, late)
        assert_same(
            [Values(column.data[[place]], column.valid[[place]]) for column in found],
            alone,
            wanted,
        )
