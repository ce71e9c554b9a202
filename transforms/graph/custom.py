"""Functions of a user's own inside the transform graph."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from transforms.errors import InputError
from transforms.features import Custom
from transforms.functions import resolve


def custom_outputs(feature: Custom, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns what a user's own function makes of the columns.

    Args:
        feature: the function.
        inputs: the columns that features read, (batch,) each.

    Raises:
        InputError: the function failed, or returned what is no feature.
    """
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
        return _checked(result, feature)
    if feature.name is None:
        raise InputError(
            f"the function {feature.function!r} returned one tensor and its feature has no name; "
            "set name= or return a dict"
        )
    return _checked({feature.name: result}, feature)


def _checked(outputs: Mapping[str, Any], feature: Custom) -> dict[str, tf.Tensor]:
    for name, tensor in outputs.items():
        is_known = tensor.shape.rank == 1 or (tensor.shape.rank == 2 and tensor.shape[1])
        if tensor.dtype not in (tf.float32, tf.int64) or not is_known:
            raise InputError(
                f"the function {feature.function!r} returned {name!r} as {tensor.dtype.name} of "
                f"shape {tensor.shape}; return float32 or int64 of shape (batch,) or "
                "(batch, width), the width a number that its code fixes"
            )
    return dict(outputs)
