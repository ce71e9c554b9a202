"""Hashes that say where a row is computed and in what order it is written.

They depend on the values alone, never on the machine, the run or the process.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

UInt64Array = npt.NDArray[np.uint64]


# SplitMix64 (Steele, Lea and Flood, 2014): the step from one number to the next, and the shifts of
# its finalizer, each with the factor after it; the last has none.
STEP = np.uint64(0x9E3779B97F4A7C15)
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = np.uint64(31)


def scramble(x: npt.NDArray[np.integer]) -> UInt64Array:
    """Scrambles 64-bit numbers, uint64 (n,), one to one, by SplitMix64."""
    z = x.astype(np.int64, copy=False).view(np.uint64) + STEP
    for shift, factor in ROUNDS:
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> LAST_SHIFT)


def hash_values(values: pa.Array) -> UInt64Array:
    """Returns a hash of each text or whole number, uint64 (n,), that hardly any two share.

    Whole numbers are scrambled one to one. The hash of a text adds up a random number for each
    byte at its place (Zobrist, 1970): of n texts, some two share theirs with probability n²/2⁶⁵.
    """
    if not pa.types.is_string(values.type):
        return scramble(pc.fill_null(values, 0).to_numpy())
    texts = pc.fill_null(values, "")
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1].astype(np.int64)
    text = np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]]
    lengths = np.diff(bounds)
    place = np.arange(len(text)) - np.repeat(bounds[:-1] - bounds[0], lengths)
    total = np.concatenate(
        [[np.uint64(0)], np.cumsum(scramble(place << 8 | text), dtype=np.uint64)]
    )
    return scramble((total[bounds[1:] - bounds[0]] - total[bounds[:-1] - bounds[0]]).view(np.int64))


def hash_rows(columns: Sequence[pa.Array]) -> UInt64Array:
    """Returns a hash of each row of the given columns, uint64 (n,); null is a value like any."""
    total = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        encoded = column.dictionary_encode(null_encoding="encode")
        texts = encoded.dictionary.cast(pa.string()).to_pylist()
        codes = np.array([zlib.crc32(str(text).encode()) for text in texts], np.int64)
        total = scramble(total.view(np.int64)) + scramble(codes)[encoded.indices.to_numpy()]
    return total
