"""The transform graph: a definition's features as a tf.Transform ``preprocessing_fn``.

Inputs are dense tensors of shape (batch,), one for each of `Dataset.graph_columns`; a missing
value is the column's own marker (see `transforms.columns.MISSING`). Outputs are float32 numbers,
int64 ids whose range is written to the transformed schema, and the carried columns untouched.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import schema_inference

from transforms import calendar_ops
from transforms.columns import Date
from transforms.dataset import Dataset
from transforms.durations import DAY_US
from transforms.errors import InputError
from transforms.features import (
    CALENDAR_SIZES,
    CROSSABLE,
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Custom,
    Numeric,
)
from transforms.functions import resolve
from transforms.missing import is_missing, known, number, operand
from transforms.numeric_ops import numeric_outputs

Tensors = Mapping[str, tf.Tensor]

# Quantile boundaries are off by at most this share of the rows (tf.Transform's own default).
QUANTILE_RANK_ERROR = 0.01


def feature_spec(dataset: Dataset) -> dict[str, tf.io.FixedLenFeature]:
    """Returns the specification of the rows fed to the graph: scalars, by column name."""
    dtypes = {name: dataset.all_columns[name].graph_dtype for name in dataset.graph_columns}
    return {name: tf.io.FixedLenFeature([], tf.dtypes.as_dtype(dtypes[name])) for name in dtypes}


def preprocessing_fn(dataset: Dataset) -> Callable[[Tensors], dict[str, tf.Tensor]]:
    """Returns the definition's ``preprocessing_fn``, for tf.Transform to trace."""
    return functools.partial(_preprocess, dataset)


def _preprocess(dataset: Dataset, inputs: Tensors) -> dict[str, tf.Tensor]:
    outputs = {name: tf.identity(inputs[name]) for name in dataset.carried_columns}
    numeric = [feature for feature in dataset.features if isinstance(feature, Numeric)]
    outputs.update(numeric_outputs(numeric, inputs))
    ids: dict[str, _Ids] = {}
    for feature in dataset.features:
        if isinstance(feature, CROSSABLE):
            ids[feature.output] = _categorical(feature, operand(feature.column, inputs), dataset)
    for feature in dataset.features:
        if isinstance(feature, Crossed):
            ids[feature.output] = _cross(feature, ids)
        elif isinstance(feature, Custom):
            model_inputs = {name: inputs[name] for name in dataset.model_columns}
            _merge(outputs, _custom(feature, model_inputs), str(feature.function))
    for name, column in ids.items():
        schema_inference.set_tensor_schema_override(
            column.values, tf.constant(0, tf.int64), column.size - 1
        )
        outputs[name] = column.values
    return outputs


class _Ids:
    """Ids of a categorical feature and how many there are, missing included."""

    def __init__(self, values: tf.Tensor, size: int | tf.Tensor) -> None:
        self.values = values
        self.size = tf.cast(size, tf.int64)


def _categorical(
    feature: Categorical | Bucketized | Calendar, column: tf.Tensor, dataset: Dataset
) -> _Ids:
    """Gives known values the ids from 0 and a missing value the id after them."""
    if isinstance(feature, Categorical):
        values, count = _vocabulary(feature, column)
    elif isinstance(feature, Bucketized):
        values, count = _buckets(feature, column)
    else:
        values, count = _calendar(feature, column, dataset)
    missing_id = tf.cast(count, tf.int64)
    return _Ids(tf.where(is_missing(column), missing_id, values), missing_id + 1)


