"""Logarithmic buckets: numbers as integers that are right to a relative accuracy.

The sketch of Masson, Rim & Lee 2019, "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees": bounds of one bucket are at most ``gamma = (1 + a) / (1 - a)`` apart, so
that ``2 * low * high / (low + high)`` is within a of everything in it, relative to that. Zero is a
bucket of its own; negative numbers mirror the positive ones. Here each binade is cut into the
least number of buckets of equal ratio that will do, by comparison with bounds computed in decimal
arithmetic, not by logarithms: a larger number never gets a smaller bucket, and every machine gives
a number the same bucket.
"""

from __future__ import annotations

import functools
from decimal import ROUND_CEILING, Context, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.limits import LEAST_ACCURACY

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_LEAST_EXPONENT = -1073  # of np.frexp, of the least subnormal number


@functools.lru_cache(maxsize=16)
def _binade(accuracy: float) -> tuple[Floats, Floats]:
    """Lower bounds of the buckets of [0.5, 1), and their representatives, each float64 (b,)."""
    if not LEAST_ACCURACY <= accuracy < 1:
        raise ValueError(f"accuracy {accuracy}: give {LEAST_ACCURACY} or more, and less than 1")
    with localcontext(Context(prec=50)):
        a, two = Decimal(accuracy), Decimal(2)
        least = two.ln() / ((1 + a) / (1 - a)).ln()
        buckets = int(least.to_integral_value(ROUND_CEILING))
        ratio = two ** (1 / Decimal(buckets))
        bounds = [1 / two]
        for _ in range(buckets - 1):
            bounds.append(bounds[-1] * ratio)
        middles = [2 * low * ratio / (1 + ratio) for low in bounds]
    return np.array(bounds, np.float64), np.array(middles, np.float64)


def to_buckets(numbers: Floats, accuracy: float) -> Ints:
    """Put numbers into buckets.

    Args:
        numbers: float64 (n,), finite.
        accuracy: the greatest relative error, at least LEAST_ACCURACY and less than 1.

    Returns:
        int64 (n,), which ascend with the numbers; of the opposite sign for the opposite number.

    Raises:
        ValueError: the accuracy is out of range.
    """
    bounds, _ = _binade(accuracy)
    fraction, exponent = np.frexp(np.abs(numbers))
    place = np.searchsorted(bounds, fraction, side="right").astype(np.int64)  # from 1
    bucket = (exponent.astype(np.int64) - _LEAST_EXPONENT) * bounds.size + place
    return np.where(numbers == 0, 0, np.where(numbers < 0, -bucket, bucket))


def from_buckets(buckets: Ints, accuracy: float) -> Floats:
    """The numbers that stand for buckets.

    Args:
        buckets: int64 (n,), of :func:`to_buckets`.
        accuracy: the accuracy that was given there.

    Returns:
        float64 (n,), within the accuracy of every number of the bucket, relative to that number;
        of subnormal numbers, within half the least of them more.

    Raises:
        ValueError: the accuracy is out of range.
    """
    _, middles = _binade(accuracy)
    exponent, place = np.divmod(np.maximum(np.abs(buckets) - 1, 0), middles.size)
    size = np.ldexp(middles[place], exponent + _LEAST_EXPONENT)
    return np.where(buckets == 0, 0.0, np.copysign(size, buckets))
