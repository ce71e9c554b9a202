"""The identity of a row: its input and its place in it."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

# Where a row starts, beside its columns, until it has its identity.
ROW_OFFSET = "__offset"

# A row is identified by its input's number and its offset there: inputs up to a terabyte.
_OFFSET_BITS = 40
_Whole = TypeVar("_Whole", int, npt.NDArray[np.int64])


def row_identity(number: int, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns the identities of the rows at the given offsets of an input, int64 (n,)."""
    return (np.int64(number) << _OFFSET_BITS) | offsets


def row_place(identity: _Whole) -> tuple[_Whole, _Whole]:
    """Returns the inputs' numbers and the offsets of rows, both int64 (n,), or of one row."""
    return identity >> _OFFSET_BITS, identity & ((1 << _OFFSET_BITS) - 1)
