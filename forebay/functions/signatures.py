"""Functions that take the attributes of an options dataclass, typed and documented as these are."""

from __future__ import annotations

import functools
import inspect
import os
import textwrap
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from typing import Any, Concatenate, ParamSpec, TypeVar, get_origin, get_type_hints

from forebay.console.arguments import did_you_mean, told_attributes
from forebay.console.stores import store_failures_told
from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.fields.types import class_problem
from forebay.transforms.definition.fields.words import flat
from forebay.transforms.errors import InputError

P = ParamSpec("P")
First = TypeVar("First")
Options = TypeVar("Options")
Result = TypeVar("Result")


def takes(
    options: Callable[P, Options],
) -> Callable[[Callable[[Options], Result]], Callable[P, Result]]:
    """Lets a function of one argument, some options, take their attributes instead."""

    def decorate(function: Callable[[Options], Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            make: Any = options
            given = _bound(call, options, args, kwargs)
            with store_failures_told(given.get("output")):
                return function(make(**given))

        _document(call, function, options, [])
        return call

    return decorate


def also_takes(
    options: Callable[P, Options],
) -> Callable[
    [Callable[[First, Options], Result]], Callable[Concatenate[First, P], Result]
]:  # fmt: skip
    """Lets a function of a run and some options take the attributes of these by name."""

    def decorate(
        function: Callable[[First, Options], Result],
    ) -> Callable[Concatenate[First, P], Result]:
        @functools.wraps(function)
        def call(first: First, /, *args: P.args, **kwargs: P.kwargs) -> Result:
            if args:
                raise TypeError(f"{_name(function)} takes its options by name, such as NAME=VALUE")
            given = _bound(call, options, (first,), kwargs)
            _check_path(_name(function), *given.popitem(last=False))
            make: Any = options
            with store_failures_told(first):
                return function(first, make(**given))

        first = next(iter(inspect.signature(function).parameters.values()))
        _document(call, function, options, [first])
        return call

    return decorate


def _document(call: Any, function: Any, options: Any, first: list[inspect.Parameter]) -> None:
    """Gives a function the signature and the help of its options."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = inspect.signature(options).parameters
    shown = {field.name for field in _fields(options)}
    of_options = [one for name, one in own.items() if name in shown]
    if first:
        of_options = [one.replace(kind=keyword) for one in of_options]
    annotation = function.__annotations__.get("return", inspect.Signature.empty)
    call.__signature__ = inspect.Signature([*first, *of_options], return_annotation=annotation)
    call.__annotations__ = {
        one.name: one.annotation for one in (*first, *of_options)
    } | {"return": annotation}  # fmt: skip
    told = {one.name: "the run, or its folder" for one in first} | dict(_told(options))
    call.__doc__ = _with_arguments(function.__doc__, told)


def _fields(options: Any) -> Iterator[Field[Any]]:
    hidden = getattr(options, "hidden", ())
    return (field for field in fields(options) if field.name not in hidden)


def _told(options: Any) -> Iterator[tuple[str, str]]:
    told = told_attributes(options)
    for field in _fields(options):
        yield field.name, told.get(field.name, "")


def _with_arguments(doc: str | None, told: dict[str, str]) -> str:
    """Puts what is told of options into a docstring."""
    text = inspect.cleandoc(doc or "")
    listed = "\n".join(
        textwrap.fill(
            f"{name}: {said}", 96, initial_indent="    ", subsequent_indent=" " * 8,
            break_on_hyphens=False,
        )
        for name, said in told.items()
    )  # fmt: skip
    first, gap, tail = text.partition("\n\nReturns:")
    return f"{first}\n\nArgs:\n{listed}" + (f"\n\nReturns:{tail}" if gap else "") + "\n"


def _bound(call: Any, options: Any, args: Any, kwargs: dict[str, Any]) -> OrderedDict[str, Any]:
    """Returns what is given to a function by name, lists as the tuples that they are.

    Raises:
        TypeError: an option is unknown, is given twice, or is missing.
        InputError: a value is of a class that its option does not take.
    """
    function = _name(call)
    kinds = _kinds(options)
    for name in kwargs:
        if name not in call.__signature__.parameters:
            raise TypeError(f"{function} has no option {name!r}{did_you_mean(name, kinds)}")
    try:
        bound = call.__signature__.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{function}: {error}") from None
    given = {name: _plain(value) for name, value in bound.arguments.items()}
    for name, kind in kinds.items():
        if name in given:
            given[name] = _as_declared(given[name], kind)
            check_argument(function, name, given[name], kind)
    return OrderedDict(given)


def check_argument(function: str, name: str, value: Any, kind: Any) -> None:
    """Checks that a function was given a value of the right class.

    Raises:
        InputError: it was not.
    """
    problem = class_problem(value, kind, name)
    if problem is not None:
        raise InputError(f"{function}: {problem}")


@functools.cache
def _kinds(options: Any) -> dict[str, Any]:
    """Returns what the attributes of options are; ``Any``: a table, which is looked at later."""
    tables = dict.fromkeys(("Inputs", "RowInputs"), Any)
    hints = get_type_hints(options, localns={**tables, "Dataset": Dataset, "BigQuery": BigQuery})
    return {field.name: hints[field.name] for field in _fields(options)}


def _check_path(function: str, name: str, value: Any) -> None:
    if not isinstance(value, str):
        problem = class_problem(value, str, name)
        raise InputError(f"{function}: {problem}, the run's folder, or the run")


def _name(function: Any) -> str:
    return str(function.__name__)


def _as_declared(value: Any, kind: Any) -> Any:
    is_several = any(get_origin(part) is tuple for part in flat(kind))
    return _as_tuples(value) if is_several else value


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Returns the path of what has one."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value
