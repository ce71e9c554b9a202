"""What columns allow of values, whether these are read, made by functions or given as defaults."""

import re
from collections.abc import Iterator
from dataclasses import Field, fields, replace
from typing import Any

from forebay.transforms.definition.columns import (
    NUMBER_PATTERN,
    Bounds,
    Column,
    Integer,
    Number,
    String,
)
from forebay.transforms.errors import Problem

# The options that refuse values, and those that say what values hold. All others say how cells are
# read, which mean nothing to a column that no cell is read for.
_REFUSING = frozenset({"required", "range", "values", "image"})
_HELD = frozenset({"separator"})
_NUMBER = re.compile(NUMBER_PATTERN)


def is_limited(column: Column) -> bool:
    """Tells whether a column refuses values that its kind can hold."""
    return any(_is_set(column, option) for option in _options(column))


def without_limits(column: Column) -> Column:
    """Returns a column that refuses nothing that its kind can hold."""
    defaults: dict[str, Any] = {option.name: option.default for option in _options(column)}
    return replace(column, **defaults)


def made_problems(column: Column, where: str) -> Iterator[Problem]:
    """Yields the mistakes of a column that a function makes; ``where`` is its path."""
    yield from column.problems(where)
    for option in fields(column):
        if option.name not in _REFUSING | _HELD and _is_set(column, option):
            yield Problem(
                f"{where}.{option.name}", getattr(column, option.name),
                "says how cells are read, and a made column has none", "leave it out",
            )  # fmt: skip


def refusal(column: Column, value: object) -> str | None:
    """Returns what a value of a column's type is that it does not allow; None: it allows it."""
    if value in column.nulls or _means_missing(column, value):
        return "what means missing there"
    if isinstance(column, Number | Integer) and not in_range(column.range, value):
        return f"not {range_text(column.range)}"
    if isinstance(column, String) and column.values and value not in column.values:
        return "not one of the declared values"
    return None


def _means_missing(column: Column, value: object) -> bool:
    """Tells whether a value is a number that means missing in the column's table."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return any(float(text) == value for text in column.nulls if _NUMBER.fullmatch(text))


def in_range(limits: Bounds, value: Any) -> bool:
    """Tells whether a number is within limits."""
    low, high = limits
    return (low is None or value >= low) and (high is None or value <= high)


def range_text(limits: Bounds) -> str:
    """Returns limits, of which there is one at least, in words."""
    low, high = limits
    if low is not None and high is not None:
        return f"between {low} and {high}"
    return f"{low} or more" if high is None else f"{high} or less"


def _options(column: Column) -> list[Field[Any]]:
    return [option for option in fields(column) if option.name in _REFUSING]


def _is_set(column: Column, option: Field[Any]) -> bool:
    return bool(getattr(column, option.name) != option.default)
