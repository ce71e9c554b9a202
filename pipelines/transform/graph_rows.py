"""Rows as the transform graph is fed them, missing values replaced by their markers."""

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio
from tfx_bsl.tfxio import tensor_representation_util

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.graph.fed import ARROW, fed_column
from forebay.transforms.graph.inputs import feature_spec


def raw_metadata(dataset: Dataset) -> tft.DatasetMetadata:
    """Returns the schema of the rows that are fed to the graph."""
    return tft.DatasetMetadata.from_feature_spec(feature_spec(dataset))


def graph_specs(dataset: Dataset) -> dict[str, tf.TensorSpec]:
    """Returns the graph's inputs, (batch,) each, by name."""
    return {name: tf.TensorSpec([None], kind.dtype) for name, kind in feature_spec(dataset).items()}


def to_tensors(batch: pa.RecordBatch, dataset: Dataset) -> dict[str, tf.Tensor]:
    """Turns rows after the windows into what the graph is fed, (batch,) each, by name."""
    specs = graph_specs(dataset)
    return {
        name: tf.constant(column.to_numpy(zero_copy_only=False), specs[name].dtype)
        for name, column in _fed_columns(batch, dataset).items()
    }


def adapter_config(dataset: Dataset) -> tfxio.TensorAdapterConfig:
    """Tells tf.Transform how to see `to_graph_rows` batches as tensors."""
    types = {name: ARROW[dataset.graph_dtypes[name]] for name in dataset.graph_columns}
    schema = pa.schema([pa.field(name, pa.large_list(type_)) for name, type_ in types.items()])
    representations = tensor_representation_util.InferTensorRepresentationsFromMixedSchema(
        raw_metadata(dataset).schema
    )
    return tfxio.TensorAdapterConfig(schema, representations)


def to_graph_rows(batch: pa.RecordBatch, dataset: Dataset) -> pa.RecordBatch:
    """Turns rows after the windows into what tf.Transform reads: one-element lists.

    Args:
        batch: rows with at least the definition's graph columns.
        dataset: the definition.
    """
    offsets = pa.array(np.arange(len(batch) + 1, dtype=np.int64))
    return pa.RecordBatch.from_pydict(
        {
            name: pa.LargeListArray.from_arrays(offsets, column)
            for name, column in _fed_columns(batch, dataset).items()
        }
    )


def _fed_columns(batch: pa.RecordBatch, dataset: Dataset) -> dict[str, pa.Array]:
    return {
        name: fed_column(batch[name], dataset.graph_dtypes[name]) for name in dataset.graph_columns
    }
