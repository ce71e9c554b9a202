"""A hash of what a row holds, which says where it is written, whatever it was read from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from forebay.transforms.compiled import compiled
from forebay.transforms.hashing import LAST_SHIFT, ROUNDS, STEP

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

_PRIME, _BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)
# Numba makes constants of these: the rounds of SplitMix64's finalizer.
(_SHIFT_1, _FACTOR_1), (_SHIFT_2, _FACTOR_2) = (
    (np.uint64(shift), np.uint64(factor)) for shift, factor in ROUNDS
)


def hash_contents(columns: Sequence[pa.Array]) -> UInt64Array:
    """Returns a hash of each row of the given columns, uint64 (n,): equal rows, equal hashes.

    Two different rows share theirs with probability 2⁻⁶⁴. What is hashed is the value: 0.0 is -0.0,
    and any NaN another. Texts by FNV-1a (Fowler, Noll and Vo), numbers by SplitMix64.
    """
    total = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            _, offsets, data = column.buffers()
            bounds = np.frombuffer(offsets, np.int32)[column.offset :][: len(column) + 1]
            _add_texts(total, bounds, np.frombuffer(data or b"", np.uint8), valid)
        else:
            _add_numbers(total, _bits(column), valid)
    return total


def _bits(column: pa.Array) -> Int64Array:
    kind = column.type
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64()).fill_null(0.0).to_numpy() + 0.0
        numbers[np.isnan(numbers)] = np.nan
        return numbers.view(np.int64)  # type: ignore[no-any-return]
    if pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    bits = column.cast(pa.int64()) if pa.types.is_int32(column.type) else column.view(pa.int64())
    return bits.fill_null(0).to_numpy()  # type: ignore[no-any-return]


@compiled
def _mixed(total: np.uint64, value: np.uint64) -> np.uint64:
    z = (total ^ value) + STEP
    z = (z ^ (z >> _SHIFT_1)) * _FACTOR_1
    z = (z ^ (z >> _SHIFT_2)) * _FACTOR_2
    return z ^ (z >> LAST_SHIFT)


@compiled
def _add_numbers(total: UInt64Array, bits: Int64Array, valid: npt.NDArray[np.bool_]) -> None:
    for i in range(total.size):
        value = _mixed(np.uint64(1), np.uint64(bits[i])) if valid[i] else np.uint64(0)
        total[i] = _mixed(total[i], value)


@compiled
def _add_texts(
    total: UInt64Array,
    bounds: npt.NDArray[np.int32],
    data: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_],
) -> None:
    for i in range(total.size):
        value = np.uint64(0)
        if valid[i]:
            value = _BASIS
            for place in range(bounds[i], bounds[i + 1]):
                value = (value ^ np.uint64(data[place])) * _PRIME
        total[i] = _mixed(total[i], value)
