"""Compiled sums of windows whose events are there for good: one running total less another.

Where a column's numbers are whole multiples of one power of two, and no sum of them is longer than
127 bits, running totals are exact, and so are the sums of windows. They are those of :mod:`.digits`
where these keep every bit, and what is read of them is rounded alike: in no bit does it show which
way a sum was found.

Totals are of x, or of x and x², in units of 2**exponent and its square: uint64 (n + 1, 2) each,
the lower and the upper half of a two's complement.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.ordering import NEVER
from forebay.transforms.windows.kernels.whole_numbers import (
    BITS,
    MASK,
    bit_length,
    divided,
    rounded,
    squared_deviations,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Halves = NDArray[np.uint64]

_EXACT = np.uint64(2**53)  # floats have every whole number up to here
_NEGATIVE = np.uint64(2**63)
_HALF = np.uint64(32)
_LOW = np.uint64(2**32 - 1)
_ZERO, _ONE = np.uint64(0), np.uint64(1)


@compiled
def _magnitude(number: np.int64) -> np.uint64:
    return _ZERO - np.uint64(number) if number < 0 else np.uint64(number)


@compiled
def extent(numbers: Ints) -> tuple[int, int]:
    """Where the bits of numbers lie.

    Args:
        numbers: int64 (n, 3): m, e and s of m * 2**(e + 28 s).

    Returns:
        The exponent of the least bit of any that is set, and that of the greatest plus 1; both 0
        where all numbers are.
    """
    least, greatest = 2**62, -(2**62)
    for p in range(numbers.shape[0]):
        if numbers[p, 0] != 0:
            exponent = numbers[p, 1] + BITS * numbers[p, 2]
            size = _magnitude(numbers[p, 0])
            greatest = max(greatest, exponent + bit_length(size))
            lowest = size & (_ZERO - size)
            least = min(least, exponent + bit_length(lowest) - 1)
    return (0, 0) if greatest < least else (least, greatest)


@compiled
def _shifted(size: np.uint64, by: int) -> tuple[np.uint64, np.uint64]:
    """The halves of ``size * 2**by``, which is whole and no longer than 128 bits."""
    if by <= 0:
        return size >> np.uint64(-by), _ZERO
    if by >= 64:
        return _ZERO, size << np.uint64(by - 64)
    return size << np.uint64(by), size >> np.uint64(64 - by)


@compiled
def _squared(size: np.uint64) -> tuple[np.uint64, np.uint64]:
    low, high = size & _LOW, size >> _HALF
    cross = low * high
    lowest = low * low
    middle = cross << np.uint64(33)
    total = lowest + middle
    carry = _ONE if total < lowest else _ZERO
    return total, high * high + (cross >> np.uint64(31)) + carry


@compiled
def _plus(a: Halves, at: int, low: np.uint64, high: np.uint64) -> None:
    """Write what one total and a number make to the next."""
    total = a[at, 0] + low
    a[at + 1, 0] = total
    a[at + 1, 1] = a[at, 1] + high + (_ONE if total < low else _ZERO)


@compiled
def add_up(numbers: Ints, exponent: int) -> Halves:
    """Running totals of numbers, of which the least bit that is set is that of the exponent."""
    totals = np.zeros((numbers.shape[0] + 1, 2), np.uint64)
    for p in range(numbers.shape[0]):
        by = numbers[p, 1] + BITS * numbers[p, 2] - exponent
        low, high = _ZERO, _ZERO
        if numbers[p, 0] != 0:
            low, high = _shifted(_magnitude(numbers[p, 0]), by)
        if numbers[p, 0] < 0:
            low, high = _negated(low, high)
        _plus(totals, p, low, high)
    return totals


@compiled
def add_up_squares(numbers: Ints, exponent: int) -> Halves:
    """Running totals of squares of numbers that are shorter than 64 bits."""
    totals = np.zeros((numbers.shape[0] + 1, 2), np.uint64)
    for p in range(numbers.shape[0]):
        size = _ZERO
        if numbers[p, 0] != 0:
            by = numbers[p, 1] + BITS * numbers[p, 2] - exponent
            size, _ = _shifted(_magnitude(numbers[p, 0]), by)
        low, high = _squared(size)
        _plus(totals, p, low, high)
    return totals


@compiled
def _negated(low: np.uint64, high: np.uint64) -> tuple[np.uint64, np.uint64]:
    return _ZERO - low, ~high + (_ONE if low == _ZERO else _ZERO)


@compiled
def _between(totals: Halves, start: int, stop: int) -> tuple[np.uint64, np.uint64]:
    borrow = _ONE if totals[stop, 0] < totals[start, 0] else _ZERO
    return totals[stop, 0] - totals[start, 0], totals[stop, 1] - totals[start, 1] - borrow


@compiled
def _sum(
    totals: Halves, start: int, stop: int, own: int, following: Ints
) -> tuple[np.uint64, np.uint64]:
    """The sum in a window, less a request's own events."""
    low, high = _between(totals, start, stop)
    while own != NEVER:
        if start <= own < stop:
            own_low, own_high = _between(totals, own, own + 1)
            borrow = _ONE if low < own_low else _ZERO
            low, high = low - own_low, high - own_high - borrow
        own = following[own]
    return low, high


