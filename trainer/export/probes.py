"""Made-up raw rows that try every column of a model: common values, rare ones, none."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.storage.run.exported import NUMPY_DTYPES
from forebay.transforms.definition.columns import (
    MISSING,
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset

PROBE_ROWS = 64
_SECOND_US, _DAYS = 1_000_000, 365 * 80

Column_ = npt.NDArray[Any]


def probe_rows(definition: Dataset, seed: int = 0) -> dict[str, Column_]:
    """Returns rows as the served model takes them; in the first all that may be missing is.

    Args:
        definition: says which columns of which kinds.
        seed: the seed of the values.

    Returns:
        Arrays of `PROBE_ROWS` values by column, in the graph's dtypes (object for strings).
    """
    random = np.random.default_rng(seed)
    rows = {}
    for name in definition.served_columns:
        column = definition.all_columns[name]
        values = _values(column, random)
        missing = random.random(PROBE_ROWS) < 0.1
        missing[0] = True
        values[missing & (not column.required)] = MISSING[column.graph_dtype]
        rows[name] = values.astype(NUMPY_DTYPES[definition.graph_dtypes[name]])
    return rows


def _values(column: Column, random: np.random.Generator) -> Column_:
    n = PROBE_ROWS
    if isinstance(column, Number | Integer):
        spread = 10.0 ** random.integers(-2, 4, n)
        low, high = column.range
        values = np.clip(random.normal(0, 1, n) * spread, low, high)
        return values.astype(np.float64 if isinstance(column, Number) else np.int64)
    if isinstance(column, Boolean):
        return random.integers(0, 2, n)
    if isinstance(column, Timestamp):
        return random.integers(0, _DAYS * 86_400, n) * _SECOND_US
    if isinstance(column, Date):
        return random.integers(0, _DAYS, n)
    return _contents(column, random)


def _contents(column: Column, random: np.random.Generator) -> Column_:
    n = PROBE_ROWS
    if isinstance(column, Bytes):
        return np.array([_image(random) for _ in range(n)], object)
    if isinstance(column, Numbers):
        counts = random.integers(0, 8, n)
        lists = (column.separator.join(map(str, random.normal(0, 9, count))) for count in counts)
        return np.array([text.encode() for text in lists], object)
    texts = column.values if isinstance(column, String) and column.values else _TEXTS
    return np.array([text.encode() for text in random.choice(np.array(texts, object), n)], object)


_TEXTS = ("", "a", "B6", "JFK", "straße", "two words", "0", "-1", "null", "日本", "one|two, three")


def _image(random: np.random.Generator) -> bytes:
    """An image, which is bytes like others to columns that need hold none."""
    shape = (*random.integers(1, 9, 2), random.choice([1, 3]))
    return bytes(tf.io.encode_png(random.integers(0, 256, shape).astype(np.uint8)).numpy())


def to_examples(rows: Mapping[str, Column_]) -> list[bytes]:
    """Serializes rows as tf.Examples, one value per column, as `serving.parse_examples` reads."""
    count = len(next(iter(rows.values())))
    return [_example({name: values[i] for name, values in rows.items()}) for i in range(count)]


def _example(row: Mapping[str, Any]) -> bytes:
    features = {}
    for name, value in row.items():
        if isinstance(value, np.float64):
            value = repr(float(value)).encode()
        if isinstance(value, bytes):
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif isinstance(value, np.floating):
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        else:
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString())
