"""Columns as the transform graph takes them: its types, and markers for what is missing."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import MISSING, GraphDtype

# How Arrow holds the columns of each dtype of the graph.
GRAPH_TYPES: dict[GraphDtype, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.large_binary(),
}


def marked(column: pa.Array, dtype: GraphDtype) -> pa.Array:
    """Returns a column in the graph's type, with the marker where a value is missing."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    column = column.cast(GRAPH_TYPES[dtype], safe=False)
    column = pc.fill_null(column, pa.scalar(MISSING[dtype], column.type))
    return _without_subnormal(column) if dtype == "float32" else column


def _without_subnormal(column: pa.FloatArray) -> pa.FloatArray:
    """Puts zero for numbers below float32's normal range, as the served graph does."""
    values = column.to_numpy()
    subnormal = (np.abs(values) < np.finfo(np.float32).tiny) & (values != 0)
    return pa.array(np.where(subnormal, np.float32(0), values)) if subnormal.any() else column
