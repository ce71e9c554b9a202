"""Functions of a user's own inside the transform graph."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from forebay.transforms.definition.features import Custom
from forebay.transforms.definition.functions import resolve
from forebay.transforms.errors import InputError
from forebay.transforms.graph.missing import without_subnormal
from forebay.transforms.graph.servable import find_unservable


def custom_outputs(feature: Custom, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns what a user's own function makes of the columns.

    Args:
        feature: the function.
        inputs: the columns that features read, (batch,) each.

    Raises:
        InputError: the function failed, returned what is not a feature, or does what no served
            model can do.
    """
    columns = feature.columns or tuple(inputs)
    function = resolve(str(feature.function))
    graph = tf.compat.v1.get_default_graph()
    before = len(graph.get_operations())
    try:
        result: Any = function({name: inputs[name] for name in columns})
    except Exception as error:
        raise InputError(
            f"the function {feature.function!r} failed ({type(error).__name__}: {error}); "
            f"it is given a dict of the tensors {', '.join(columns)}"
        ) from error
    found = find_unservable(graph, before)
    if found is not None:
        operation, why = found
        raise InputError(
            f"the function {feature.function!r} uses the operation {operation}: {why.cause}; "
            f"{why.cure}"
        )
    if isinstance(result, Mapping):
        return _checked(result, feature)
    if feature.name is None:
        raise InputError(
            f"the function {feature.function!r} returned one tensor and its feature has no name; "
            "set name= or return a dict"
        )
    return _checked({feature.name: result}, feature)


def own_input(column: tf.Tensor) -> tf.Tensor:
    """Returns a column as users' functions see it, equal in every thread of TensorFlow."""
    return without_subnormal(column, tf.float32) if column.dtype == tf.float32 else column


def _checked(outputs: Mapping[str, Any], feature: Custom) -> dict[str, tf.Tensor]:
    for name, output in outputs.items():
        problem = _problem(output)
        if problem is not None:
            raise InputError(f"the function {feature.function!r} returned {name!r} as {problem}")
    return dict(outputs)


def _problem(output: Any) -> str | None:
    """Says what is wrong with an output, and the cure."""
    if isinstance(output, tf.RaggedTensor | tf.SparseTensor):
        to_dense = "to_tensor(shape=[None, 8])"
        if isinstance(output, tf.SparseTensor):
            to_dense = "tf.sparse.reset_shape and tf.sparse.to_dense"
        return (
            f"a {type(output).__name__}, whose rows have no fixed width; pad them to one, with "
            f"{to_dense}"
        )
    if not tf.is_tensor(output):
        return f"a {type(output).__name__}; return a tensor with a value for each row"
    shape = output.shape
    is_fixed = shape.rank == 1 or (shape.rank == 2 and shape[1])
    if output.dtype not in (tf.float32, tf.int64) or not is_fixed:
        return (
            f"{output.dtype.name} of shape {shape}; return float32 or int64 of shape (batch,) or "
            "(batch, width), the width a number that its code fixes"
        )
    return None
