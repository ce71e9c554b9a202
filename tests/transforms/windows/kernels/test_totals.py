"""Sums read from running totals: to the bit what digits tell, and one rounding of the truth."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.windows.kernels.encoding import to_numbers
from forebay.transforms.windows.kernels.matching import Match, match
from forebay.transforms.windows.kernels.values import Events, Requests
from forebay.transforms.windows.states.sums import Addends, Sums, SweptSums

WIDTH_US = 5
# How far apart the bits of all numbers are, so that digits keep them all: less than 84, and 56.
SPANS = {1: (53, 30), 2: (26, 29)}


@st.composite
def questions(draw: st.DrawFn) -> tuple[int, np.ndarray, Match]:
    """An order, numbers, missing ones among them, and requests for them of a few keys."""
    order = draw(st.sampled_from([1, 2]))
    bits, spread = SPANS[order]
    unit = draw(st.one_of(st.integers(-1074, 930), st.integers(-60, 0)))
    sizes = st.one_of(st.integers(-9, 9), st.integers(-(2**bits) + 1, 2**bits - 1))
    number = st.builds(lambda m, e: math.ldexp(m, e + unit), sizes, st.integers(0, spread))
    told = draw(st.lists(st.tuples(number, st.booleans()), min_size=1, max_size=30))
    n = len(told)

    def drawn(of: st.SearchStrategy[int], size: int) -> np.ndarray:
        return np.array(draw(st.lists(of, min_size=size, max_size=size)), np.int64)

    keys, times, rows = st.integers(0, 2), st.integers(0, 12), st.integers(0, 9)
    events = Events(drawn(keys, n), drawn(times, n), np.ones(n, bool), drawn(rows, n))
    requests = Requests(drawn(keys, 6), drawn(times, 6), drawn(rows, 6))
    matched = match(events, requests, [(WIDTH_US, 0)])
    values, valid = (np.array(part) for part in zip(*told, strict=True))
    return order, to_numbers(values[matched.events], valid[matched.events]), matched


def held(numbers: np.ndarray, matched: Match) -> list[list[Fraction]]:
    """The numbers in each request's window, itself not in it."""
    sweep, found = matched.sweep, [[] for _ in matched.requests]
    for i, place in enumerate(matched.requests):
        own, p = set(), sweep.own[i]
        while p >= 0:
            own.add(p)
            p = sweep.following[p]
        found[place] = [
            int(numbers[p, 0]) * Fraction(2) ** int(numbers[p, 1])
            for p in range(sweep.starts[0, i], sweep.stops[0, i])
            if p not in own
        ]
    return found


def rounded(number: Fraction) -> float:
    """The float nearest to a fraction; Python rounds once."""
    try:
        return number.numerator / number.denominator
    except OverflowError:
        return math.inf if number > 0 else -math.inf


@given(questions())
def test_what_running_totals_tell_is_what_digits_tell(
    question: tuple[int, np.ndarray, Match],
) -> None:
    order, numbers, matched = question
    addends = Addends(numbers, order, matched)
    assert addends.running is not None
    swept = Sums(SweptSums(addends, 0))
    written = swept.written()
    windows = held(numbers, matched)
    counts = np.array([len(window) for window in windows])
    sums = [rounded(sum(window, Fraction(0))) for window in windows]
    means = [rounded(sum(window, Fraction(0)) / max(1, len(window))) for window in windows]
    for found in (swept, written):
        np.testing.assert_array_equal(found.sums(counts), sums)
        np.testing.assert_array_equal(found.means(counts), means)
    if order == 2:
        np.testing.assert_array_equal(swept.deviations(counts), written.deviations(counts))


def test_digits_are_asked_where_running_totals_are_not_exact_or_tell_more() -> None:
    two = np.zeros(2, np.int64)
    matched = match(Events(two, two, two == 0, two), Requests(two, two + 1, None), [(None, 0)])

    def running(*values: float, order: int = 1) -> bool:
        numbers = to_numbers(np.array(values), np.ones(2, bool))
        return Addends(numbers, order, matched).running is not None

    assert running(1.0, 2.0**80)
    assert not running(1.0, 2.0**120)
    assert not running(1.0, 2.0**2, order=3)
    assert running(1.0, 2.0**50, order=2)
    assert not running(1.0, 2.0**80, order=2)
