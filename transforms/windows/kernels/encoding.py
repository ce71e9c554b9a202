"""Values as the leaves of window trees, and the trees' answers as values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Beyond 2 to these powers, sums of up to 2**31 values, their squares or cubes might overflow.
_SAFE = {1: 960, 2: 480, 3: 320}
_LEAF_WIDTH = {1: 2, 2: 4, 3: 5}
_SIGN = np.int64(2**63 - 1)


def float_leaves(data: Ints | Floats, valid: Bools, order: int) -> tuple[Floats, int]:
    """Make the leaves that :func:`forebay.transforms.windows.kernels.moments.sweep_floats` reads.

    Columns of extreme magnitude are scaled by a power of two, which is exact unless their small
    values vanish beside the large.

    Args:
        data: int64 or float64 (n,), finite where valid.
        valid: bool (n,).
        order: 1 for sums, 2 for squared deviations too, 3 for cubed ones too.

    Returns:
        leaves: float64 (n, 2, 4 or 5), all zero where not valid.
        exponent: the values are the leaves times 2**exponent.
    """
    leaves = np.zeros((data.size, _LEAF_WIDTH[order]))
    exponent = 0
    if data.dtype == np.int64:
        whole = np.where(valid, data, 0).astype(np.int64)
        low = whole & 0xFFFFFFFF  # both parts have few enough bits to be floats
        high = (whole - low).astype(np.float64)
        leaves[:, 0] = high + low
        leaves[:, 1] = low - (leaves[:, 0] - high)
    else:
        leaves[:, 0], exponent = scaled(np.where(valid, data, 0.0), order)
    if order > 1:
        leaves[:, 2] = valid
    return leaves, exponent


def scaled(data: Floats, order: int) -> tuple[Floats, int]:
    """Divide by the power of two that brings the greatest magnitude to where powers are safe.

    Args:
        data: float64 (n,), finite.
        order: the highest power that will be added up, 1 to 3.

    Returns:
        float64 (n,), and the exponent of the power of two.
    """
    safe = _SAFE[order]
    peak = int(np.frexp(np.max(np.abs(data), initial=0.0))[1])
    exponent = 0 if abs(peak) <= safe else peak - safe if peak > 0 else peak
    return np.ldexp(data, -exponent) if exponent else data, exponent


def whole_sums(sums: Floats) -> tuple[Ints, Bools]:
    """Turn exact double-double sums of integers into int64.

    Args:
        sums: float64 (m, s >= 2), high and low parts.

    Returns:
        int64 (m,), and bool (m,): whether the sum is one.
    """
    high, low = sums[:, 0], sums[:, 1]
    end = 2.0**63
    fits = (high < end) | ((high == end) & (low < 0))
    fits &= (high > -end) | ((high == -end) & (low >= 0))
    high, low = np.where(fits, high, 0.0), np.where(fits, low, 0.0)
    # 2**63 itself has no int64, but its halves do; adding up wraps there and back.
    upper = np.floor(high / 2)
    return upper.astype(np.int64) + (high - upper).astype(np.int64) + low.astype(np.int64), fits


def to_ranks(data: Ints | Floats) -> Ints:
    """Map values to int64 that are ordered as they are (and -0.0 before 0.0)."""
    if data.dtype == np.int64:
        return data.astype(np.int64)
    return _flip(data.view(np.int64))


def from_ranks(ranks: Ints, dtype: np.dtype[np.int64] | np.dtype[np.float64]) -> Ints | Floats:
    """Undo :func:`to_ranks` for values of a type."""
    return ranks if dtype == np.int64 else _flip(ranks).view(np.float64)


def _flip(bits: Ints) -> Ints:
    """Reverse the order of negative floats' bits, which descend as integers; its own inverse."""
    return bits ^ ((bits >> 63) & _SIGN)
