"""What the transform graph is fed, and how its features see it.

tf.Transform and tf.Example know no float64. Where the definition needs one (`Dataset.graph_dtypes`)
its 64 bits travel into the graph as an int64.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.missing import to_float32, without_subnormal

Tensors = Mapping[str, tf.Tensor]


@dataclass(frozen=True)
class Inputs:
    """The graph's input columns, (batch,) each, by name.

    Attributes:
        columns: the columns as features see them, a Number as float32.
        exact: the same as numbers of several columns see them, a Number as float64.
        kinds: how they are read.
    """

    columns: Tensors
    exact: Tensors
    kinds: Mapping[str, Column]


def feature_spec(dataset: Dataset) -> dict[str, tf.io.FixedLenFeature]:
    """Returns the specification of the rows fed to the graph: scalars, by column name."""
    dtypes = {name: dataset.graph_dtypes[name] for name in dataset.graph_columns}
    return {
        name: tf.io.FixedLenFeature([], tf.int64 if dtype == "float64" else tf.as_dtype(dtype))
        for name, dtype in dtypes.items()
    }


def to_fed(columns: Tensors) -> dict[str, tf.Tensor]:
    """Turns columns of `Dataset.graph_dtypes` into what the graph is fed, by name."""
    return {
        name: tf.bitcast(column, tf.int64) if column.dtype == tf.float64 else column
        for name, column in columns.items()
    }


def from_fed(fed: Tensors, dataset: Dataset) -> Inputs:
    """Turns what the graph is fed into what features see."""
    doubles = {
        name: without_subnormal(tf.bitcast(column, tf.float64), tf.float64)
        for name, column in fed.items()
        if dataset.graph_dtypes[name] == "float64"
    }
    singles = {name: to_float32(column) for name, column in doubles.items()}
    return Inputs({**fed, **singles}, {**fed, **doubles}, dataset.all_columns)
