"""Rows as tf.Transform takes them: one-element lists, missing values replaced by their markers."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow_transform as tft
from tfx_bsl.public import tfxio
from tfx_bsl.tfxio import tensor_representation_util

from forebay.transforms.definition.columns import MISSING, GraphDtype
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.inputs import feature_spec

# Travels around the graph beside each row: its shard times SHARD_ROWS, plus its place there.
# tf.Transform may hand back what it was given in pieces.
SHARD = "__shard"
SHARD_ROWS = 1 << 32
_ARROW: dict[GraphDtype, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.int64(),  # its bits
    "int64": pa.int64(),
    "string": pa.large_binary(),
}


def raw_metadata(dataset: Dataset) -> tft.DatasetMetadata:
    """Returns the schema of the rows that are fed to the graph."""
    return tft.DatasetMetadata.from_feature_spec(feature_spec(dataset))


def adapter_config(dataset: Dataset) -> tfxio.TensorAdapterConfig:
    """Tells tf.Transform how to see `to_graph_rows` batches as tensors."""
    types = {name: _ARROW[dataset.graph_dtypes[name]] for name in dataset.graph_columns}
    fields = [pa.field(name, pa.large_list(types[name])) for name in dataset.graph_columns]
    schema = pa.schema([*fields, pa.field(SHARD, pa.large_list(pa.int64()))])
    representations = tensor_representation_util.InferTensorRepresentationsFromMixedSchema(
        raw_metadata(dataset).schema
    )
    return tfxio.TensorAdapterConfig(schema, representations)


def to_graph_rows(batch: pa.RecordBatch, dataset: Dataset, shard: int) -> pa.RecordBatch:
    """Turns rows after the windows into rows for the graph.

    Args:
        batch: rows with at least the definition's graph columns.
        dataset: the definition.
        shard: the shard's number, which comes out beside the transformed rows.
    """
    n = len(batch)
    columns = {
        name: _scalars(_marked(batch[name], dataset.graph_dtypes[name]))
        for name in dataset.graph_columns
    }
    places = pa.array(shard * SHARD_ROWS + np.arange(n, dtype=np.int64))
    return pa.RecordBatch.from_pydict({**columns, SHARD: _scalars(places)})


def _marked(column: pa.Array, dtype: GraphDtype) -> pa.Array:
    """Turns a column into what the graph is fed, with the marker where a value is missing."""
    if dtype == "float64":
        return pc.fill_null(column, MISSING[dtype]).view(pa.int64())
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    column = column.cast(_ARROW[dtype], safe=False)
    column = pc.fill_null(column, pa.scalar(MISSING[dtype], column.type))
    return _without_subnormal(column) if dtype == "float32" else column


def _without_subnormal(column: pa.FloatArray) -> pa.FloatArray:
    """Puts zero for numbers below float32's normal range, as the served graph does."""
    values = column.to_numpy()
    subnormal = (np.abs(values) < np.finfo(np.float32).tiny) & (values != 0)
    return pa.array(np.where(subnormal, np.float32(0), values)) if subnormal.any() else column


def _scalars(column: pa.Array) -> pa.Array:
    offsets = pa.array(np.arange(len(column) + 1, dtype=np.int64))
    return pa.LargeListArray.from_arrays(offsets, column)
