"""JSON as Forebay reads and writes it: bounded in depth, and harmless on a terminal."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

# Deeper than anything of ours, and far from where Python's own reader and writer give up.
MOST_NESTED = 100
# Whole numbers below are written without an exponent.
_MOST_PLAIN = 1e15
TOO_DEEP = f"nested deeper than {MOST_NESTED} levels"
# A string that is not closed goes to the end, so that no text is searched twice.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)

# Whoever prints JSON on a terminal shall not run what is in it: json leaves these as they are.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *range(0xD800, 0xE000))}


def parse_json(
    content: str | bytes,
    *,
    parse_constant: Callable[[str], Any] | None = None,
    parse_float: Callable[[str], Any] | None = None,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """Returns the value of a JSON text; the functions are as `json.loads` takes them.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested deeper than `MOST_NESTED`.
    """
    text = content.decode() if isinstance(content, bytes) else content
    if is_nested_too_deep(text):
        raise ValueError(TOO_DEEP)
    return json.loads(
        text,
        parse_constant=parse_constant,
        parse_float=parse_float,
        object_pairs_hook=object_pairs_hook,
    )


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Returns a value as JSON, its control characters escaped; NaN and infinities are refused."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.translate(_CONTROLS)


def json_number(value: float) -> int | float:
    """Returns a number as texts have it, whatever its type: 42, not 42.0."""
    is_plain = value.is_integer() and abs(value) < _MOST_PLAIN
    return int(value) if is_plain and (value or math.copysign(1, value) > 0) else value


def is_nested_too_deep(text: str) -> bool:
    """Tells whether a JSON text is nested deeper than `MOST_NESTED`.

    Python's own limit is another one in each version, and depends on who calls.
    """
    if text.count("{") + text.count("[") <= MOST_NESTED:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        depth += (found[0] in "[{") - (found[0] in "]}")
        if depth > MOST_NESTED:
            return True
    return False
