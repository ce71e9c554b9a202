"""Compiled weights of means that forget: each value weighs half as much per half-life.

A value weighs 2**(t / half-life), t the time of its event: the mean is Σ w x / Σ w, whatever zero
times are counted from. After Cormode, Shkapenyuk, Srivastava & Xu 2009, "Forward Decay". The
weight's fraction is rounded once, its exponent is a whole number however large, and so weights and
weighted values are summed as digits without overflow or rounding: see :mod:`.digits`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.whole_numbers import BITS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SIZE = 2.0**53


@compiled
def weigh(
    fractions: Floats, exponents: Ints, valid: Bools, times: Ints, half_life_us: int
) -> tuple[Ints, Ints]:
    """Weigh values by the times of their events.

    Args:
        fractions: float64 (n,), from 0.5 to less than 1 in magnitude, or 0.
        exponents: int64 (n,): the values are fractions times two to these powers.
        valid: bool (n,), whether there is a value.
        times: int64 (n,) µs.
        half_life_us: the half-life in µs, positive.

    Returns:
        The weighted values and the weights, as `digits.sweep_digits` takes them: int64 (n, 3) each.
    """
    weighted, weights = np.zeros((times.size, 3), np.int64), np.zeros((times.size, 3), np.int64)
    for i in range(times.size):
        if not valid[i]:
            continue
        halvings = times[i] // half_life_us
        gone = (times[i] - halvings * half_life_us) / half_life_us
        weight = 2.0**gone  # from 1 to 2
        shift, place = halvings % BITS, halvings // BITS
        weights[i, 0], weights[i, 1], weights[i, 2] = np.int64(weight * _SIZE), shift - 53, place
        weighted[i, 0] = np.int64(fractions[i] * weight * _SIZE)
        weighted[i, 1], weighted[i, 2] = exponents[i] + shift - 53, place
    return weighted, weights
