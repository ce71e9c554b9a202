"""Whether a definition's fields hold what their annotations say: mistakes of type, found at once.

An annotation is a scalar, a ``Literal``, a dataclass, ``tuple[X, ...]``, ``tuple[X, Y]``,
``Mapping[str, X]``, a function or a union of such; ``Annotated[X, Between(...)]`` is a number
within bounds. A float is finite, and a whole number one of 64 bits, whatever else is said.
"""

import dataclasses
import enum
import functools
import math
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from forebay.transforms.definition.fields.words import SCALARS, flat, in_words, is_union, named
from forebay.transforms.errors import Problem
from forebay.transforms.limits import FLOAT32_MAX

# The metadata of fields that came later: at its default such a field is not written to the JSON of
# a definition, which so keeps its digest.
LATER: Mapping[str, bool] = {"left_out_at_default": True}

_INT64 = 2**63


@dataclass(frozen=True)
class Between:
    """The bounds of a number.

    Attributes:
        low: the least that is allowed.
        high: the greatest.
        too_low: what is wrong with a smaller one.
        too_high: what is wrong with a greater one.
    """

    low: float
    high: float
    too_low: str = "too small"
    too_high: str = "too large"


# What the transform graph can hold: the models compute in float32.
Float32 = Annotated[float, Between(-FLOAT32_MAX, FLOAT32_MAX, "beyond float32", "beyond float32")]


class Faults:
    """The mistakes of type of a definition, and what can be checked further beside them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)

    def sound(self, where: str) -> bool:
        """Tells whether a part has none, given its path in the definition."""
        return not any(_is_within(problem.where, where) for problem in self.problems)

    def explains(self, problem: Problem) -> bool:
        """Tells whether another mistake may be there only because of one of these."""
        is_part = "." in problem.where or "[" in problem.where
        within = any(_is_within(problem.where, fault.where) for fault in self.problems)
        return within or (is_part and not self.sound(problem.where))

    def mended(self, value: Any, where: str) -> Any:
        """Returns a part with defaults in the fields that hold a mistake; None: one has no default.

        So the other fields can be checked further. Items of lists without defaults are left out.
        """
        if self.sound(where):
            return value
        if any(fault.where == where for fault in self.problems):
            return None
        if isinstance(value, tuple):
            return tuple(self.mended_items(value, where).values())
        if isinstance(value, dict):
            items = {key: self.mended(item, f"{where}[{key!r}]") for key, item in value.items()}
            return {key: item for key, item in items.items() if item is not None}
        changes = {}
        for field in dataclasses.fields(value):
            path = f"{where}.{field.name}"
            if not self.sound(path):
                found = self.mended(getattr(value, field.name), path)
                changes[field.name] = _default(field) if found is None else found
        is_whole = dataclasses.MISSING not in changes.values()
        return dataclasses.replace(value, **changes) if is_whole else None

    def mended_items(self, value: Any, where: str) -> dict[str, Any]:
        """Returns the items of a list as `mended` does, by path, given the path of the list."""
        if not isinstance(value, tuple) or any(fault.where == where for fault in self.problems):
            return {}
        places = {f"{where}[{i}]": item for i, item in enumerate(value)}
        items = {place: self.mended(item, place) for place, item in places.items()}
        return {place: item for place, item in items.items() if item is not None}


def _is_within(where: str, part: str) -> bool:
    return where == part or where.startswith((f"{part}.", f"{part}["))


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is dataclasses.MISSING:
        return field.default
    return field.default_factory()


def field_problems(owner: Any, where: str = "") -> Iterator[Problem]:
    """Yields the fields of a dataclass that hold something else than their annotations say.

    Args:
        owner: the dataclass; those within it are looked into.
        where: its path in the definition, a dot at its end; empty for the definition itself.
    """
    for name, kind in _fields(type(owner)).items():  # type: ignore[arg-type]
        yield from type_problems(getattr(owner, name), kind, where + name)


@functools.cache
def _fields(owner: type) -> Mapping[str, Any]:
    hints = get_type_hints(owner, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(owner)}


def type_problems(value: Any, kind: Any, where: str) -> Iterator[Problem]:
    """Yields what is wrong with a value that should be of a kind; ``where`` is its path."""
    if not _has_shape(value, kind):
        yield _wrong(value, kind, where)
        return
    origin, parts = get_origin(kind), get_args(kind)
    if is_union(kind):
        tried = [
            tuple(type_problems(value, part, where)) for part in parts if _has_shape(value, part)
        ]
        yield from min(tried, key=len)
    elif origin is tuple:
        yield from _item_problems(value, parts, where)
    elif origin is Mapping:
        for name, item in value.items():
            yield from type_problems(name, parts[0], where)
            yield from type_problems(item, parts[1], f"{where}[{name!r}]")
    elif dataclasses.is_dataclass(kind):
        yield from field_problems(value, f"{where}.")
    elif origin is Annotated:
        found = tuple(type_problems(value, parts[0], where))
        yield from found or _bound_problems(value, parts[1], where)
    elif isinstance(value, str):
        yield from _text_problems(value, where)
    elif isinstance(value, int | float) and kind is not bool:
        yield from _number_problems(value, kind, where)


def class_problem(value: Any, kind: Any, where: str) -> Problem | None:
    """Returns what is wrong with the class of a value, or of one in it; None: nothing is.

    Args:
        value: a text or a number may be any of its class, whatever the choices are.
        kind: what it should be; ``Any`` in it is anything.
        where: what it is called.
    """
    fitting = [part for part in flat(kind) if _has_class(value, part)]
    if not fitting:
        return _wrong(value, kind, where)
    found = [next(_part_problems(value, part, where), None) for part in fitting]
    return None if None in found else found[0]


def _part_problems(value: Any, kind: Any, where: str) -> Iterator[Problem]:
    """Yields the problems of class of what is in a value."""
    parts = get_args(kind)
    each: Iterable[tuple[Any, Any]] = ()
    if get_origin(kind) is tuple:
        each = zip(value, parts[:1] * len(value) if parts[-1] is ... else parts, strict=True)
    elif get_origin(kind) is Mapping:
        each = ((item, parts[1]) for item in value.values())
    found = (class_problem(item, part, where) for item, part in each)
    yield from (problem for problem in found if problem is not None)


def _has_class(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return type(value) in map(type, get_args(kind))
    return _has_shape(value, kind)


def _has_shape(value: Any, kind: Any) -> bool:
    """Tells whether a value is of the class that a kind asks for, whatever its parts are."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if is_union(kind):
        return any(_has_shape(value, part) for part in parts)
    if origin is Annotated:
        return _has_shape(value, parts[0])
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and (parts[-1] is ... or len(value) == len(parts))
    if origin is not None:  # a Mapping, a Callable
        return isinstance(value, origin)
    if kind is float:
        return _has_shape(value, int) or (
            isinstance(value, float) and not _is_written_otherwise(value)
        )
    if kind is int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and not _is_written_otherwise(value)
    if kind in SCALARS:
        return isinstance(value, kind) and not _is_written_otherwise(value)
    return _is_of(type(value), kind)


