"""Rows as tf.Transform takes them: one-element lists, missing values replaced by their markers."""

import numpy as np
import pyarrow as pa
import tensorflow_transform as tft
from tfx_bsl.public import tfxio
from tfx_bsl.tfxio import tensor_representation_util

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.fed import ARROW, fed_column
from forebay.transforms.graph.inputs import feature_spec

# Travels around the graph beside each row: its shard times SHARD_ROWS, plus its place there.
# tf.Transform may hand back what it was given in pieces.
SHARD = "__shard"
SHARD_ROWS = 1 << 32


def raw_metadata(dataset: Dataset) -> tft.DatasetMetadata:
    """Returns the schema of the rows that are fed to the graph."""
    return tft.DatasetMetadata.from_feature_spec(feature_spec(dataset))


def adapter_config(dataset: Dataset) -> tfxio.TensorAdapterConfig:
    """Tells tf.Transform how to see `to_graph_rows` batches as tensors."""
    types = {name: ARROW[dataset.graph_dtypes[name]] for name in dataset.graph_columns}
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
        name: _scalars(fed_column(batch[name], dataset.graph_dtypes[name]))
        for name in dataset.graph_columns
    }
    places = pa.array(shard * SHARD_ROWS + np.arange(n, dtype=np.int64))
    return pa.RecordBatch.from_pydict({**columns, SHARD: _scalars(places)})


def _scalars(column: pa.Array) -> pa.Array:
    offsets = pa.array(np.arange(len(column) + 1, dtype=np.int64))
    return pa.LargeListArray.from_arrays(offsets, column)
