"""Functions compiled by Numba."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile without the interpreter lock, caching on disk where a place can be found for it."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(_Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # a read-only installation without a home directory
        return cast(_Function, numba.njit(**options)(function))
