"""Transformed batches as TFRecord files of tf.Examples, encoded in one compiled pass.

The bytes follow two published formats: the protocol-buffer wire format of ``tf.train.Example``
(features in order of name, one packed value each) and TFRecord's framing (length, masked CRC-32C
of the length, data, masked CRC-32C of the data).

Encoding with tfx_bsl's encoder and TensorFlow's writer makes a Python object of each row and was
the largest cost in a profile of a whole run; this pass makes none and lets other threads run.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tfrecord_frames import CHECKSUM_BYTES, FRAME_BYTES, HEAD_BYTES, put_checksums
from transforms.aggregation.ordering import compiled

ByteArray = npt.NDArray[np.uint8]

_FLOAT, _INT, _BYTES = 0, 1, 2
# Tags of tf.train.Example: field number and wire type 2 (length-delimited).
_FIELD1, _FIELD2, _FIELD3 = 0x0A, 0x12, 0x1A


def encode_examples(batch: pa.RecordBatch) -> ByteArray:
    """Encodes a batch as the content of a TFRecord file.

    Args:
        batch: list columns of float32, int64 or binary, one value in each list.

    Returns:
        uint8 (bytes,): a framed tf.train.Example for each row, in order.

    Raises:
        TypeError: a column is of another type.
        ValueError: a list holds more or fewer values than one.
    """
    n = len(batch)
    names = sorted(batch.schema.names)
    columns = [_scalars(name, batch[name]) for name in names]
    kinds = np.array(
        [_kind(name, c.type) for name, c in zip(names, columns, strict=True)], np.int64
    )
    floats = [
        c.to_numpy(zero_copy_only=False)
        for c, kind in zip(columns, kinds, strict=True)
        if kind == _FLOAT
    ]
    ints = [
        c.to_numpy(zero_copy_only=False)
        for c, kind in zip(columns, kinds, strict=True)
        if kind == _INT
    ]
    texts = [
        c.cast(pa.large_binary()) for c, kind in zip(columns, kinds, strict=True) if kind == _BYTES
    ]
    starts, data = _concatenated(texts, n)
    keys = [_key(name) for name in names]
    out, ends = _encode(
        n,
        kinds,
        np.cumsum([0, *map(len, keys)]),
        np.frombuffer(b"".join(keys), np.uint8),
        np.stack(floats).view(np.uint8).reshape(len(floats), -1)
        if floats
        else np.empty((0, 4 * n), np.uint8),
        np.stack(ints).astype(np.int64, copy=False) if ints else np.empty((0, n), np.int64),
        starts,
        data,
    )
    put_checksums(out, ends)
    return out


def _scalars(name: str, column: pa.Array) -> pa.Array:
    values = column.flatten()
    one_each = pc.all(pc.equal(pc.list_value_length(column), 1), min_count=0).as_py()
    if not one_each or len(values) != len(column):
        raise ValueError(f"column {name!r}: some rows hold more or fewer values than one")
    return values


def _kind(name: str, type_: pa.DataType) -> int:
    if pa.types.is_float32(type_):
        return _FLOAT
    if pa.types.is_int64(type_):
        return _INT
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return _BYTES
    raise TypeError(f"column {name!r} holds {type_}; tf.Examples take float32, int64 and binary")


def _concatenated(columns: list[pa.Array], n: int) -> tuple[npt.NDArray[np.int64], ByteArray]:
    """Lays the bytes of several columns behind each other: offsets (columns, n + 1) and data."""
    starts, parts, base = np.zeros((len(columns), n + 1), np.int64), [], 0
    for i, column in enumerate(columns):
        _, offsets, data = column.buffers()
        offset = np.frombuffer(offsets, np.int64)[column.offset : column.offset + n + 1]
        parts.append(np.frombuffer(data, np.uint8)[offset[0] : offset[-1]] if data else _NO_BYTES)
        starts[i] = offset - offset[0] + base
        base = int(starts[i, -1])
    return starts, np.concatenate(parts) if parts else _NO_BYTES


_NO_BYTES = np.empty(0, np.uint8)


def _key(name: str) -> bytes:
    """Returns the key field of a map entry."""
    text = name.encode()
    length, varint = len(text), bytearray()
    while length >= 0x80:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([_FIELD1, *varint, length]) + text


@compiled
def _encode(
    n: int,
    kinds: Any,
    key_starts: Any,
    keys: ByteArray,
    floats: Any,
    ints: Any,
    starts: Any,
    data: ByteArray,
) -> tuple[ByteArray, npt.NDArray[np.int64]]:
    """Returns frames without their checksums, and where each ends."""
    sizes, ends = np.zeros(n, np.int64), np.zeros(n, np.int64)
    position = 0
    for row in range(n):
        sizes[row] = _entries_size(row, kinds, key_starts, ints, starts)
        position += FRAME_BYTES + 1 + _varint_size(sizes[row]) + sizes[row]
        ends[row] = position
    out = np.empty(position, np.uint8)
    position = 0
    for row in range(n):
        _put_length(out, position, 1 + _varint_size(sizes[row]) + sizes[row])
        begin = position + HEAD_BYTES
        out[begin] = _FIELD1
        at = _put_varint(out, begin + 1, sizes[row])
        at = _put_entries(out, at, row, kinds, key_starts, keys, floats, ints, starts, data)
        position = at + CHECKSUM_BYTES
    return out, ends


@compiled
def _entries_size(row: int, kinds: Any, key_starts: Any, ints: Any, starts: Any) -> int:
    total, i, b = 0, 0, 0
    for column in range(kinds.size):
        value = 8
        if kinds[column] == _INT:
            value = 4 + _varint_size(ints[i, row])
            i += 1
        elif kinds[column] == _BYTES:
            value = _bytes_feature_size(starts[b, row + 1] - starts[b, row])
            b += 1
        entry = key_starts[column + 1] - key_starts[column] + 1 + _varint_size(value) + value
        total += 1 + _varint_size(entry) + entry
    return total


@compiled
def _bytes_feature_size(length: int) -> int:
    inner = 1 + _varint_size(length) + length
    return 1 + _varint_size(inner) + inner


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
        value = 8
        if kind == _INT:
            value = 4 + _varint_size(ints[i, row])
        elif kind == _BYTES:
            value = _bytes_feature_size(starts[b, row + 1] - starts[b, row])
        out[at] = _FIELD1
        at = _put_varint(out, at + 1, last - first + 1 + _varint_size(value) + value)
        at = _copy(out, at, keys, first, last)
        out[at] = _FIELD2
        at = _put_varint(out, at + 1, value)
        if kind == _FLOAT:
            out[at], out[at + 1], out[at + 2], out[at + 3] = _FIELD2, 6, _FIELD1, 4
            at = _copy(out, at + 4, floats[f], 4 * row, 4 * row + 4)
            f += 1
        elif kind == _INT:
            size = value - 4
            out[at], out[at + 1], out[at + 2], out[at + 3] = _FIELD3, size + 2, _FIELD1, size
            at = _put_varint(out, at + 4, ints[i, row])
            i += 1
        else:
            start, stop = starts[b, row], starts[b, row + 1]
            out[at] = _FIELD1
            at = _put_varint(out, at + 1, 1 + _varint_size(stop - start) + stop - start)
            out[at] = _FIELD1
            at = _put_varint(out, at + 1, stop - start)
            at = _copy(out, at, data, start, stop)
            b += 1
    return at


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
