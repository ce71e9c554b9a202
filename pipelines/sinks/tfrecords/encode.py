"""Transformed batches as TFRecord files of tf.Examples.

Encoding with tfx_bsl's encoder and TensorFlow's writer makes a Python object of each row and was
the largest cost in a profile of a whole run; the compiled pass of
:mod:`forebay.pipelines.sinks.tfrecords.wire` makes none and lets other threads run. Lists are
encoded before, a column at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from forebay.pipelines.sinks.tfrecords.frames import put_checksums
from forebay.pipelines.sinks.tfrecords.wire import (
    FIELD1,
    FIELD2,
    FIELD3,
    ByteArray,
    Int64Array,
    bytes_features,
    common_width,
    encode,
    float_features,
    int_features,
    varint_width,
    varints,
)

_NO_BYTES = np.empty(0, np.uint8)
_NOWHERE = np.empty(0, np.int64)


class _Column(NamedTuple):
    """A column as it stands in the records.

    Attributes:
        key: the key field of its map entry.
        head: what stands before the value in the feature of every row.
        width: the bytes of the value in every row; -1: it varies.
        values: uint8, the values of all rows.
        starts: int64 (n + 1,), where each begins in ``values``; only needed where widths vary.
    """

    key: bytes
    head: bytes
    width: int
    values: ByteArray
    starts: Int64Array = _NOWHERE

    @property
    def entry(self) -> bytes:
        """Its map entry, with noughts for the value."""
        feature = self.head + bytes(self.width)
        return _field(FIELD1, self.key + _field(FIELD2, feature))


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
    layout = _laid_out([_column(name, batch[name]) for name in sorted(batch.schema.names)], n)
    for first in range(0, n, rows):
        out, ends = encode(first, min(first + rows, n), *layout)
        put_checksums(out, ends)
        yield out


def _laid_out(columns: Sequence[_Column], n: int) -> tuple[np.ndarray, ...]:
    """Returns columns in order of name as `encode` takes them."""
    stretches, stretch_starts, stretch_columns = bytearray(), [0], [0]
    fixed, places, varying = [], [], []
    for column in columns:
        if column.width >= 0:
            stretches += column.entry
            fixed.append(column)
            places.append(len(stretches) - column.width)
        else:
            stretch_starts.append(len(stretches))
            stretch_columns.append(len(fixed))
            varying.append(column)
    return (
        np.frombuffer(stretches, np.uint8),
        _ints(*stretch_starts, len(stretches)),
        _ints(*stretch_columns, len(fixed)),
        _ints(*places),
        _ints(*(column.width for column in fixed)),
        _ends(column.values.size for column in fixed)[:-1],
        _joined(column.values for column in fixed),
        np.frombuffer(b"".join(column.key for column in varying), np.uint8),
        _ends(len(column.key) for column in varying),
        *_behind_each_other(varying, n),
    )


def _column(name: str, column: pa.Array) -> _Column:
    type_, key, values = column.type.value_type, _field(FIELD1, name.encode()), column.flatten()
    if column.null_count:
        raise ValueError(f"column {name!r}: some rows have no list")
    row_starts = column.offsets.to_numpy().astype(np.int64, copy=False)
    is_one_each = common_width(row_starts) == 1
    row_starts = row_starts - row_starts[0]
    if pa.types.is_float32(type_):
        numbers = values.to_numpy(zero_copy_only=False)
        as_bytes = np.ascontiguousarray(numbers).view(np.uint8)
        if is_one_each:
            return _Column(key, bytes([FIELD2, 6, FIELD1, 4]), 4, as_bytes)
        return _of_features(key, *float_features(row_starts, as_bytes))
    if pa.types.is_int64(type_):
        numbers = np.ascontiguousarray(values.to_numpy(zero_copy_only=False))
        width = varint_width(numbers) if is_one_each else 0
        if width:
            head = bytes([FIELD3, width + 2, FIELD1, width])
            return _Column(key, head, width, varints(numbers, width))
        return _of_features(key, *int_features(row_starts, numbers))
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        data, value_starts = _bytes(values)
        return _of_features(key, *bytes_features(row_starts, value_starts, data))
    raise TypeError(f"column {name!r} holds {type_}; tf.Examples take float32, int64 and binary")


def _of_features(key: bytes, features: ByteArray, starts: Int64Array) -> _Column:
    width = common_width(starts)
    return _Column(key, b"", width, features, starts)


def _bytes(column: pa.Array) -> tuple[ByteArray, Int64Array]:
    """Returns the bytes of all values, and where each begins, int64 (n + 1,)."""
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    found = np.frombuffer(data, np.uint8)[starts[0] : starts[-1]] if data else _NO_BYTES
    return found, starts - starts[0]


def _behind_each_other(columns: Sequence[_Column], n: int) -> tuple[Int64Array, ByteArray]:
    """Lays features of several columns behind each other: starts (columns, n + 1) and bytes."""
    starts, base = np.zeros((len(columns), n + 1), np.int64), 0
    for i, column in enumerate(columns):
        starts[i] = column.starts + base
        base = int(starts[i, -1])
    return starts, _joined(column.values for column in columns)


def _joined(parts: Iterable[ByteArray]) -> ByteArray:
    return np.concatenate([_NO_BYTES, *parts])


def _ends(sizes: Iterable[int]) -> Int64Array:
    """Returns where parts of these sizes begin and end that lie behind each other."""
    return np.cumsum([0, *sizes], dtype=np.int64)


def _ints(*numbers: int) -> Int64Array:
    return np.array(numbers, np.int64)


def _field(tag: int, content: bytes) -> bytes:
    """Returns a length-delimited field."""
    length, varint = len(content), bytearray()
    while length >= 0x80:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([tag, *varint, length]) + content