def _is_written_otherwise(value: Any) -> bool:
    """Tells of members of an enum that print as ``Kind.NAME``, though they are texts or numbers."""
    return isinstance(value, enum.Enum) and str(value) != str(value.value)


def _is_of(owner: type, kind: type) -> bool:
    """Tells whether a class is a dataclass of the definition, or one of its kinds; not a user's."""
    return issubclass(owner, kind) and owner.__module__ == kind.__module__


def _item_problems(value: tuple[Any, ...], kinds: tuple[Any, ...], where: str) -> Iterator[Problem]:
    kinds = (kinds[0],) * len(value) if kinds[-1] is ... else kinds
    for i, (item, kind) in enumerate(zip(value, kinds, strict=True)):
        has_parts = any(dataclasses.is_dataclass(part) for part in flat(kind))
        yield from type_problems(item, kind, f"{where}[{i}]" if has_parts else where)


def _number_problems(value: float, kind: Any, where: str) -> Iterator[Problem]:
    if kind is int and not -_INT64 < value < _INT64:
        yield Problem(where, value, "beyond the range of 64-bit integers", "write a smaller number")
    elif kind is float and not _is_finite(value):
        yield Problem(where, value, "not a finite number of 64 bits", "write one, such as 0.0")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more than 300 digits
        return False


def _bound_problems(value: float, bounds: Between, where: str) -> Iterator[Problem]:
    if not bounds.low <= value <= bounds.high:
        cause = bounds.too_low if value < bounds.low else bounds.too_high
        yield Problem(where, value, cause, f"write {_shown(bounds.low)} to {_shown(bounds.high)}")


def _shown(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _text_problems(value: str, where: str) -> Iterator[Problem]:
    try:
        value.encode()
    except UnicodeEncodeError:
        yield Problem(where, value, "half of a character (a lone surrogate)", "write whole text")


def _wrong(value: Any, kind: Any, where: str) -> Problem:
    """Describes a value that is of another class."""
    members = flat(kind)
    wanted = [part for part in members if dataclasses.is_dataclass(part)]
    if isinstance(value, type) and any(_is_of(value, part) for part in wanted):  # type: ignore[arg-type]
        return Problem(where, value, "a class, not one of its values", f"write {value.__name__}()")
    if isinstance(value, types.FunctionType) and wanted:
        cure = f"call it: {value.__name__}()"
        return Problem(where, value, "a function, not what it returns", cure)
    for part in members:
        items = get_args(part)
        if get_origin(part) is tuple and items[-1] is ... and _has_shape(value, items[0]):
            written = f"({value!r},)" if isinstance(value, str) else "it in brackets, [...]"
            return Problem(where, value, "one where several are meant", f"write {written}")
    as_python = ", as .tolist() makes of it" if hasattr(value, "tolist") else ""
    as_python = ", such as its .value" if isinstance(value, enum.Enum) else as_python
    return Problem(where, value, named(value, members), f"write {in_words(kind)}{as_python}")
