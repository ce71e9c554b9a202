"""Compiled readings of sums: totals, means, variances and skewness of windows.

The sums come as the states of :mod:`.digits`. All is computed in whole numbers of many digits until
it is rounded to a float, so that no cancellation reaches the result, whatever the offset of the
data:

    Σ (x - mean)**2 = (n Σ x² - (Σ x)²) / n
    Σ (x - mean)**3 = (n² Σ x³ - 3 n Σ x Σ x² + 2 (Σ x)³) / n²

Numbers here are magnitudes as digits to the base 2**28, the least significant first.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.digits import BITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MASK = (1 << BITS) - 1


@compiled
def _settle(number: Ints) -> bool:
    """Carry, and make a number its magnitude; returns whether it was negative."""
    last = number.size - 1
    for k in range(last):
        number[k + 1] += number[k] >> BITS
        number[k] &= _MASK
    if number[last] >= 0:
        return False
    for k in range(last):
        number[k] = -number[k]
        if k:
            number[k] += number[k - 1] >> BITS
            number[k - 1] &= _MASK
    number[last] = -number[last] + (number[last - 1] >> BITS)
    number[last - 1] &= _MASK
    return True


@compiled
def _read(rows: Ints, i: int, first: int, length: int, number: Ints) -> bool:
    """Take digits of a state as a magnitude, which is longer; returns whether it was negative."""
    for k in range(length):
        number[k] = rows[i, first + length - 1 - k]
    for k in range(length, number.size):
        number[k] = 0
    return _settle(number)


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
def _add_product(out: Ints, at: int, a: Ints, b: Ints, times: int) -> None:
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
def _round(number: Ints) -> tuple[float, int]:
    """The float nearest to a number: f * 2**e."""
    end = _end(number)
    if end == 0:
        return 0.0, 0
    middle = number[end - 2] if end > 1 else np.int64(0)
    low = number[end - 3] if end > 2 else np.int64(0)
    rest = _first(number) < end - 3
    return _nearest(number[end - 1], middle, low, rest), BITS * (end - 3) - 1


@compiled
def _divide(number: Ints, by: int) -> tuple[float, int]:
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
def _scale(f: float, e: int, top: int) -> float:
    """``f * 2**(e + 28 top)``, whatever is beyond the range of floats."""
    return math.ldexp(f, e + BITS * min(max(top, -200), 200))


@compiled
def read_sums(rows: Ints) -> Floats:
    """Σ x of states, int64 (m, s), rounded once: float64 (m,)."""
    found = np.empty(rows.shape[0])
    number = np.zeros(6, np.int64)
    for i in range(rows.shape[0]):
        negative = _read(rows, i, 1, 4, number)
        f, e = _round(number)
        found[i] = _scale(-f if negative else f, e, rows[i, 0] - 3)
    return found


@compiled
def read_means(rows: Ints, counts: Ints) -> Floats:
    """Σ x / n, rounded once.

    Args:
        rows: int64 (m, s), states.
        counts: int64 (m,), n.

    Returns:
        float64 (m,); 0 for n = 0.
    """
    found = np.zeros(rows.shape[0])
    number = np.zeros(6, np.int64)
    for i in range(rows.shape[0]):
        if counts[i] > 0:
            negative = _read(rows, i, 1, 4, number)
            f, e = _divide(number, counts[i])
            found[i] = _scale(-f if negative else f, e, rows[i, 0] - 3)
    return found


@compiled
def read_ratios(rows: Ints, others: Ints) -> Floats:
    """Σ x / Σ y of states, int64 (m, s) each, the latter not negative: float64 (m,)."""
    found = np.zeros(rows.shape[0])
    number = np.zeros(6, np.int64)
    for i in range(rows.shape[0]):
        negative = _read(rows, i, 1, 4, number)
        f, e = _round(number)
        _read(others, i, 1, 4, number)
        by, of_by = _round(number)
        if by > 0.0:
            found[i] = _scale((-f if negative else f) / by, e - of_by, rows[i, 0] - others[i, 0])
    return found


@compiled
def _deviations(n: Ints, x: Ints, squares: Ints, out: Ints) -> bool:
    """``n Σ x² - (Σ x)²``, twice as many digits behind as Σ x has; whether it is below 0.

    It is not, unless digits that are not kept of Σ x² make it so, where it is 0 to their precision.
    """
    out[:] = 0
    _add_product(out, 2, n, squares, 1)
    _add_product(out, 0, x, x, -1)
    return _settle(out)


@compiled
def read_deviations(rows: Ints, counts: Ints) -> tuple[Floats, Floats]:
    """Variances, Σ (x - mean)**2 / (n - 1), and their roots, which may be where they are not.

    Args:
        rows: int64 (m, s), states of order 2 or more.
        counts: int64 (m,), n.

    Returns:
        float64 (m,) each; 0 for n < 2.
    """
    variances, roots = np.zeros(rows.shape[0]), np.zeros(rows.shape[0])
    x, squares, n = np.zeros(6, np.int64), np.zeros(8, np.int64), np.zeros(2, np.int64)
    number = np.zeros(12, np.int64)
    for i in range(rows.shape[0]):
        if counts[i] < 2:
            continue
        n[0], n[1] = counts[i] & _MASK, counts[i] >> BITS
        _read(rows, i, 1, 4, x)
        _read(rows, i, 5, 6, squares)
        if _deviations(n, x, squares, number):
            continue
        f, e = _divide(number, counts[i])
        f = f * (1 + (e & 1)) / (counts[i] - 1)
        e -= e & 1
        variances[i] = _scale(f, e, 2 * (rows[i, 0] - 3))
        roots[i] = _scale(np.sqrt(f), e >> 1, rows[i, 0] - 3)
    return variances, roots


@compiled
def read_skewness(rows: Ints, counts: Ints) -> Floats:
    """The adjusted Fisher-Pearson coefficient of each window.

    Args:
        rows: int64 (m, s), states of order 3.
        counts: int64 (m,), n.

    Returns:
        float64 (m,); NaN for n < 3 and where all x are equal.
    """
    found = np.full(rows.shape[0], np.nan)
    x, squares, cubes = np.zeros(6, np.int64), np.zeros(8, np.int64), np.zeros(11, np.int64)
    n, second, third = np.zeros(2, np.int64), np.zeros(12, np.int64), np.zeros(18, np.int64)
    product, n_squared = np.zeros(14, np.int64), np.zeros(4, np.int64)
    for i in range(rows.shape[0]):
        if counts[i] < 3:
            continue
        n[0], n[1] = counts[i] & _MASK, counts[i] >> BITS
        x_sign = -1 if _read(rows, i, 1, 4, x) else 1
        _read(rows, i, 5, 6, squares)
        sign = -1 if _read(rows, i, 11, 9, cubes) else 1
        if _deviations(n, x, squares, second):
            continue
        third[:], n_squared[:], product[:] = 0, 0, 0
        _add_product(n_squared, 0, n, n, 1)
        _settle(n_squared)
        _add_product(third, 3, n_squared, cubes, sign)
        _add_product(product, 0, x, squares, 1)
        _settle(product)
        _add_product(third, 2, n, product, -3 * x_sign)
        product[:] = 0
        _add_product(product, 0, x, x, 1)
        _settle(product)
        _add_product(third, 0, x, product, 2 * x_sign)
        sign = -1 if _settle(third) else 1
        f, e = _round(second)
        cubed, e3 = _round(third)
        if f == 0.0:
            continue
        root = np.sqrt(f * (1 + (e & 1)))
        skew = math.ldexp(cubed / root / root / root, e3 - (e >> 1) * 3)
        size = float(counts[i])
        found[i] = sign * skew * np.sqrt(size * (size - 1.0)) / (size - 2.0)
    return found
