"""Values as numbers that kernels add up or compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SIGN = np.int64(2**63 - 1)
_FRACTION, _EXPONENTS = 2**52 - 1, 2**11 - 1  # the fields of a float64
_LEAST_BIT = 1_075  # what is added to the exponent of a fraction's least bit


def split(data: Ints | Floats, valid: Bools) -> tuple[Floats, Ints]:
    """Split values into fractions and powers of two.

    Args:
        data: int64 or float64 (n,), finite where valid.
        valid: bool (n,).

    Returns:
        float64 (n,) from 0.5 to less than 1 in magnitude, 0 where not valid, and the exponents,
        int64 (n,). Integers beyond 2**53 are rounded.
    """
    fractions, exponents = np.frexp(np.where(valid, data, 0).astype(np.float64))
    return fractions, exponents.astype(np.int64)


def to_numbers(data: Ints | Floats, valid: Bools) -> Ints:
    """Values as :func:`forebay.transforms.windows.kernels.digits.sweep_digits` takes them, exactly.

    Args:
        data: int64 or float64 (n,), finite where valid.
        valid: bool (n,).

    Returns:
        int64 (n, 3): m, e and s of m * 2**(e + 28 s), m 0 where not valid.
    """
    return _to_numbers(data.view(np.int64), valid, data.dtype == np.float64)


@compiled
def _to_numbers(bits: Ints, valid: Bools, floating: bool) -> Ints:
    """The same, of whole numbers or of the bits of floats."""
    numbers = np.zeros((bits.size, 3), np.int64)
    for i in range(bits.size):
        if not valid[i]:
            continue
        number, exponent = bits[i], np.int64(0)
        if floating:
            number, exponent = bits[i] & _FRACTION, (bits[i] >> 52) & _EXPONENTS
            if exponent > 0:
                number |= _FRACTION + 1
            number = -number if bits[i] < 0 else number
            exponent = max(exponent, 1) - _LEAST_BIT
        numbers[i, 0], numbers[i, 1] = number, exponent
    return numbers


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