def _vocabulary(feature: Categorical, column: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    tokens = _as_line(column) if column.dtype == tf.string else tf.strings.as_string(column)
    present = tf.boolean_mask(tokens, tf.logical_not(is_missing(column)))
    # Weights of one make tf.Transform count distinct tokens inside the graph, batch by batch,
    # where it would otherwise hand every token to Python. The files are the same.
    vocabulary = tft.vocabulary(
        present,
        top_k=feature.top_k,
        frequency_threshold=feature.min_count if feature.min_count > 1 else None,
        vocab_filename=feature.output,
        weights=tf.ones_like(present, tf.float32),
    )
    ids = tft.apply_vocabulary(tokens, vocabulary, num_oov_buckets=feature.oov_buckets)
    size = tft.experimental.get_vocabulary_size_by_name(feature.output)
    return ids, size + feature.oov_buckets


def _as_line(text: tf.Tensor) -> tf.Tensor:
    """Makes any text a line of a vocabulary file, distinct texts distinct lines.

    Vocabularies are text files, whose lines are neither empty nor broken. (tf.Transform's TFRecord
    vocabularies hold any token, but TensorFlow 2.21 leaves their path in a model that embeds the
    graph, which then needs the run folder.) The stand-ins are bytes that UTF-8 never has.
    """
    text = tf.strings.regex_replace(text, "\n", b"\xfd")
    text = tf.strings.regex_replace(text, "\r", b"\xfc")
    return tf.where(tf.equal(text, ""), b"\xfe", text)


def _buckets(feature: Bucketized, column: tf.Tensor) -> tuple[tf.Tensor, int]:
    x = number(column)
    if feature.quantiles is not None:
        boundaries = tft.quantiles(
            known(x), feature.quantiles, epsilon=QUANTILE_RANK_ERROR, name=feature.output
        )
        count = feature.quantiles
    else:
        boundaries = tf.constant([feature.boundaries], tf.float32)
        count = len(feature.boundaries) + 1
    return tft.apply_buckets(tf.where(is_missing(x), 0.0, x), boundaries), count


def _calendar(feature: Calendar, column: tf.Tensor, dataset: Dataset) -> tuple[tf.Tensor, int]:
    instants = tf.where(is_missing(column), tf.zeros_like(column), column)
    if isinstance(dataset.all_columns[feature.inputs[0]], Date):
        local_us = instants * DAY_US
    else:
        local_us = calendar_ops.local_time_us(instants, feature.tz)
    return calendar_ops.part_of(local_us, feature.part), CALENDAR_SIZES[feature.part]


def _cross(feature: Crossed, ids: Mapping[str, _Ids]) -> _Ids:
    combination = tf.zeros_like(ids[feature.of[0]].values)
    combinations = tf.constant(1, tf.int64)
    for name in feature.of:
        combination = combination * ids[name].size + ids[name].values
        combinations = combinations * ids[name].size
    buckets = tf.constant(feature.buckets, tf.int64)
    hashed = tf.math.floormod(_mix(combination), buckets)
    return _Ids(tf.where(combinations <= buckets, combination, hashed), feature.buckets)


def _mix(x: tf.Tensor) -> tf.Tensor:
    """Scrambles int64 numbers into [0, 2^63): the finalizer of SplitMix64 (Steele et al., 2014)."""
    z = tf.bitcast(x, tf.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(shift, tf.uint64)))
        z = z * tf.constant(factor, tf.uint64)
    return tf.bitcast(tf.bitwise.right_shift(z, tf.constant(1, tf.uint64)), tf.int64)


def _custom(feature: Custom, inputs: Tensors) -> dict[str, tf.Tensor]:
    columns = feature.columns or tuple(inputs)
    function = resolve(str(feature.function))
    try:
        result: Any = function({name: inputs[name] for name in columns})
    except Exception as error:
        raise InputError(
            f"the function {feature.function!r} failed ({type(error).__name__}: {error}); "
            f"it is given a dict of the tensors {', '.join(columns)}"
        ) from error
    if isinstance(result, Mapping):
        return dict(result)
    if feature.name is None:
        raise InputError(
            f"the function {feature.function!r} returned one tensor and its feature has no name; "
            "set name= or return a dict"
        )
    return {feature.name: result}


def _merge(outputs: dict[str, tf.Tensor], more: Tensors, function: str) -> None:
    for name, tensor in more.items():
        if name in outputs:
            raise InputError(
                f"the function {function!r} returned {name!r}, which exists already; rename it"
            )
        if tensor.dtype not in (tf.float32, tf.int64) or tensor.shape.rank != 1:
            raise InputError(
                f"the function {function!r} returned {name!r} as {tensor.dtype.name} of shape "
                f"{tensor.shape}; return float32 or int64 of shape (batch,)"
            )
        outputs[name] = tensor
