"""Columns of rows as the transform graph is fed them: the marker where a value is missing."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import MISSING, GraphDtype

ARROW: Mapping[GraphDtype, pa.DataType] = {
    "float32": pa.float32(),
    "float64": pa.int64(),  # its bits
    "int64": pa.int64(),
    "string": pa.large_binary(),
}


def fed_column(column: pa.Array, dtype: GraphDtype) -> pa.Array:
    """Turns a column into what the graph is fed by tf.Transform: float64 as its bits."""
    values = marked_column(column, dtype)
    return values.view(pa.int64()) if dtype == "float64" else values


def marked_column(column: pa.Array, dtype: GraphDtype) -> pa.Array:
    """Returns a column as the graph takes it, with the marker where a value is missing."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    column = column.cast(pa.float64() if dtype == "float64" else ARROW[dtype], safe=False)
    column = pc.fill_null(column, pa.scalar(MISSING[dtype], column.type))
    return _without_subnormal(column) if dtype == "float32" else column


def _without_subnormal(column: pa.FloatArray) -> pa.FloatArray:
    """Puts zero for numbers below float32's normal range, as the served graph does."""
    values = column.to_numpy()
    subnormal = (np.abs(values) < np.finfo(np.float32).tiny) & (values != 0)
    return pa.array(np.where(subnormal, np.float32(0), values)) if subnormal.any() else column
