"""Transformed batches as TFRecord files of tf.Examples.

Encoding with tfx_bsl's encoder and TensorFlow's writer makes a Python object of each row and was
the largest cost in a profile of a whole run; the compiled pass of :mod:`pipelines.example_wire`
makes none and lets other threads run. Columns with one value in every row, which are most, go a
shorter way there than lists.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.example_wire import (
    BYTES,
    BYTES_LISTS,
    FIELD1,
    FLOAT,
    FLOATS,
    INT,
    INTS,
    ByteArray,
    Columns,
    Int64Array,
    Lists,
    Scalars,
    encode,
)
from pipelines.tfrecord_frames import put_checksums

_LIST_KINDS = {FLOAT: FLOATS, INT: INTS, BYTES: BYTES_LISTS}


def encode_examples(batch: pa.RecordBatch) -> ByteArray:
    """Encodes a batch as the content of a TFRecord file.

    Args:
        batch: list columns of float32, int64 or binary, with lists of any length.

    Returns:
        uint8 (bytes,): a framed tf.train.Example for each row, in order.

    Raises:
        TypeError: a column is of another type.
        ValueError: a row has no list.
    """
    n = len(batch)
    names = sorted(batch.schema.names)
    by_kind: dict[int, list[pa.Array]] = {
        kind: [] for kind in (*_LIST_KINDS, *_LIST_KINDS.values())
    }
    kinds, places = [], []
    for name in names:
        kind = _kind(name, batch[name])
        kinds.append(kind)
        places.append(len(by_kind[kind]))
        by_kind[kind].append(batch[name])
    keys = [_key(name) for name in names]
    columns = Columns(
        np.array(kinds, np.int64),
        np.array(places, np.int64),
        np.cumsum([0, *map(len, keys)]),
        np.frombuffer(b"".join(keys), np.uint8),
    )
    scalars = _scalars({kind: by_kind[kind] for kind in _LIST_KINDS}, n)
    lists = _lists({kind: by_kind[kind] for kind in _LIST_KINDS.values()}, n)
    out, ends = encode(n, columns, scalars, lists)
    put_checksums(out, ends)
    return out


def _kind(name: str, column: pa.Array) -> int:
    type_ = column.type.value_type
    if pa.types.is_float32(type_):
        kind = FLOAT
    elif pa.types.is_int64(type_):
        kind = INT
    elif pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        kind = BYTES
    else:
        raise TypeError(
            f"column {name!r} holds {type_}; tf.Examples take float32, int64 and binary"
        )
    if column.null_count:
        raise ValueError(f"column {name!r}: some rows have no list")
    one_each = pc.all(pc.equal(pc.list_value_length(column), 1), min_count=0).as_py()
    return kind if one_each else _LIST_KINDS[kind]


def _scalars(columns: dict[int, list[pa.Array]], n: int) -> Scalars:
    values = {kind: [column.flatten() for column in found] for kind, found in columns.items()}
    floats = [column.to_numpy(zero_copy_only=False) for column in values[FLOAT]]
    ints = [column.to_numpy(zero_copy_only=False) for column in values[INT]]
    texts = [column.cast(pa.large_binary()) for column in values[BYTES]]
    starts = np.zeros((len(texts), n + 1), np.int64)
    data, base = [], 0
    for i, column in enumerate(texts):
        offsets, found = _bytes(column)
        starts[i] = offsets + base
        base += len(found)
        data.append(found)
    return Scalars(
        np.stack(floats).view(np.uint8).reshape(len(floats), -1)
        if floats
        else np.empty((0, 4 * n), np.uint8),
        np.stack(ints).astype(np.int64, copy=False) if ints else np.empty((0, n), np.int64),
        starts,
        _joined(data),
    )


def _lists(columns: dict[int, list[pa.Array]], n: int) -> Lists:
    starts = {kind: _row_starts(found, n) for kind, found in columns.items()}
    values = {kind: _flat(found) for kind, found in columns.items()}
    text_starts, data = [np.zeros(1, np.int64)], []
    for column in values[BYTES_LISTS]:
        offsets, found = _bytes(column.cast(pa.large_binary()))
        text_starts.append(offsets[1:] + text_starts[-1][-1])
        data.append(found)
    return Lists(
        starts[FLOATS],
        starts[INTS],
        starts[BYTES_LISTS],
        _joined([_numpy(column).view(np.uint8) for column in values[FLOATS]]),
        np.concatenate([np.empty(0, np.int64), *map(_numpy, values[INTS])]),
        np.concatenate(text_starts),
        _joined(data),
    )


def _row_starts(columns: Sequence[pa.Array], n: int) -> Int64Array:
    """Returns where each row's values begin among those of all columns, (columns, n + 1)."""
    starts, base = np.zeros((len(columns), n + 1), np.int64), 0
    for i, column in enumerate(columns):
        starts[i, 1:] = np.cumsum(pc.list_value_length(column).to_numpy(zero_copy_only=False))
        starts[i] += base
        base = int(starts[i, -1])
    return starts


def _flat(columns: Sequence[pa.Array]) -> list[pa.Array]:
    return [column.flatten() for column in columns]


def _numpy(column: pa.Array) -> np.ndarray:
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False))


def _bytes(column: pa.LargeBinaryArray) -> tuple[Int64Array, ByteArray]:
    """Returns where each value begins, int64 (n + 1,) from 0, and the bytes of all."""
    _, offsets, data = column.buffers()
    start = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    found = np.frombuffer(data, np.uint8)[start[0] : start[-1]] if data else _NO_BYTES
    return start - start[0], found


_NO_BYTES = np.empty(0, np.uint8)


def _joined(parts: Sequence[ByteArray]) -> ByteArray:
    return np.concatenate(parts) if parts else _NO_BYTES


def _key(name: str) -> bytes:
    """Returns the key field of a map entry."""
    text = name.encode()
    length, varint = len(text), bytearray()
    while length >= 0x80:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([FIELD1, *varint, length]) + text
