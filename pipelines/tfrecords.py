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

from transforms.aggregation.ordering import compiled

ByteArray = npt.NDArray[np.uint8]

_FLOAT, _INT, _BYTES = 0, 1, 2
# Tags of tf.train.Example: field number and wire type 2 (length-delimited).
_FIELD1, _FIELD2, _FIELD3 = 0x0A, 0x12, 0x1A
_FRAME = 16  # bytes of framing beside each record's data
_CRC_MASK_DELTA = 0xA282EAD8


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
    return _encode(
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
        _CRC_TABLES,
    )


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


def _crc_tables() -> npt.NDArray[np.uint32]:
    """Returns the uint32 (8, 256) tables of CRC-32C taken eight bytes at a time (Intel, 2006)."""
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        tables[0, byte] = crc
    for i in range(1, 8):
        tables[i] = (tables[i - 1] >> 8) ^ tables[0, tables[i - 1] & 0xFF]
    return tables


_CRC_TABLES = _crc_tables()


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
    tables: Any,
) -> ByteArray:
    sizes = np.zeros(n, np.int64)
    position = 0
    for row in range(n):
        sizes[row] = _entries_size(row, kinds, key_starts, ints, starts)
        position += _FRAME + 1 + _varint_size(sizes[row]) + sizes[row]
    out = np.empty(position, np.uint8)
    position = 0
    for row in range(n):
        length = 1 + _varint_size(sizes[row]) + sizes[row]
        _put_fixed(out, position, length, 8)
        _put_fixed(out, position + 8, _masked_crc(out, position, position + 8, tables), 4)
        begin = position + 12
        out[begin] = _FIELD1
        at = _put_varint(out, begin + 1, sizes[row])
        at = _put_entries(out, at, row, kinds, key_starts, keys, floats, ints, starts, data)
        _put_fixed(out, at, _masked_crc(out, begin, at, tables), 4)
        position = at + 4
    return out


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
def _put_fixed(out: ByteArray, at: int, value: int, size: int) -> None:
    for k in range(size):
        out[at + k] = np.uint8((value >> (8 * k)) & 0xFF)


@compiled
def _masked_crc(data: ByteArray, start: int, stop: int, tables: Any) -> int:
    """Returns CRC-32C, rotated and offset as TFRecord wants it."""
    crc, at = np.uint32(0xFFFFFFFF), start
    while at + 8 <= stop:
        low = crc ^ (
            np.uint32(data[at])
            | np.uint32(data[at + 1]) << np.uint32(8)
            | np.uint32(data[at + 2]) << np.uint32(16)
            | np.uint32(data[at + 3]) << np.uint32(24)
        )
        crc = (
            tables[7, low & np.uint32(0xFF)]
            ^ tables[6, (low >> np.uint32(8)) & np.uint32(0xFF)]
            ^ tables[5, (low >> np.uint32(16)) & np.uint32(0xFF)]
            ^ tables[4, low >> np.uint32(24)]
            ^ tables[3, data[at + 4]]
            ^ tables[2, data[at + 5]]
            ^ tables[1, data[at + 6]]
            ^ tables[0, data[at + 7]]
        )
        at += 8
    while at < stop:
        crc = tables[0, (crc ^ np.uint32(data[at])) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
        at += 1
    crc = crc ^ np.uint32(0xFFFFFFFF)
    rotated = np.int64((crc >> np.uint32(15)) | (crc << np.uint32(17))) & 0xFFFFFFFF
    return int((rotated + _CRC_MASK_DELTA) & 0xFFFFFFFF)
