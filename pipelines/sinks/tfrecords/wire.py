"""The wire format of tf.Examples, written into TFRecord frames in one compiled pass.

The bytes follow two published formats: the protocol-buffer wire format of ``tf.train.Example``
(features in order of name, numbers packed) and TFRecord's framing
(:mod:`forebay.pipelines.sinks.tfrecords.frames` adds the checksums). Knows no Arrow.

A record is mostly names and lengths, and these are the same bytes in all records wherever a
column's values have one size. So all columns of that kind that stand side by side are copied in one
piece, a *stretch*, and their values are put into it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from forebay.pipelines.tfrecord_format import CHECKSUM_BYTES, FRAME_BYTES, HEAD_BYTES
from forebay.transforms.compiled import compiled

ByteArray = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]

# Tags of tf.train.Example: field number and wire type 2 (length-delimited).
FIELD1, FIELD2, FIELD3 = 0x0A, 0x12, 0x1A


@intrinsic
def copy_bytes(typing: Any, out: Any, at: Any, source: Any, start: Any, count: Any) -> Any:
    """Copies bytes of one uint8 array into another, as C's memcpy."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, at, source, start, count = arguments
        to, begin = (
            builder.gep(context.make_array(kind)(context, builder, value).data, [index])
            for kind, value, index in (
                (signature.args[0], out, at),
                (signature.args[2], source, start),
            )
        )
        cgutils.raw_memcpy(builder, to, begin, count, 1)
        return context.get_dummy_value()

    size = types.int64
    return types.void(out, size, source, size, size), generate


@compiled
def encode(
    first: int,
    last: int,
    stretches: ByteArray,
    stretch_starts: Any,
    stretch_columns: Any,
    places: Any,
    widths: Any,
    value_starts: Any,
    values: ByteArray,
    keys: ByteArray,
    key_starts: Any,
    feature_starts: Any,
    features: ByteArray,
) -> tuple[ByteArray, Int64Array]:
    """Encodes some of n rows: a stretch, a feature whose size varies, a stretch, ..., a stretch.

    Args:
        first: the first of them.
        last: the one after the last of them.
        stretches: uint8, the bytes of all stretches but for their values.
        stretch_starts: int64 (features + 2,), where each stretch begins in them.
        stretch_columns: int64 (features + 2,), which column is the first of each stretch.
        places: int64 (columns,), where each column's value stands in ``stretches``.
        widths: int64 (columns,), the bytes of each of its values.
        value_starts: int64 (columns,), where its values begin in ``values``.
        values: uint8.
        keys: uint8, the key fields of the features whose sizes vary.
        key_starts: int64 (features + 1,), where each begins in ``keys``.
        feature_starts: int64 (features, n + 1), where each row's begins in ``features``.
        features: uint8, tf.train.Features.

    Returns:
        uint8 (bytes,): a tf.train.Example for each row, in order, in frames that lack their
        checksums; and int64 (last - first,), where each frame ends.
    """
    sizes, ends = _sizes(first, last, stretches.size, key_starts, feature_starts)
    out = np.empty(ends[-1] if ends.size else 0, np.uint8)
    position = 0
    for row in range(first, last):
        size = sizes[row - first]
        _put_length(out, position, _field_size(size))
        out[position + HEAD_BYTES] = FIELD1
        at = _put_varint(out, position + HEAD_BYTES + 1, size)
        for s in range(stretch_starts.size - 1):
            begin, end = stretch_starts[s], stretch_starts[s + 1]
            _copy(out, at, stretches, begin, end)
            for column in range(stretch_columns[s], stretch_columns[s + 1]):
                start = value_starts[column] + row * widths[column]
                place, width = at + places[column] - begin, widths[column]
                if width == 4:  # a float: one load and one store
                    copy_bytes(out, place, values, start, 4)
                else:
                    copy_bytes(out, place, values, start, width)
            at += end - begin
            if s < len(feature_starts):
                start, stop = feature_starts[s, row], feature_starts[s, row + 1]
                at = _put_feature(
                    out, at, keys, key_starts[s], key_starts[s + 1], features, start, stop
                )
        position = at + CHECKSUM_BYTES
    return out, ends


@compiled
def _sizes(
    first: int, last: int, fixed: int, key_starts: Any, feature_starts: Any
) -> tuple[Int64Array, Int64Array]:
    """Returns the sizes of rows' tf.train.Features and where their frames end, int64 (rows,) each.

    The stretches are ``fixed`` bytes together, in every row.
    """
    sizes, ends = np.zeros(last - first, np.int64), np.zeros(last - first, np.int64)
    position = 0
    for row in range(first, last):
        size = fixed
        for f in range(len(feature_starts)):
            value = feature_starts[f, row + 1] - feature_starts[f, row]
            size += _field_size(key_starts[f + 1] - key_starts[f] + _field_size(value))
        position += FRAME_BYTES + _field_size(size)
        sizes[row - first], ends[row - first] = size, position
    return sizes, ends


@compiled
def _put_feature(
    out: ByteArray,
    at: int,
    keys: ByteArray,
    key: int,
    key_end: int,
    features: ByteArray,
    start: int,
    stop: int,
) -> int:
    """Writes an entry of the features' map: its key, and its tf.train.Feature."""
    out[at] = FIELD1
    at = _put_varint(out, at + 1, key_end - key + _field_size(stop - start))
    at = _copy(out, at, keys, key, key_end)
    out[at] = FIELD2
    at = _put_varint(out, at + 1, stop - start)
    return _copy(out, at, features, start, stop)


@compiled
def varint_width(values: Int64Array) -> int:
    """Returns how many bytes each of some integers takes; 0: not all take the same."""
    width = _varint_size(values[0]) if values.size else 1
    for value in values:
        if _varint_size(value) != width:
            return 0
    return width


@compiled
def varints(values: Int64Array, width: int) -> ByteArray:
    """Returns integers of `varint_width` as they are written, uint8 (values * width,)."""
    out = np.empty(values.size * width, np.uint8)
    for i in range(values.size):
        _put_varint(out, i * width, values[i])
    return out


@compiled
def common_width(starts: Int64Array) -> int:
    """Returns how long all parts are that begin at ``starts``, int64 (n + 1,); -1: they differ."""
    width = starts[1] - starts[0] if starts.size > 1 else 0
    for i in range(1, starts.size - 1):
        if starts[i + 1] - starts[i] != width:
            return -1
    return width


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
        at = _put_head(out, starts[row], FIELD2, stop - start)
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
        at = _put_head(out, starts[row], FIELD3, lengths[row])
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
    copy_bytes(out, at, source, start, stop - start)
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
