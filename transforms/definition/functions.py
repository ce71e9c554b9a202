"""References to users' functions: stored as import paths, resolved only where they are called."""

import importlib
from collections.abc import Callable
from typing import Any

from forebay.transforms.errors import InputError, first_line

FUNCTION_CURE = "give a function defined at the top of an importable module, or 'module:name'"


def import_path(function: Callable[..., Any] | str) -> str:
    """Returns ``module:name`` of a function; text is returned as it is.

    The result of a lambda, of a nested function or of one in ``__main__`` is kept as it
    comes; `is_importable_path` refuses it.
    """
    if isinstance(function, str):
        return function
    module = getattr(function, "__module__", "?")
    return f"{module}:{getattr(function, '__qualname__', repr(function))}"


def is_importable_path(path: str) -> bool:
    """Tells whether ``path`` has the form of an import path that a worker could resolve."""
    module, _, name = path.partition(":")
    parts = [*module.split("."), name]
    return module != "__main__" and all(part.isidentifier() for part in parts)


def resolve(path: str) -> Callable[..., Any]:
    """Imports the function that ``module:name`` names.

    Raises:
        InputError: the module cannot be imported or has no such function.
    """
    module, _, name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the function {path!r} cannot be imported ({error}); "
            "install its module where this command and its workers run"
        ) from error
    except Exception as error:  # whatever the module does
        raise InputError(
            f"the function {path!r} cannot be imported: its module fails ({first_line(error)}); "
            "mend it"
        ) from error
    if not callable(function):
        raise InputError(f"{path!r} is a {type(function).__name__}, not a function")
    return function  # type: ignore[no-any-return]
