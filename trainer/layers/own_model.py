"""Models of the user's own: a function that builds scores from what it is given."""

import hashlib
import importlib
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import keras

from forebay.trainer.layers.context import ModelContext
from forebay.transforms.definition.functions import resolve
from forebay.transforms.errors import InputError, first_line

# Where a model's JSON tells a layer's name: by itself, or with the place of a tensor.
_NAME = re.compile(r'(?<="name": ")[^"]+(?=")|(?<=\[")[^"]+(?=", \d+, \d+\])')


def own_scores(context: ModelContext) -> keras.KerasTensor:
    """Calls the function that ``--model module:function`` names.

    Args:
        context: what the function is called with.

    Returns:
        Scores, (batch, outputs).

    Raises:
        InputError: there is no such function, it fails, or what it returns are not scores.
    """
    path = context.options.model
    function = own_function(path)
    try:
        scores = function(context)
    except Exception as error:
        raise InputError(
            f"--model {path} fails ({type(error).__name__}: {error}); --debug shows where"
        ) from error
    if not isinstance(scores, keras.KerasTensor) or scores.shape != (None, context.outputs):
        found = getattr(scores, "shape", type(scores).__name__)
        raise InputError(
            f"--model {path} returns {found} where scores of shape (batch, {context.outputs}) are "
            f"wanted; end with keras.layers.Dense({context.outputs})"
        )
    _refuse_own_code(keras.Model(context.tensors, scores), path)
    return scores


def own_function(path: str) -> Callable[[ModelContext], Any]:
    """Imports the function that ``--model module:function`` names.

    Raises:
        InputError: there is no such function.
    """
    # The command's own folder is where a user's module most likely lies.
    if "" not in sys.path:
        sys.path.insert(0, "")
        importlib.invalidate_caches()
    return resolve(path)


def layers_digest(model: keras.Model) -> str:
    """Returns what is equal where a model's layers are; Keras counts their names in a process."""
    places: dict[str, int] = {}
    text = _NAME.sub(lambda name: str(places.setdefault(name[0], len(places))), model.to_json())
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _refuse_own_code(model: keras.Model, path: str) -> None:
    """Refuses what no other process could read again: its code is not in the file."""
    for layer in model._flatten_layers():
        # Itself, its activation, its initializers and so on.
        for part in filter(callable, (layer, *vars(layer).values())):
            is_known = part.__module__.partition(".")[0] == "keras"
            if not is_known or isinstance(part, keras.layers.Lambda):
                name = getattr(part, "__name__", type(part).__name__)
                raise _unreadable(path, f"a layer {layer.name!r} with code of its own ({name})")
    try:
        with warnings.catch_warnings(action="ignore"):
            keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    except Exception as error:  # what is given to an operation, such as a function
        raise _unreadable(path, f"code that is not saved with it ({first_line(error)})") from error


def _unreadable(path: str, what: str) -> InputError:
    return InputError(
        f"--model {path} has {what}, which `forebay evaluate` could not read again; build it of "
        "Keras's own layers, Lambda aside, with their own activations and the like, and of "
        "keras.ops"
    )
