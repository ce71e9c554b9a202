"""Where numbers are cut at given boundaries, compared as exactly as they are known."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.transforms.graph.missing import without_subnormal

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

_INT64 = np.iinfo(np.int64)


def parts_of(x: tf.Tensor, boundaries: Sequence[float], *, closed: bool = False) -> tf.Tensor:
    """Returns how many boundaries are no greater than a number, int64 (batch,).

    Whole numbers are compared as such, however large; a Number and its boundaries as float32 has
    them; a number of several columns in float64.

    Args:
        x: int64, float32 or float64 (batch,).
        boundaries: finite and ascending.
        closed: whether a number equal to the last boundary is still before it.
    """
    if x.dtype == tf.int64:
        given = tf.constant(_least_wholes(boundaries, closed))
    else:
        given = tf.constant(_floats(boundaries, closed, x.dtype.as_numpy_dtype))
        x = without_subnormal(x, x.dtype)
    return tf.searchsorted(given, x, side="right", out_type=tf.int64)


def _floats(boundaries: Sequence[float], closed: bool, dtype: type[Any]) -> Floats:
    """Returns boundaries without subnormals, which TensorFlow may take for zero."""
    given = np.array(boundaries, dtype)
    least = np.finfo(dtype).tiny
    given[np.abs(given) < least] = 0
    if closed:
        given[-1] = least if given[-1] == 0 else np.nextafter(given[-1], dtype(np.inf))
        given[np.abs(given) < least] = 0
    return given


def _least_wholes(boundaries: Sequence[float], closed: bool) -> Ints:
    """Returns the least whole number from each boundary on; those beyond int64 are left out."""
    wholes = [math.ceil(boundary) for boundary in boundaries]
    if closed:
        wholes[-1] = math.floor(boundaries[-1]) + 1
    return np.array([max(n, _INT64.min) for n in wholes if n <= _INT64.max], np.int64)
