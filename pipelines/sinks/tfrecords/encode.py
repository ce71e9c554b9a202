"""Transformed batches as TFRecord files of tf.Examples.

Encoding with tfx_bsl's encoder and TensorFlow's writer makes a Python object of each row and was
the largest cost in a profile of a whole run; the compiled pass of
:mod:`forebay.pipelines.sinks.tfrecords.wire` makes none and lets other threads run. It is made for
columns with one value in every row, which are most; lists are encoded before, a column at a time.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sinks.tfrecords.frames import put_checksums
from forebay.pipelines.sinks.tfrecords.wire import (
    BYTES,
    FEATURE,
    FIELD1,
    FLOAT,
    INT,
    ByteArray,
    Int64Array,
    bytes_features,
    encode,
    float_features,
    int_features,
)


def encode_examples(batch: pa.RecordBatch, rows: int) -> Iterator[ByteArray]:
    """Encodes a batch as the content of a TFRecord file.

    Args:
        batch: list columns of float32, int64 or binary, with lists of any length.
        rows: how many rows to encode at a time.

    Yields:
        uint8 (bytes,): a framed tf.train.Example for each of the next rows, in order.

    Raises:
        TypeError: a column is of another type.
        ValueError: a row has no list.
    """
    n = len(batch)
    names = sorted(batch.schema.names)
    kinds, floats, ints, spans = [], [], [], []
    for name in names:
        kind, values = _kind(name, batch[name]), batch[name].flatten()
        if not _is_one_each(batch[name]):
            spans.append(_features(kind, batch[name]))
            kind = FEATURE
        elif kind == FLOAT:
            floats.append(values.to_numpy(zero_copy_only=False))
        elif kind == INT:
            ints.append(values.to_numpy(zero_copy_only=False))
        else:
            spans.append(_bytes(values))
        kinds.append(kind)
    keys = [_key(name) for name in names]
    columns = (
        np.array(kinds, np.int64),
        np.cumsum([0, *map(len, keys)]),
        np.frombuffer(b"".join(keys), np.uint8),
        np.stack(floats).view(np.uint8).reshape(len(floats), -1)
        if floats
        else np.empty((0, 4 * n), np.uint8),
        np.stack(ints).astype(np.int64, copy=False) if ints else np.empty((0, n), np.int64),
        *_behind_each_other(spans, n),
    )
    for first in range(0, n, rows):
        out, ends = encode(first, min(first + rows, n), *columns)
        put_checksums(out, ends)
        yield out


def _kind(name: str, column: pa.Array) -> int:
    type_ = column.type.value_type
    if column.null_count:
        raise ValueError(f"column {name!r}: some rows have no list")
    if pa.types.is_float32(type_):
        return FLOAT
    if pa.types.is_int64(type_):
        return INT
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return BYTES
    raise TypeError(f"column {name!r} holds {type_}; tf.Examples take float32, int64 and binary")


def _is_one_each(column: pa.Array) -> bool:
    return bool(pc.all(pc.equal(pc.list_value_length(column), 1), min_count=0).as_py())


def _features(kind: int, column: pa.Array) -> tuple[ByteArray, Int64Array]:
    """Encodes lists as tf.train.Features: their bytes, and where each begins, (n + 1,)."""
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    row_starts = np.cumsum(np.append(0, lengths), dtype=np.int64)
    values = column.flatten()
    if kind == BYTES:
        data, value_starts = _bytes(values)
        return bytes_features(row_starts, value_starts, data)
    numbers = np.ascontiguousarray(values.to_numpy(zero_copy_only=False))
    if kind == FLOAT:
        return float_features(row_starts, numbers.view(np.uint8))
    return int_features(row_starts, numbers)


def _bytes(column: pa.Array) -> tuple[ByteArray, Int64Array]:
    """Returns the bytes of all values, and where each begins, int64 (n + 1,)."""
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    found = np.frombuffer(data, np.uint8)[starts[0] : starts[-1]] if data else _NO_BYTES
    return found, starts - starts[0]


_NO_BYTES = np.empty(0, np.uint8)


def _behind_each_other(
    spans: list[tuple[ByteArray, Int64Array]], n: int
) -> tuple[Int64Array, ByteArray]:
    """Lays the bytes of several columns behind each other: starts (columns, n + 1) and data."""
    starts, base = np.zeros((len(spans), n + 1), np.int64), 0
    for i, (_, found) in enumerate(spans):
        starts[i] = found + base
        base = int(starts[i, -1])
    return starts, np.concatenate([data for data, _ in spans]) if spans else _NO_BYTES


def _key(name: str) -> bytes:
    """Returns the key field of a map entry."""
    text = name.encode()
    length, varint = len(text), bytearray()
    while length >= 0x80:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([FIELD1, *varint, length]) + text
