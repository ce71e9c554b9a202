"""Training options as the words of a command line, or as the file that ``--config`` reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from forebay.trainer.options.data import data_names
from forebay.trainer.options.train import TrainOptions


def as_flags(options: TrainOptions) -> list[str]:
    """Returns the flags of ``forebay train`` that give these options, defaults left out."""
    return [word for name, value in _given(options) for word in _flag(name, value)]


def code_flags(options: TrainOptions) -> list[str]:
    """Returns the flags of what no file names, the code that runs: a model of the user's own."""
    return ["--model", options.model] if options.is_own_model else []


def _given(options: TrainOptions) -> Iterator[tuple[str, Any]]:
    """Yields the names and values of options that are not as by default."""
    default, names = TrainOptions(), data_names()
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name != "data" and value != getattr(default, field.name):
            yield field.name, value
    for field in fields(options.data):
        value = getattr(options.data, field.name)
        if value != getattr(default.data, field.name):
            yield names[field.name], value


def _flag(name: str, value: Any) -> Iterator[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        yield f"--{flag}" if value else f"--no-{flag}"
    elif isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        for one in value:
            yield from _words(flag, one)
    else:
        yield from _words(flag, as_text(value))


def _words(flag: str, text: str) -> tuple[str, ...]:
    """Returns a flag and its value, in one word where the value would pass for a flag."""
    return (f"--{flag}={text}",) if text.startswith("-") else (f"--{flag}", text)


def as_toml(options: TrainOptions) -> str:
    """Returns the file that gives these options with ``--config``, defaults left out.

    A model function of the user's own is left out, too: `code_flags` gives it.
    """
    return "".join(
        f"{name} = {_toml(value)}\n"
        for name, value in _given(options)
        if not (name == "model" and options.is_own_model)
    )


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(one)}" for name, one in value.items()) + "}"
    # JSON's way with characters beyond 16 bits, in halves, and a raw DEL are no TOML.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_text(value: Any) -> str:
    """Returns an option's value as the command line takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{one}" for name, one in value.items())
    return str(value)