@compiled
def _spread(low: np.uint64, high: np.uint64, number: Ints) -> None:
    """Write a magnitude of up to 127 bits as digits."""
    number[:] = 0
    number[0] = low & np.uint64(MASK)
    number[1] = (low >> np.uint64(28)) & np.uint64(MASK)
    number[2] = ((low >> np.uint64(56)) | (high << np.uint64(8))) & np.uint64(MASK)
    number[3] = (high >> np.uint64(20)) & np.uint64(MASK)
    number[4] = high >> np.uint64(48)


@compiled
def read_totals(
    totals: Halves, exponent: int, starts: Ints, stops: Ints, own: Ints, following: Ints,
    counts: Ints, places: Ints, dividing: bool,
) -> Floats:  # fmt: skip
    """Σ x of each window, or Σ x / n, rounded once.

    Args:
        totals: of x.
        exponent: their unit is 2**exponent.
        starts: int64 (m,), first position of the window.
        stops: int64 (m,), end of the window's positions.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        counts: int64 (m,), how many numbers there are, by place.
        places: int64 (m,), where the result of each request goes.
        dividing: whether by their number.

    Returns:
        float64 (m,); 0 where there is no number.
    """
    found = np.zeros(starts.size)
    number = np.zeros(6, np.int64)
    for i in range(starts.size):
        count = counts[places[i]]
        if count == 0:
            continue
        low, high = _sum(totals, starts[i], stops[i], own[i], following)
        negative = high >= _NEGATIVE
        if negative:
            low, high = _negated(low, high)
        if high == _ZERO and low <= _EXACT:
            f, e = float(low), 0
            if dividing:
                f /= float(count)
        else:
            _spread(low, high, number)
            f, e = divided(number, count) if dividing else rounded(number)
        found[places[i]] = math.ldexp(-f if negative else f, e + exponent)
    return found


@compiled
def read_deviations(
    totals: Halves, squares: Halves, exponent: int, starts: Ints, stops: Ints, own: Ints,
    following: Ints, counts: Ints, places: Ints,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Variances and their roots: see :func:`.moments.read_deviations`.

    Args:
        totals: of x.
        squares: of x².
        exponent: their units are 2**exponent and its square.
        starts: int64 (m,), first position of the window.
        stops: int64 (m,), end of the window's positions.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        counts: int64 (m,), how many numbers there are, by place.
        places: int64 (m,), where the result of each request goes.

    Returns:
        float64 (m,) each; 0 where there are less than two numbers.
    """
    variances, roots = np.zeros(starts.size), np.zeros(starts.size)
    x, of_squares, n = np.zeros(6, np.int64), np.zeros(6, np.int64), np.zeros(2, np.int64)
    number = np.zeros(12, np.int64)
    for i in range(starts.size):
        count = counts[places[i]]
        if count < 2:
            continue
        low, high = _sum(totals, starts[i], stops[i], own[i], following)
        if high >= _NEGATIVE:
            low, high = _negated(low, high)
        square, above = _sum(squares, starts[i], stops[i], own[i], following)
        e = 0
        # So that n Σ x², which is no less than (Σ x)², is exact as a float.
        if above == _ZERO and bit_length(square) + bit_length(np.uint64(count)) <= 53:
            f = float(np.uint64(count) * square - low * low) / float(count)
        else:
            n[0], n[1] = count & MASK, count >> BITS
            _spread(low, high, x)
            _spread(square, above, of_squares)
            squared_deviations(n, x, of_squares, 0, number)
            f, e = divided(number, count)
        f = f * (1 + (e & 1)) / (count - 1)
        e -= e & 1
        variances[places[i]] = math.ldexp(f, e + 2 * exponent)
        roots[places[i]] = math.ldexp(np.sqrt(f), (e >> 1) + exponent)
    return variances, roots
