"""Vocabularies in the making: distinct texts and their weights, as Arrow tables.

A table has the columns ``token``, large_binary, and ``weight``: int64 where rows are counted, else
float64. What is kept, in what order, and the file's lines are those of ``tft.vocabulary``.
"""

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_transform.analyzers import get_empy_vocabulary_dummy_value

_TOKEN, _WEIGHT = "token", "weight"
_HEAVIEST_FIRST = [(_WEIGHT, "descending"), (_TOKEN, "descending")]


def counted_tokens(
    tokens: npt.NDArray[np.generic], weights: npt.NDArray[np.floating] | None
) -> pa.Table:
    """Returns the tokens of a batch with their weights.

    Args:
        tokens: bytes as objects, or whole numbers, (n,).
        weights: floats (n,); None: each counts 1.
    """
    if tokens.dtype == object:
        texts = pa.array(tokens, pa.large_binary())
    else:
        texts = pa.array(tokens).cast(pa.large_string()).cast(pa.large_binary())
    column = np.ones(len(tokens), np.int64) if weights is None else weights.astype(np.float64)
    return _summed(pa.table({_TOKEN: texts, _WEIGHT: column}))


def weighed(weights: Mapping[bytes | int, float]) -> pa.Table:
    """Returns tokens with their weights."""
    tokens = pa.array([_text(token) for token in weights], pa.large_binary())
    return pa.table({_TOKEN: tokens, _WEIGHT: pa.array(weights.values(), pa.float64())})


def _text(token: bytes | int) -> bytes:
    return token if isinstance(token, bytes) else str(token).encode()


def merged(tables: Sequence[pa.Table]) -> pa.Table:
    """Adds up the weights of several tables."""
    return tables[0] if len(tables) == 1 else _summed(pa.concat_tables(tables))


def _summed(table: pa.Table) -> pa.Table:
    found = table.group_by(_TOKEN, use_threads=False).aggregate([(_WEIGHT, "sum")])
    return pa.table({_TOKEN: found[_TOKEN], _WEIGHT: found[f"{_WEIGHT}_sum"]})


def divided(table: pa.Table, parts: int) -> Iterator[pa.Table]:
    """Yields so many tables; a token's text alone decides which of them it is in."""
    if parts == 1:
        yield table
        return
    places = np.array([part_of(token, parts) for token in table[_TOKEN].to_pylist()], np.int64)
    for part in range(parts):
        yield table.filter(pa.array(places == part))


def part_of(token: bytes | int, parts: int) -> int:
    """Returns which of so many parts a token is of."""
    return zlib.crc32(_text(token)) % parts


def pruned(table: pa.Table, threshold: float, top_k: int | None) -> pa.Table:
    """Leaves out tokens below a weight, then all but the first so many."""
    if threshold > float("-inf"):
        table = table.filter(pc.field(_WEIGHT) >= threshold)
    return table if top_k is None else table.sort_by(_HEAVIEST_FIRST).slice(0, top_k)


def write_vocabulary(table: pa.Table, path: str, dtype: str, *, with_weights: bool) -> None:
    """Writes a vocabulary's file, a token a line: the heaviest first, then by falling text.

    Args:
        table: what enters it, in any order.
        path: the file; its folder is made.
        dtype: the dtype of what the vocabulary is of, which decides what stands in an empty one.
        with_weights: whether a line begins with the weight and a space.
    """
    ordered = table.sort_by(_HEAVIEST_FIRST)
    entries = list(zip(ordered[_WEIGHT].to_pylist(), ordered[_TOKEN].to_pylist(), strict=True))
    entries = entries or [get_empy_vocabulary_dummy_value(dtype)]
    lines = [b"%s %s" % (str(w).encode(), t) if with_weights else t for w, t in entries]
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
