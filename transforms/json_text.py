"""JSON as Forebay reads and writes it: bounded in depth, and harmless on a terminal."""

import json
from collections.abc import Callable
from typing import Any

# Deeper than anything of ours, and far from where Python's own reader and writer give up.
MOST_NESTED = 100
_TOO_DEEP = f"nested deeper than {MOST_NESTED} levels"

# Whoever prints JSON on a terminal shall not run what is in it: json leaves these as they are.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *range(0xD800, 0xE000))}


def parse_json(
    content: str | bytes,
    *,
    parse_constant: Callable[[str], Any] | None = None,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """Returns the value of a JSON text; the functions are as `json.loads` takes them.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested deeper than `MOST_NESTED`.
    """
    text = content.decode() if isinstance(content, bytes) else content
    try:
        value = json.loads(text, parse_constant=parse_constant, object_pairs_hook=object_pairs_hook)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(value)
    return value


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Returns a value as JSON, its control characters escaped; NaN and infinities are refused."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.translate(_CONTROLS)


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        if depth > MOST_NESTED:
            raise ValueError(_TOO_DEEP)
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
