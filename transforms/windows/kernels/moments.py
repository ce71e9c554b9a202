"""Compiled readings of sums: totals, means, variances and skewness of windows.

The sums come as the states of :mod:`.digits`. All is computed in whole numbers of many digits until
it is rounded to a float, so that no cancellation reaches the result, whatever the offset of the
data:

    Σ (x - mean)**2 = (n Σ x² - (Σ x)²) / n
    Σ (x - mean)**3 = (n² Σ x³ - 3 n Σ x Σ x² + 2 (Σ x)³) / n²
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.whole_numbers import (
    BITS,
    MASK,
    add_product,
    divided,
    rounded,
    scaled,
    settle,
    squared_deviations,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def _read(rows: Ints, i: int, first: int, length: int, number: Ints) -> bool:
    """Take digits of a state as a magnitude, which is longer; returns whether it was negative."""
    for k in range(length):
        number[k] = rows[i, first + length - 1 - k]
    for k in range(length, number.size):
        number[k] = 0
    return settle(number)


@compiled
def read_sums(rows: Ints) -> Floats:
    """Σ x of states, int64 (m, s), rounded once: float64 (m,)."""
    found = np.empty(rows.shape[0])
    number = np.zeros(6, np.int64)
    for i in range(rows.shape[0]):
        negative = _read(rows, i, 1, 4, number)
        f, e = rounded(number)
        found[i] = scaled(-f if negative else f, e, rows[i, 0] - 3)
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
            f, e = divided(number, counts[i])
            found[i] = scaled(-f if negative else f, e, rows[i, 0] - 3)
    return found


@compiled
def read_ratios(rows: Ints, others: Ints) -> Floats:
    """Σ x / Σ y of states, int64 (m, s) each, the latter not negative: float64 (m,)."""
    found = np.zeros(rows.shape[0])
    number = np.zeros(6, np.int64)
    for i in range(rows.shape[0]):
        negative = _read(rows, i, 1, 4, number)
        f, e = rounded(number)
        _read(others, i, 1, 4, number)
        by, of_by = rounded(number)
        if by > 0.0:
            found[i] = scaled((-f if negative else f) / by, e - of_by, rows[i, 0] - others[i, 0])
    return found


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
        n[0], n[1] = counts[i] & MASK, counts[i] >> BITS
        _read(rows, i, 1, 4, x)
        _read(rows, i, 5, 6, squares)
        if squared_deviations(n, x, squares, 2, number):
            continue
        f, e = divided(number, counts[i])
        f = f * (1 + (e & 1)) / (counts[i] - 1)
        e -= e & 1
        variances[i] = scaled(f, e, 2 * (rows[i, 0] - 3))
        roots[i] = scaled(np.sqrt(f), e >> 1, rows[i, 0] - 3)
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
        n[0], n[1] = counts[i] & MASK, counts[i] >> BITS
        x_sign = -1 if _read(rows, i, 1, 4, x) else 1
        _read(rows, i, 5, 6, squares)
        sign = -1 if _read(rows, i, 11, 9, cubes) else 1
        if squared_deviations(n, x, squares, 2, second):
            continue
        third[:], n_squared[:], product[:] = 0, 0, 0
        add_product(n_squared, 0, n, n, 1)
        settle(n_squared)
        add_product(third, 3, n_squared, cubes, sign)
        add_product(product, 0, x, squares, 1)
        settle(product)
        add_product(third, 2, n, product, -3 * x_sign)
        product[:] = 0
        add_product(product, 0, x, x, 1)
        settle(product)
        add_product(third, 0, x, product, 2 * x_sign)
        sign = -1 if settle(third) else 1
        f, e = rounded(second)
        cubed, e3 = rounded(third)
        if f == 0.0:
            continue
        root = np.sqrt(f * (1 + (e & 1)))
        skew = math.ldexp(cubed / root / root / root, e3 - (e >> 1) * 3)
        size = float(counts[i])
        found[i] = sign * skew * np.sqrt(size * (size - 1.0)) / (size - 2.0)
    return found
