"""Compiled arithmetic on whole numbers of many digits, to be rounded to floats at the end.

Numbers are magnitudes as digits to the base 2**28, the least significant first: int64 arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled

Ints = NDArray[np.int64]

BITS = 28
MASK = (1 << BITS) - 1


@compiled
def bit_length(size: np.uint64) -> int:
    """The number of bits of an unsigned number."""
    length = 0
    for step in (32, 16, 8, 4, 2, 1):
        if size >> np.uint64(step):
            size >>= np.uint64(step)
            length += step
    return length + (1 if size else 0)


@compiled
def settle(number: Ints) -> bool:
    """Carry, and make a number its magnitude; returns whether it was negative."""
    last = number.size - 1
    for k in range(last):
        number[k + 1] += number[k] >> BITS
        number[k] &= MASK
    if number[last] >= 0:
        return False
    for k in range(last):
        number[k] = -number[k]
        if k:
            number[k] += number[k - 1] >> BITS
            number[k - 1] &= MASK
    number[last] = -number[last] + (number[last - 1] >> BITS)
    number[last - 1] &= MASK
    return True


@compiled
def _first(number: Ints) -> int:
    """Where the digits that are not 0 begin."""
    first = 0
    while first < number.size and number[first] == 0:
        first += 1
    return first


@compiled
def _end(number: Ints) -> int:
    """Where the digits that are not 0 end."""
    end = number.size
    while end > 0 and number[end - 1] == 0:
        end -= 1
    return end


@compiled
def add_product(out: Ints, at: int, a: Ints, b: Ints, times: int) -> None:
    """Add ``times * a * b`` to a number, from its digit ``at`` on; up to 3 times either way."""
    first, end = _first(b), _end(b)
    for i in range(_first(a), _end(a)):
        factor = times * a[i]
        for j in range(first, end):
            out[at + i + j] += factor * b[j]


@compiled
def _nearest(high: np.int64, middle: np.int64, low: np.int64, rest: bool) -> float:
    """The float nearest to three digits, the first not 0, and whether anything follows; times 2."""
    bits = (high << BITS) | middle  # up to 56: two floats that are exact are rounded once
    return float(bits >> 3) * 2.0**32 + float(((bits & 7) << 29) | (low << 1) | rest)


@compiled
def rounded(number: Ints) -> tuple[float, int]:
    """The float nearest to a number: f * 2**e."""
    end = _end(number)
    if end == 0:
        return 0.0, 0
    middle = number[end - 2] if end > 1 else np.int64(0)
    low = number[end - 3] if end > 2 else np.int64(0)
    rest = _first(number) < end - 3
    return _nearest(number[end - 1], middle, low, rest), BITS * (end - 3) - 1


@compiled
def divided(number: Ints, by: int) -> tuple[float, int]:
    """The float nearest to a number divided by one of up to 35 bits: f * 2**e."""
    k = _end(number)
    if k == 0:
        return 0.0, 0
    first, inverse = _first(number), 1.0 / by
    left = high = middle = low = np.int64(0)
    while high == 0:
        k -= 1
        left <<= BITS
        if k >= 0:
            left += number[k]
        digit = np.int64(left * inverse)  # but for one
        left -= digit * by
        if left < 0:
            digit, left = digit - 1, left + by
        elif left >= by:
            digit, left = digit + 1, left - by
        high, middle, low = middle, low, digit
    return _nearest(high, middle, low, left != 0 or first < k), BITS * k - 1


@compiled
def scaled(f: float, e: int, top: int) -> float:
    """``f * 2**(e + 28 top)``, whatever is beyond the range of floats."""
    return math.ldexp(f, e + BITS * min(max(top, -200), 200))


@compiled
def squared_deviations(n: Ints, x: Ints, squares: Ints, at: int, out: Ints) -> bool:
    """``n Σ x² - (Σ x)²``, twice as many digits behind as Σ x has; whether it is below 0.

    It is not, unless digits that are not kept of Σ x² make it so, where it is 0 to their precision.

    Args:
        n: how many numbers.
        x: Σ x.
        squares: Σ x².
        at: the digit of the result that the squares begin at.
        out: the result, written over.
    """
    out[:] = 0
    add_product(out, at, n, squares, 1)
    add_product(out, 0, x, x, -1)
    return settle(out)
