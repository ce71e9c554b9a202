"""Records that Forebay has written as JSON, read back into the types that they were made of."""

import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from forebay.transforms.errors import RunFolderError, reason
from forebay.transforms.json_text import parse_json

T = TypeVar("T")

_SCALARS: Mapping[type, tuple[str, tuple[type, ...]]] = {
    str: ("a text", (str,)),
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (float, int)),
    type(None): ("null", (type(None),)),
}
_LONGEST = 60


class ShapeError(ValueError):
    """A value is not of the type that is wanted; the text says where, and what is."""


def read_record(kind: type[T], content: str | bytes, where: str, cure: str) -> T:
    """Reads a record.

    Args:
        kind: its type: a dataclass, a TypedDict, or a tuple or mapping of such.
        content: its JSON.
        where: the file that it is in, for the error.
        cure: what to do where it is damaged.

    Raises:
        RunFolderError: it is not JSON, or not of that type.
    """
    try:
        value = parse_json(content)
    except ValueError as error:
        raise RunFolderError(f"{where} is damaged ({reason(error)}); {cure}") from error
    return as_record(kind, value, where, cure)


def as_record(kind: type[T], value: Any, where: str, cure: str) -> T:
    """Takes a value of JSON for a record; as `read_record` for the rest."""
    try:
        return typed(kind, value)  # type: ignore[no-any-return]
    except ShapeError as error:
        raise RunFolderError(f"{where} is damaged ({error}); {cure}") from error


def typed(kind: Any, value: Any, place: str = "") -> Any:
    """Returns a value of JSON as a type, each of its parts checked.

    Args:
        kind: a dataclass or TypedDict, of which what has a default may be absent and what is
            unknown is left out; ``tuple[X, ...]``, ``tuple[X, Y]``, ``list[X]`` or
            ``Mapping[str, X]``; a union or ``Literal``; a scalar; Any; or ``Annotated[X, Y]``,
            what is kept as X and reads as Y.
        value: what was read of JSON.
        place: its place in the record.

    Raises:
        ShapeError: it is not a value of the type.
    """
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin is Annotated:
        kept_as, meant = get_args(kind)
        typed(meant, value, place)
        return typed(kept_as, value, place)
    if origin is Literal:
        return _one_of(get_args(kind), value, place)
    if origin in (Union, types.UnionType):
        return _any_of(get_args(kind), value, place)
    if origin is tuple:
        return _tuple(get_args(kind), value, place)
    if origin is list:
        return list(_tuple((*get_args(kind), ...), value, place))
    if origin is not None:
        items = _checked(value, dict, "an object", place)
        _, inner = get_args(kind)
        return {name: typed(inner, item, f"{place}[{name!r}]") for name, item in items.items()}
    if dataclasses.is_dataclass(kind) or is_typeddict(kind):
        return kind(**_fields(kind, _checked(value, dict, "an object", place), place))
    expected, allowed = _SCALARS[kind]
    if isinstance(value, bool) and bool not in allowed:
        raise _wrong(value, expected, place)
    return _checked(value, allowed, expected, place)


def _fields(kind: Any, value: Mapping[str, Any], place: str) -> dict[str, Any]:
    found = {}
    for name, (inner, is_needed) in _shape(kind).items():
        at = f"{place}.{name}" if place else name
        if name in value:
            found[name] = typed(inner, value[name], at)
        elif is_needed:
            raise ShapeError(f"{at} is absent")
    return found


@functools.cache
def _shape(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Returns each field's type, and whether it has to be there."""
    hints = get_type_hints(kind, include_extras=True)
    if is_typeddict(kind):
        return {name: (hint, name in kind.__required_keys__) for name, hint in hints.items()}
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _tuple(kinds: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    items = _checked(value, list, "a list", place)
    if kinds[-1:] == (...,):
        kinds = (kinds[0],) * len(items)
    elif len(items) != len(kinds):
        raise _wrong(value, f"a list of {len(kinds)}", place)
    pairs = zip(kinds, items, strict=True)
    return tuple(typed(kind, item, f"{place}[{i}]") for i, (kind, item) in enumerate(pairs))


def _any_of(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    *others, last = sorted(kinds, key=lambda kind: kind is type(None), reverse=True)
    for kind in others:
        try:
            return typed(kind, value, place)
        except ShapeError:
            continue
    return typed(last, value, place)


def _one_of(choices: tuple[Any, ...], value: Any, place: str) -> Any:
    if value not in choices:
        raise _wrong(value, f"one of {', '.join(map(repr, choices))}", place)
    return value


def _checked(value: Any, allowed: type | tuple[type, ...], expected: str, place: str) -> Any:
    if not isinstance(value, allowed):
        raise _wrong(value, expected, place)
    return value


def _wrong(value: Any, expected: str, place: str) -> ShapeError:
    text = repr(value)
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return ShapeError(f"{place or 'the whole'} is {shown}, not {expected}")
