"""Objects of JSON as they are written, and their fields by path."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forebay.transforms.json_text import TOO_DEEP, is_nested_too_deep


class Written(str):
    """A number as it is written."""


class _Repeating(dict[str, Any]):
    """An object that has names twice; the last value of each is its value."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        count = Counter(name for name, _ in pairs)
        self.repeated = frozenset(name for name, times in count.items() if times > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(pairs)


_decode = json.JSONDecoder(
    parse_float=Written, parse_int=Written, parse_constant=Written, object_pairs_hook=_object
).decode


def parsed(line: bytes) -> dict[str, Any] | str | None:
    """Returns an object, numbers as they are written; why there is none; None: another value."""
    try:
        text = line.decode()
        if is_nested_too_deep(text):
            return f"not JSON that can be read: {TOO_DEEP}"
        value = _decode(text)
    except UnicodeDecodeError:
        return "not UTF-8 text"
    except ValueError as error:
        return f"not JSON: {error}"
    return value if isinstance(value, dict) else None


def paths(value: Mapping[str, Any], before: str = "") -> list[str]:
    """Returns the names of an object's fields and the paths of those within."""
    found = []
    for name, item in value.items():
        found.append(before + name)
        if isinstance(item, dict):
            found += paths(item, f"{before}{name}.")
    return found


@dataclass(frozen=True)
class Odd:
    """A value where another is meant.

    Attributes:
        value: its JSON.
        why: what it is, to follow its value and "is".
    """

    value: bytes
    why: str


def as_written(value: Any) -> str:
    """Returns a value of what `parsed` returns as JSON, numbers as they were written."""
    if isinstance(value, Written):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, dict):
        items = (f"{json.dumps(name)}: {as_written(item)}" for name, item in value.items())
        return f"{{{', '.join(items)}}}"
    return json.dumps(value)


def field_at(value: Mapping[str, Any], path: str) -> Any:
    """Returns a field, by its name or else by its path; None where it is not there.

    An `Odd` where what is on the path is no object, or the field is there more than once.
    """
    found: Any = value
    for name in [path] if path in value else path.split("."):
        if found is None:
            return None
        if not isinstance(found, dict):
            return Odd(as_written(found).encode(), f"not an object, as {path!r} needs one")
        if isinstance(found, _Repeating) and name in found.repeated:
            return Odd(as_written(found[name]).encode(), f"one of several values named {name!r}")
        found = found.get(name)
    return found
