"""The wire format of tf.Examples, written into TFRecord frames in one compiled pass.

The bytes follow two published formats: the protocol-buffer wire format of ``tf.train.Example``
(features in order of name, numbers packed) and TFRecord's framing
(:mod:`forebay.pipelines.sinks.tfrecords.frames` adds the checksums). Knows no Arrow.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.pipelines.tfrecord_format import CHECKSUM_BYTES, FRAME_BYTES, HEAD_BYTES
from forebay.transforms.compiled import compiled

ByteArray = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]

# Kinds of column: one value in each row, or a tf.train.Feature that is encoded already.
FLOAT, INT, BYTES, FEATURE = range(4)
# Tags of tf.train.Example: field number and wire type 2 (length-delimited).
FIELD1, _FIELD2, _FIELD3 = 0x0A, 0x12, 0x1A


@compiled
def encode(
    first: int,
    last: int,
    kinds: Any,
    key_starts: Any,
    keys: ByteArray,
    floats: Any,
    ints: Any,
    starts: Any,
    data: ByteArray,
) -> tuple[ByteArray, Int64Array]:
    """Encodes some of n rows of columns in order of name.

    Args:
        first: the first of them.
        last: the one after the last of them.
        kinds: int64 (columns,).
        key_starts: int64 (columns + 1,), where each column's key begins in ``keys``.
        keys: uint8, the key fields of the map entries.
        floats: uint8 (FLOAT columns, 4 n).
        ints: int64 (INT columns, n).
        starts: int64 (BYTES and FEATURE columns, n + 1), where each value begins in ``data``.
        data: uint8.

    Returns:
        uint8 (bytes,): a tf.train.Example for each row, in order, in frames that lack their
        checksums; and int64 (last - first,), where each frame ends.
    """
    sizes, ends = np.zeros(last - first, np.int64), np.zeros(last - first, np.int64)
    position = 0
    for row in range(first, last):
        size = _entries_size(row, kinds, key_starts, ints, starts)
        position += FRAME_BYTES + _field_size(size)
        sizes[row - first], ends[row - first] = size, position
    out = np.empty(position, np.uint8)
    position = 0
    for row in range(first, last):
        size = sizes[row - first]
        _put_length(out, position, _field_size(size))
        begin = position + HEAD_BYTES
        out[begin] = FIELD1
        at = _put_varint(out, begin + 1, size)
        at = _put_entries(out, at, row, kinds, key_starts, keys, floats, ints, starts, data)
        position = at + CHECKSUM_BYTES
    return out, ends


@compiled
def _entries_size(row: int, kinds: Any, key_starts: Any, ints: Any, starts: Any) -> int:
    total, i, b = 0, 0, 0
    for column in range(kinds.size):
        value = 8
        if kinds[column] == INT:
            value = 4 + _varint_size(ints[i, row])
            i += 1
        elif kinds[column] != FLOAT:
            value = starts[b, row + 1] - starts[b, row]
            if kinds[column] == BYTES:
                value = _field_size(_field_size(value))
            b += 1
        total += _field_size(key_starts[column + 1] - key_starts[column] + _field_size(value))
    return total


@compiled
def _put_entries(
    out: ByteArray,
    at: int,
    row: int,
    kinds: Any,
    key_starts: Any,
    keys: ByteArray,
    floats: Any,
    ints: Any,
    starts: Any,
    data: ByteArray,
) -> int:
    f, i, b = 0, 0, 0
    for column in range(kinds.size):
        kind = kinds[column]
        first, last = key_starts[column], key_starts[column + 1]
        value, start, stop = 8, 0, 0
        if kind == INT:
            value = 4 + _varint_size(ints[i, row])
        elif kind != FLOAT:
            start, stop = starts[b, row], starts[b, row + 1]
            value = stop - start if kind == FEATURE else _field_size(_field_size(stop - start))
        out[at] = FIELD1
        at = _put_varint(out, at + 1, last - first + _field_size(value))
        at = _copy(out, at, keys, first, last)
        out[at] = _FIELD2
        at = _put_varint(out, at + 1, value)
        if kind == FLOAT:
            out[at], out[at + 1], out[at + 2], out[at + 3] = _FIELD2, 6, FIELD1, 4
            at = _copy(out, at + 4, floats[f], 4 * row, 4 * row + 4)
            f += 1
        elif kind == INT:
            size = value - 4
            out[at], out[at + 1], out[at + 2], out[at + 3] = _FIELD3, size + 2, FIELD1, size
            at = _put_varint(out, at + 4, ints[i, row])
            i += 1
        else:
            if kind == BYTES:
                out[at] = FIELD1
                at = _put_varint(out, at + 1, _field_size(stop - start))
                out[at] = FIELD1
                at = _put_varint(out, at + 1, stop - start)
            at = _copy(out, at, data, start, stop)
            b += 1
    return at


@compiled
def float_features(row_starts: Int64Array, values: ByteArray) -> tuple[ByteArray, Int64Array]:
    """Encodes lists of floats.

    Args:
        row_starts: int64 (n + 1,), where each row's values begin.
        values: uint8 (4 values,), as float32.

    Returns:
        uint8, a tf.train.Feature for each row; and int64 (n + 1,), where each begins.
    """
    n = row_starts.size - 1
    starts = np.zeros(n + 1, np.int64)
    for row in range(n):
        length = 4 * (row_starts[row + 1] - row_starts[row])
        starts[row + 1] = starts[row] + _field_size(_field_size(length) if length else 0)
    out = np.empty(starts[n], np.uint8)
    for row in range(n):
        start, stop = 4 * row_starts[row], 4 * row_starts[row + 1]
        at = _put_head(out, starts[row], _FIELD2, stop - start)
        _copy(out, at, values, start, stop)
    return out, starts


@compiled
def int_features(row_starts: Int64Array, values: Int64Array) -> tuple[ByteArray, Int64Array]:
    """Encodes lists of integers, int64 (values,); else as `float_features`."""
    n = row_starts.size - 1
    starts, lengths = np.zeros(n + 1, np.int64), np.zeros(n, np.int64)
    for row in range(n):
        for i in range(row_starts[row], row_starts[row + 1]):
            lengths[row] += _varint_size(values[i])
        starts[row + 1] = starts[row] + _field_size(
            _field_size(lengths[row]) if lengths[row] else 0
        )
    out = np.empty(starts[n], np.uint8)
    for row in range(n):
        at = _put_head(out, starts[row], _FIELD3, lengths[row])
        for i in range(row_starts[row], row_starts[row + 1]):
            at = _put_varint(out, at, values[i])
    return out, starts


@compiled
def bytes_features(
    row_starts: Int64Array, value_starts: Int64Array, data: ByteArray
) -> tuple[ByteArray, Int64Array]:
    """Encodes lists of bytes, each beginning in ``data`` where ``value_starts`` says."""
    n = row_starts.size - 1
    starts, lengths = np.zeros(n + 1, np.int64), np.zeros(n, np.int64)
    for row in range(n):
        for i in range(row_starts[row], row_starts[row + 1]):
            lengths[row] += _field_size(value_starts[i + 1] - value_starts[i])
        starts[row + 1] = starts[row] + _field_size(lengths[row])
    out = np.empty(starts[n], np.uint8)
    for row in range(n):
        out[starts[row]] = FIELD1
        at = _put_varint(out, starts[row] + 1, lengths[row])
        for i in range(row_starts[row], row_starts[row + 1]):
            out[at] = FIELD1
            at = _put_varint(out, at + 1, value_starts[i + 1] - value_starts[i])
            at = _copy(out, at, data, value_starts[i], value_starts[i + 1])
    return out, starts


@compiled
def _put_head(out: ByteArray, at: int, tag: int, length: int) -> int:
    """Writes what stands before the packed numbers of a list, of that many bytes."""
    out[at] = tag
    at = _put_varint(out, at + 1, _field_size(length) if length else 0)
    if length:
        out[at] = FIELD1
        at = _put_varint(out, at + 1, length)
    return at


@compiled
def _field_size(length: int) -> int:
    """Returns the size of a field of that many bytes, its tag and length included."""
    return 1 + _varint_size(length) + length


@compiled
def _copy(out: ByteArray, at: int, source: ByteArray, start: int, stop: int) -> int:
    # Unsigned indices cannot wrap around, so that LLVM copies many bytes at a time.
    to, begin = np.uintp(at), np.uintp(start)
    for k in range(np.uintp(stop - start)):
        out[to + k] = source[begin + k]
    return at + stop - start


@compiled
def _varint_size(value: int) -> int:
    rest, size = np.uint64(value), 1
    while rest >= np.uint64(0x80):
        rest >>= np.uint64(7)
        size += 1
    return size


@compiled
def _put_varint(out: ByteArray, at: int, value: int) -> int:
    rest = np.uint64(value)
    while rest >= np.uint64(0x80):
        out[at] = np.uint8(rest & np.uint64(0x7F)) | np.uint8(0x80)
        rest >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(rest)
    return at + 1


@compiled
def _put_length(out: ByteArray, at: int, length: int) -> None:
    for k in range(8):
        out[at + k] = np.uint8((length >> (8 * k)) & 0xFF)
