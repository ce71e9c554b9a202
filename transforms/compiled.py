"""Functions compiled by Numba, kept on disk by what they were compiled of.

Numba's own cache looks at a function's bytes and its file. It takes code for fresh whose callees or
constants in other files have changed, and of two processes that compile at once one may keep its
code under the other's name: later processes then run it on arrays of other types, without a word.
Here a name is a digest of all that makes the code, and a file holds its own checksum.
"""

import hashlib
import math
import os
import pickle
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from glob import escape
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import caching, serialize
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS = {"nogil": True, "error_model": "numpy"}
# Numba's version says what it makes of them.
_LIBRARIES = (math, np)


def compiled(function: _Function) -> _Function:
    """Compiles without the interpreter lock, keeping it on disk where a place can be found."""
    made = numba.njit(**_OPTIONS)(function)
    with suppress(RuntimeError):  # a read-only installation without a home directory
        made._cache = _KeptCode(function)
    return cast(_Function, made)


class _KeptCode(caching.FunctionCache):
    """The compiled variants of a function, one for each kind of its arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _Files(Path(self.cache_path), function)

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keeps a variant, where its folder can be written to."""
        with suppress(OSError):
            super().save_overload(signature, data)

    def _index_key(self, signature: Any, codegen: Any) -> str:
        return _digest((signature, codegen.magic_tuple()))


class _Files:
    """A file for each compiled variant of a function: its checksum, and the variant's pickle.

    Args:
        folder: where they lie.
        function: in Python.
    """

    def __init__(self, folder: Path, function: Any) -> None:
        module = function.__module__.rpartition(".")[2]
        self._base = f"{module}.{function.__qualname__}.{sys.implementation.cache_tag}"
        self._folder, self._function = folder, function

    @cached_property
    def _current(self) -> str:
        """What the names of the files begin with that are of the function as it is now."""
        made_of = list(_made_of(self._function, set()))
        return f"{self._base}.{_digest((numba.__version__, _OPTIONS, made_of))}"

    def load(self, variant: str) -> Any:
        """Returns what was kept; None: nothing was, or it is damaged."""
        try:
            content = self._path(variant).read_bytes()
        except OSError:
            return None
        checksum, kept = content[:32], content[32:]
        if hashlib.sha256(kept).digest() != checksum:
            return None
        return pickle.loads(kept)  # noqa: S301 - as trusted as the code beside it

    def save(self, variant: str, data: Any) -> None:
        """Keeps what was compiled, if it can be written; what it was before is removed."""
        kept, path = serialize.dumps(data), self._path(variant)
        temporary = path.with_suffix(f".{secrets.token_hex(8)}.tmp")
        try:
            for older in self._folder.glob(f"{escape(self._base)}.*"):
                if not older.name.startswith(self._current):
                    older.unlink(missing_ok=True)
            temporary.write_bytes(hashlib.sha256(kept).digest() + kept)
            os.replace(temporary, path)
        except OSError:  # it is compiled again the next time
            with suppress(OSError):
                temporary.unlink()

    def flush(self) -> None:
        """Removes all variants."""
        for path in self._folder.glob(f"{escape(self._base)}.*"):
            path.unlink(missing_ok=True)

    def _path(self, variant: str) -> Path:
        return self._folder / f"{self._current}.{variant}.nbc"


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]


def _made_of(function: FunctionType, told: set[FunctionType]) -> Iterator[str]:
    """Yields all that decides what a function does: its code, and what that refers to.

    Args:
        function: in Python.
        told: functions that were told of already, to which this one is added.

    Raises:
        TypeError: it refers to something of which it is not known what decides what it does.
    """
    if function in told:
        return
    told.add(function)
    yield from _code(function.__code__)
    found = (function.__globals__.get(name) for name in function.__code__.co_names)
    for value in (*(function.__defaults__ or ()), *_closed_over(function), *found):
        if isinstance(value, Dispatcher):
            yield from _made_of(value.py_func, told)
        elif isinstance(value, _Intrinsic):
            yield from _code(value._defn.__code__)
            yield from map(_constant, _closed_over(value._defn))
        elif value is not None:
            yield _constant(value)


def _code(code: CodeType) -> Iterator[str]:
    """Yields what code does, wherever it stands."""
    yield repr((code.co_code, code.co_names, code.co_varnames, code.co_freevars))
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _code(value)
        else:
            yield repr(value)


def _closed_over(function: FunctionType) -> Iterator[Any]:
    return (cell.cell_contents for cell in function.__closure__ or ())


def _constant(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return repr((value.dtype, value.shape, value.tobytes()))
    if isinstance(value, tuple):
        return repr(tuple(map(_constant, value)))
    if isinstance(value, bool | int | float | str | np.generic):
        return f"{type(value)} {value!r}"
    if value in _LIBRARIES:
        return repr(value.__name__)
    raise TypeError(
        f"compiled code refers to {value!r}: name a number, an array or such a function"
    )
