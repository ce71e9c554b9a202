"""Models of the user's own: a function that builds scores from what it is given."""

import importlib
import sys

import keras

from forebay.trainer.layers.context import ModelContext
from forebay.transforms.definition.functions import resolve
from forebay.transforms.errors import InputError


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
    # The command's own folder is where a user's module most likely lies.
    if "" not in sys.path:
        sys.path.insert(0, "")
        importlib.invalidate_caches()
    function = resolve(path)
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
    _refuse_own_layers(keras.Model(context.tensors, scores), path)
    return scores


def _refuse_own_layers(model: keras.Model, path: str) -> None:
    """Refuses layers that no other process could read again: their code is not in the file."""
    for layer in model.layers:
        is_known = type(layer).__module__.partition(".")[0] == "keras"
        if not is_known or isinstance(layer, keras.layers.Lambda):
            raise InputError(
                f"--model {path} has a layer {layer.name!r} with code of its own "
                f"({type(layer).__name__}), which `forebay evaluate` could not read again; build "
                "it of Keras's own layers, Lambda aside, and of keras.ops"
            )
