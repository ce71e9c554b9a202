"""Fast windowed aggregates against the naive oracle, and the laws of the window contract."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import get_args

import naive_windows as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from naive_windows import Event, Request

from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate, Operation
from forebay.transforms.windows.states.from_events import partial, summarise
from forebay.transforms.windows.states.to_values import finish

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
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
exponents = st.integers(-330, 460)
floats = st.one_of(
    st.integers(-3, 3).map(float),
    st.integers(0, 9).map(lambda n: 1e9 + n / 8),
    st.builds(lambda f, e: math.ldexp(f, e), st.floats(-1, 1, width=32), exponents).filter(
        lambda x: x == 0 or abs(x) > 1e-100
    ),
    st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0, 0.1]),
)
ints = st.one_of(
    st.integers(-3, 3),
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
    if spec.op in ("var", "std"):
        return exact * Fraction(1, 10**9)
    if spec.op == "skew":
        return Fraction(math.sqrt(len(values))) / 10**9
    if spec.op == "seconds_since_last":
        return exact * Fraction(1, 10**15)
    if spec.op == "rate":
        return 2 * largest * spec.per_us * Fraction(1, 10**12)
    if spec.op in ("decayed_mean", "quantile"):
        return largest * Fraction(1, 10**11)
    magnitudes = sum((abs(Fraction(value)) for value in values), Fraction(0))
    return magnitudes * Fraction(1, 10**12) / (len(values) if spec.op == "mean" else 1)


def has_safe_cubes(events: Sequence[Event], spec: Aggregate, values: list[float]) -> bool:
    """Whether magnitudes are not as far apart as skew excludes."""
    largest = max((abs(value) for _, value in naive.with_value(events, spec.column)), default=0)
    spread = max(values, default=0) - min(values, default=0)
    return largest < 1e96 and spread > 1e-86


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
            and spec.op in ("sum", *EXACT)
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
            if spec.op == "skew" and values and not has_safe_cubes(known, spec, values):
                continue
            number, about = got.data[place].item(), (spec, request, values)
            assert bool(got.valid[place]) == (exact is not None), about
            if exact is None:
                assert number == 0 if whole else math.isnan(number)
            elif rounded and (values or (spec.column is None and window)):
                assert abs(Fraction(number) - exact) <= tolerance(spec, exact, values), about
            else:
                assert number == (exact if whole else float(exact)), about


def same(left: Values, right: Values, spec: Aggregate, events: Sequence[Event]) -> None:
    """Equal validity; values equal to the bit, or where rounding may differ, within tolerance."""
    assert left.data.dtype == right.data.dtype
    np.testing.assert_array_equal(left.valid, right.valid)
    a, b = left.data[left.valid], right.data[right.valid]
    if spec.column == "x" and spec.op in ("sum", "mean"):
        largest = [abs(v) for _, v in naive.with_value(events, "x")] or [0.0]
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * len(events) * max(largest))
    elif spec.op in ("var", "std"):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=0)
    elif spec.op == "skew":
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-8)
    elif spec.op == "decayed_mean":
        largest = [abs(v) for _, v in naive.with_value(events, str(spec.column))] or [0.0]
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11 * max(largest))
    else:
        assert a.tobytes() == b.tobytes()


def all_same(
    one: list[Values], other: list[Values], wanted: Sequence[Aggregate], events: Sequence[Event]
) -> None:
    for left, right, spec in zip(one, other, wanted, strict=True):
        same(left, right, spec, events)


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


TWINS = [Event(0, 5, 1, {"x": 1.0, "i": 1}, 5), Event(0, 5, 2, {"x": 2.0, "i": 2}, 4)]


@given(events_lists, requests_lists, several_options, st.booleans())
@example([], [Request(0, 0, 0)], [((None, 0), None, 0)], True)
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
    all_same([Values(e.data[places], e.valid[places]) for e in expected], got, wanted, events)


@given(events_lists, requests_lists, several_options, st.booleans())
@fewer
def test_keys_can_be_computed_apart_to_the_bit(
    events: list[Event], requests: list[Request], choices: list, late: bool
) -> None:
    wanted = make_aggregates(choices)
    expected = fast(events, requests, wanted, late)
    for key in {r.key for r in requests}:
        places = [place for place, r in enumerate(requests) if r.key == key]
        own_key = [e for e in events if e.key == key]
        got = fast(own_key, [requests[place] for place in places], wanted, late)
        for one, other in zip(expected, got, strict=True):
            assert one.data[places].tobytes() == other.data.tobytes()
            assert one.valid[places].tobytes() == other.valid.tobytes()


def unmoved_by(
    extra: Callable[[list[Event], list[Request]], list[Event]],
    events: list[Event],
    requests: list[Request],
    wanted: list[Aggregate],
    late: bool,
) -> None:
    """Adding events changes nothing."""
    more = events + extra(events, requests)
    assume(len(more) > len(events))
    all_same(
        fast(events, requests, wanted, late), fast(more, requests, wanted, late), wanted, events
    )


loud = {"x": 1e20, "i": 10**6}


@given(events_lists, requests_lists, several_options, st.booleans(), clustered)
@fewer
def test_the_future_is_not_seen(
    events: list[Event], requests: list[Request], choices: list, late: bool, after: int
) -> None:
    def future(_: list[Event], requests: list[Request]) -> list[Event]:
        latest = max(r.time for r in requests)
        time = min(latest + after, INT64_MAX)
        return [Event(r.key, time, 99, loud, 0) for r in requests]

    unmoved_by(future, events, requests, make_aggregates(choices), late)


@given(events_lists, requests_lists, several_options, clustered)
@fewer
def test_what_becomes_known_later_is_not_seen(
    events: list[Event], requests: list[Request], choices: list, after: int
) -> None:
    def unknown(_: list[Event], requests: list[Request]) -> list[Event]:
        latest = max(r.time for r in requests)
        known = min(latest + after, INT64_MAX)
        return [Event(r.key, r.time - 1, 99, loud, known) for r in requests if r.time > 0]

    unmoved_by(unknown, events, requests, make_aggregates(choices), late=True)


@given(events_lists, requests_lists, several_options, st.booleans(), st.integers(-9, -1))
@fewer
def test_own_events_are_not_seen_whatever_their_time(
    events: list[Event], requests: list[Request], choices: list, late: bool, before: int
) -> None:
    def own(_: list[Event], requests: list[Request]) -> list[Event]:
        return [
            Event(r.key, r.time + before, r.row, loud, INT64_MIN) for r in requests if r.time > 0
        ]

    # One request per key: what is its own event would be another's past.
    only = {r.key: dataclasses.replace(r, row=100) for r in requests}
    requests = list(only.values())
    unmoved_by(own, events, requests, make_aggregates(choices), late)


@given(events_lists, st.lists(rows, min_size=2, max_size=6), times, several_options)
@fewer
def test_rows_of_equal_time_never_see_each_other(
    events: list[Event], twins: list[int], instant: int, choices: list
) -> None:
    requests = [Request(0, instant, 100 + twin) for twin in twins]

    def simultaneous(_: list[Event], requests: list[Request]) -> list[Event]:
        return [Event(0, instant, r.row, loud, INT64_MIN) for r in requests]

    unmoved_by(simultaneous, events, requests, make_aggregates(choices), late=True)


@given(events_lists, st.lists(st.builds(Request, keys, clustered, rows), min_size=1, max_size=8),
       several_options, st.booleans())  # fmt: skip
@fewer
def test_the_far_past_is_not_in_bounded_windows(
    events: list[Event], requests: list[Request], choices: list, late: bool
) -> None:
    def past(_: list[Event], requests: list[Request]) -> list[Event]:
        return [Event(r.key, -1000, 99, loud, -1000) for r in requests]

    bounded = [(window, *rest) for window, *rest in choices if window[0] and window[0] < 1000]
    assume(bounded)
    assume(all(window[1] < 1000 for window, *_ in bounded))
    unmoved_by(past, events, requests, make_aggregates(bounded), late)
