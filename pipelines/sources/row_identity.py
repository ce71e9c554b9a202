"""The identity of a row: its input and its place in it."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from forebay.transforms.errors import InputError

# Where a row starts, beside its columns, until it has its identity.
ROW_OFFSET = "__offset"

# A row is identified by its input's number and its offset there: inputs up to a terabyte, four
# million of them. Of several rows made of one, the later ones have a bit set and their number among
# them above the input's, which then has 13 bits.
_OFFSET_BITS = 40
_NUMBERS, _NUMBERS_OF_PARTS, _MOST_PARTS = (1 << 22) - 1, (1 << 13) - 1, (1 << 9) - 1
_PART_BIT, _PART_BITS = 62, 53
_Whole = TypeVar("_Whole", int, npt.NDArray[np.int64])


def row_identity(number: int, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns the identities of the rows at the given offsets of an input, int64 (n,)."""
    return (np.int64(number) << _OFFSET_BITS) | offsets


def row_place(identity: _Whole) -> tuple[_Whole, _Whole]:
    """Returns the inputs' numbers and the offsets of rows, both int64 (n,), or of one row."""
    numbers = _NUMBERS - (identity >> _PART_BIT) * (_NUMBERS - _NUMBERS_OF_PARTS)
    return (identity >> _OFFSET_BITS) & numbers, identity & ((1 << _OFFSET_BITS) - 1)


def is_part(identity: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tells which rows were made of others, bool (n,)."""
    return (identity >> _PART_BIT).astype(np.bool_)


def whole_row(identity: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns the row that was read of which each was made, int64 (n,): itself, if it was read."""
    number, offset = row_place(identity)
    return (number << _OFFSET_BITS) | offset


def parts_of(identity: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Gives each of several rows of one identity one of its own, int64 (n,); the first keeps it.

    Raises:
        InputError: there are too many of one, or too many inputs for that.
    """
    order = np.argsort(identity, kind="stable")
    _, starts, counts = np.unique(identity[order], return_index=True, return_counts=True)
    part = np.empty(len(identity), np.int64)
    part[order] = np.arange(len(identity)) - np.repeat(starts, counts)
    others = part > 0
    if not others.any():
        return identity
    if is_part(identity[others]).any():
        raise InputError("a row was repeated that is a repeated one itself; repeat rows once")
    if part.max() > _MOST_PARTS:
        raise InputError(
            f"{part.max() + 1:,} rows were made of one; make {_MOST_PARTS + 1} at most"
        )
    if row_place(identity[others])[0].max() > _NUMBERS_OF_PARTS:
        raise InputError(
            f"rows can be repeated of the first {_NUMBERS_OF_PARTS + 1:,} inputs only; join files"
        )
    marked = (np.int64(1) << _PART_BIT) | (part << _PART_BITS) | identity
    return np.where(others, marked, identity)
