"""Functions that take the attributes of an options dataclass, typed and documented as these are."""

from __future__ import annotations

import functools
import inspect
import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from typing import Any, Concatenate, ParamSpec, TypeVar

from forebay.console.arguments import did_you_mean, told_attributes

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
            known: Any = _known(options, kwargs, function)
            given: Any = map(_plain, args)
            return function(options(*given, **known))

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
            known: Any = _known(options, kwargs, function)
            make: Any = options
            return function(first, make(**known))

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


def _known(options: Any, given: dict[str, Any], function: Any) -> dict[str, Any]:
    """Returns what is given for options, lists as the tuples that they are."""
    known = {field.name: field for field in _fields(options)}
    for name in given:
        if name not in known:
            raise TypeError(f"{_name(function)} has no option {name!r}{did_you_mean(name, known)}")
    return {name: _as_declared(value, known[name]) for name, value in given.items()}


def _name(function: Any) -> str:
    return str(function.__name__)


def _as_declared(value: Any, field: Field[Any]) -> Any:
    if isinstance(value, list) and str(field.type).startswith("tuple"):
        return tuple(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    """Returns the path of what has one."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value
