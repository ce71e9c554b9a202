"""What kinds of fields are called in errors: ``a whole number``, ``a list of texts or None``."""

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

SCALARS: Mapping[Any, str] = {
    str: "a text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    type(None): "None",
    Any: "anything",
}
_NAMES: Mapping[Any, str] = {
    **SCALARS, bool: "a truth value", type(None): "nothing", dict: "a dict", bytes: "bytes",
    type: "a class", types.FunctionType: "a function",
}  # fmt: skip
_PLURALS = {"a text": "texts", "a number": "numbers", "a whole number": "whole numbers"}


def is_union(kind: Any) -> bool:
    """Tells whether an annotation is one of several."""
    return get_origin(kind) in (Union, types.UnionType)


def flat(kind: Any) -> tuple[Any, ...]:
    """Returns the members of a union, or the kind itself."""
    if not is_union(kind):
        return (kind,)
    return tuple(part for whole in get_args(kind) for part in flat(whole))


def named(value: Any, members: tuple[Any, ...]) -> str:
    """Says in words what a value is that is none of a union's members."""
    if any(type(value) is type(choice) for part in members for choice in get_args(part)):
        return "not one of the choices"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    kind = type(value)
    return _NAMES.get(kind) or f"{_article(kind.__name__)} {kind.__name__}"


def in_words(kind: Any) -> str:
    """Says in words what a kind is."""
    words = list(dict.fromkeys(word for part in flat(kind) for word in _words_of_one(part)))
    words.sort(key=lambda word: word == "None")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _words_of_one(kind: Any) -> Iterator[str]:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _words_of_one(parts[0])
    elif origin is Literal:
        yield from map(repr, parts)
    elif origin is tuple and parts[-1] is ...:
        words = in_words(parts[0])
        yield f"a list of {_PLURALS.get(words, words)}"
    elif origin is tuple:
        items = list(dict.fromkeys(map(in_words, parts)))
        each = f", each {items[0]}" if len(items) == 1 else f": {', '.join(map(in_words, parts))}"
        yield f"{len(parts)} values{each}"
    elif origin is Mapping:
        yield f"a dict of names, each with {in_words(parts[1])}"
    elif origin is Callable:
        yield "a function"
    else:
        yield SCALARS.get(kind) or f"{_article(kind.__name__)} {kind.__name__}"


def _article(word: str) -> str:
    return "an" if word[0] in "AEIOU" else "a"
