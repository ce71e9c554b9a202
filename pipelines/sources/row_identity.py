"""The identity of a row: its file and its place in it."""

import numpy as np

# A row is identified by its file's number and its offset there: files up to a terabyte.
_OFFSET_BITS = 40


def row_identity(file_number: int, offsets: np.ndarray) -> np.ndarray:
    """Returns the identities of the rows at the given offsets of a file, int64 (n,)."""
    return (np.int64(file_number) << _OFFSET_BITS) | offsets


def row_place(identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the file numbers and offsets of rows, both int64 (n,)."""
    return identity >> _OFFSET_BITS, identity & ((1 << _OFFSET_BITS) - 1)
