"""Options from a TOML file: flat, each key an option's name."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from forebay.trainer.options.train import is_own
from forebay.transforms.errors import InputError, Problem, reason

_LONGEST_BYTES = 1 << 20


def read_config(path: str, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Reads options from a TOML file.

    Args:
        path: the file.
        kinds: the options that it may set, and the types of their values.

    Returns:
        The values that the file sets, by option; lists as tuples, whole numbers as floats where
        floats are wanted.

    Raises:
        InputError: the file cannot be read, or has keys or values that are not options; it lists
            all of them.
    """
    found = read_toml("--config", path, "hidden_units = [128, 64]")
    problems = [str(problem) for problem in _problems(found, kinds)]
    if problems:
        raise InputError(f"--config {path}: " + "; ".join(problems))
    return {name: _converted(value, kinds[name]) for name, value in found.items()}


def read_toml(flag: str, path: str, example: str) -> dict[str, Any]:
    """Reads a TOML file that a flag names.

    Args:
        flag: the flag, for errors.
        path: the file.
        example: a line of such a file.

    Raises:
        InputError: it cannot be read, or is no TOML.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(_LONGEST_BYTES + 1)
        if len(text) > _LONGEST_BYTES:
            raise InputError(
                f"{flag} {path} is longer than {_LONGEST_BYTES:,} bytes; name a file of options"
            )
        return tomllib.loads(text.decode())
    except RecursionError as error:
        raise InputError(f"{flag} {path} is nested too deep; write one option a line") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{flag} {path} cannot be read ({reason(error)}); write TOML, such as {example}"
        ) from error


def _problems(found: Mapping[str, Any], kinds: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in found.items():
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=3, cutoff=0.5)
            cure = f"did you mean {' or '.join(near)}?" if near else f"use {', '.join(kinds)}"
            yield Problem(name, value, "no such option", cure)
        elif not _fits(value, kinds[name]):
            yield Problem(name, value, f"a {type(value).__name__}", f"give {_words(kinds[name])}")
        elif name == "model" and is_own(value):
            # A file may come from anywhere; the code that runs is named by who runs it.
            yield Problem(
                name, value, "a file names no code to run", f"give it as a flag: --model {value}"
            )


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if get_origin(kind) is Mapping:
        return isinstance(value, dict) and all(_fits(v, get_args(kind)[1]) for v in value.values())
    if _is_union(kind):
        return any(_fits(value, part) for part in get_args(kind))
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(kind, type) and type(value) is kind


def _words(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return f"a list, each item {_words(get_args(kind)[0])}"
    if get_origin(kind) is Mapping:
        return f"a table, each value {_words(get_args(kind)[1])}"
    if _is_union(kind):
        return " or ".join(_words(part) for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words.get(kind, str(kind))


def _converted(value: Any, kind: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    parts = get_args(kind) if _is_union(kind) else (kind,)
    if isinstance(value, dict):
        (values,) = (get_args(part)[1] for part in parts if get_origin(part) is Mapping)
        return {name: _converted(one, values) for name, one in value.items()}
    return float(value) if float in parts else value


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)
