"""The wire format of tf.Examples, written into TFRecord frames in one compiled pass.

The bytes follow two published formats: the protocol-buffer wire format of ``tf.train.Example``
(features in order of name, numbers packed) and TFRecord's framing (:mod:`pipelines.tfrecord_frames`
adds the checksums). Knows no Arrow.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.tfrecord_frames import CHECKSUM_BYTES, FRAME_BYTES, HEAD_BYTES
from transforms.aggregation.ordering import compiled

ByteArray = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]

# Kinds of column: one value in each row, and lists of any length.
FLOAT, INT, BYTES, FLOATS, INTS, BYTES_LISTS = range(6)
# Tags of tf.train.Example: field number and wire type 2 (length-delimited).
FIELD1, _FIELD2, _FIELD3 = 0x0A, 0x12, 0x1A


class Columns(NamedTuple):
    """Columns in order of name, each at a place among those of its kind.

    Attributes:
        kinds: int64 (columns,).
        places: int64 (columns,).
        key_starts: int64 (columns + 1,), where each column's key begins in ``keys``.
        keys: uint8, the key fields of the map entries.
    """

    kinds: Int64Array
    places: Int64Array
    key_starts: Int64Array
    keys: ByteArray


class Scalars(NamedTuple):
    """The values of columns that have one in each of n rows.

    Attributes:
        floats: uint8 (float columns, 4 n).
        ints: int64 (int columns, n).
        starts: int64 (bytes columns, n + 1), where each value begins in ``data``.
        data: uint8.
    """

    floats: ByteArray
    ints: Int64Array
    starts: Int64Array
    data: ByteArray


class Lists(NamedTuple):
    """The values of columns that have any number in each of n rows, those of a kind together.

    Attributes:
        floats_starts, ints_starts, bytes_starts: int64 (list columns of the kind, n + 1), where
            each row's values begin.
        floats: uint8 (4 values,).
        ints: int64 (values,).
        starts: int64 (values + 1,), where each value begins in ``data``.
        data: uint8.
    """

    floats_starts: Int64Array
    ints_starts: Int64Array
    bytes_starts: Int64Array
    floats: ByteArray
    ints: Int64Array
    starts: Int64Array
    data: ByteArray


@compiled
def encode(
    n: int, columns: Columns, scalars: Scalars, lists: Lists
) -> tuple[ByteArray, Int64Array]:
    """Encodes n rows.

    Args:
        n: how many.
        columns: the columns of every row.
        scalars: values of columns with one a row.
        lists: values of the others.

    Returns:
        uint8 (bytes,): a tf.train.Example for each row, in order, in frames that lack their
        checksums; and int64 (n,), where each frame ends.
    """
    sizes, ends = np.zeros(n, np.int64), np.zeros(n, np.int64)
    position = 0
    for row in range(n):
        sizes[row] = _entries_size(row, columns, scalars, lists)
        position += FRAME_BYTES + _field_size(sizes[row])
        ends[row] = position
    out = np.empty(position, np.uint8)
    position = 0
    for row in range(n):
        _put_length(out, position, _field_size(sizes[row]))
        begin = position + HEAD_BYTES
        out[begin] = FIELD1
        at = _put_varint(out, begin + 1, sizes[row])
        at = _put_entries(out, at, row, columns, scalars, lists)
        position = at + CHECKSUM_BYTES
    return out, ends


@compiled
def _entries_size(row: int, columns: Columns, scalars: Scalars, lists: Lists) -> int:
    total = 0
    for column in range(columns.kinds.size):
        value = _value_size(row, columns.kinds[column], columns.places[column], scalars, lists)
        key = columns.key_starts[column + 1] - columns.key_starts[column]
        entry = key + 1 + _varint_size(value) + value
        total += 1 + _varint_size(entry) + entry
    return total


@compiled
def _value_size(row: int, kind: int, place: int, scalars: Scalars, lists: Lists) -> int:
    """Returns the size of a tf.train.Feature."""
    if kind == FLOAT:
        return 8
    if kind == INT:
        return 4 + _varint_size(scalars.ints[place, row])
    if kind == BYTES:
        length = scalars.starts[place, row + 1] - scalars.starts[place, row]
        return _field_size(_field_size(length))
    return _field_size(_list_size(row, kind, place, lists))


@compiled
def _field_size(length: int) -> int:
    """Returns the size of a field of that many bytes, its tag and length included."""
    return 1 + _varint_size(length) + length


@compiled
def _list_size(row: int, kind: int, place: int, lists: Lists) -> int:
    """Returns the size of a tf.train.FloatList, Int64List or BytesList."""
    total = 0
    if kind == FLOATS:
        count = lists.floats_starts[place, row + 1] - lists.floats_starts[place, row]
        return _field_size(4 * count) if count else 0
    if kind == INTS:
        for i in range(lists.ints_starts[place, row], lists.ints_starts[place, row + 1]):
            total += _varint_size(lists.ints[i])
        return _field_size(total) if total else 0
    for i in range(lists.bytes_starts[place, row], lists.bytes_starts[place, row + 1]):
        total += _field_size(lists.starts[i + 1] - lists.starts[i])
    return total


@compiled
def _put_entries(
    out: ByteArray, at: int, row: int, columns: Columns, scalars: Scalars, lists: Lists
) -> int:
    for column in range(columns.kinds.size):
        kind, place = columns.kinds[column], columns.places[column]
        first, last = columns.key_starts[column], columns.key_starts[column + 1]
        value = _value_size(row, kind, place, scalars, lists)
        out[at] = FIELD1
        at = _put_varint(out, at + 1, last - first + 1 + _varint_size(value) + value)
        at = _copy(out, at, columns.keys, first, last)
        out[at] = _FIELD2
        at = _put_varint(out, at + 1, value)
        if kind == FLOAT:
            out[at], out[at + 1], out[at + 2], out[at + 3] = _FIELD2, 6, FIELD1, 4
            at = _copy(out, at + 4, scalars.floats[place], 4 * row, 4 * row + 4)
        elif kind == INT:
            size = value - 4
            out[at], out[at + 1], out[at + 2], out[at + 3] = _FIELD3, size + 2, FIELD1, size
            at = _put_varint(out, at + 4, scalars.ints[place, row])
        elif kind == BYTES:
            start, stop = scalars.starts[place, row], scalars.starts[place, row + 1]
            out[at] = FIELD1
            at = _put_varint(out, at + 1, _field_size(stop - start))
            at = _put_bytes(out, at, scalars.data, start, stop)
        else:
            at = _put_list(out, at, row, kind, place, lists)
    return at


@compiled
def _put_list(out: ByteArray, at: int, row: int, kind: int, place: int, lists: Lists) -> int:
    size = _list_size(row, kind, place, lists)
    out[at] = _FIELD2 if kind == FLOATS else _FIELD3 if kind == INTS else FIELD1
    at = _put_varint(out, at + 1, size)
    if size == 0:
        return at
    if kind == FLOATS:
        start, stop = lists.floats_starts[place, row], lists.floats_starts[place, row + 1]
        return _put_bytes(out, at, lists.floats, 4 * start, 4 * stop)
    if kind == INTS:
        start, stop = lists.ints_starts[place, row], lists.ints_starts[place, row + 1]
        out[at] = FIELD1
        total = 0
        for i in range(start, stop):
            total += _varint_size(lists.ints[i])
        at = _put_varint(out, at + 1, total)
        for i in range(start, stop):
            at = _put_varint(out, at, lists.ints[i])
        return at
    for i in range(lists.bytes_starts[place, row], lists.bytes_starts[place, row + 1]):
        at = _put_bytes(out, at, lists.data, lists.starts[i], lists.starts[i + 1])
    return at


@compiled
def _put_bytes(out: ByteArray, at: int, source: ByteArray, start: int, stop: int) -> int:
    """Writes field 1."""
    out[at] = FIELD1
    at = _put_varint(out, at + 1, stop - start)
    return _copy(out, at, source, start, stop)


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
