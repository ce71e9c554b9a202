"""Training options as the words of a command line, or as the file that ``--config`` reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from forebay.trainer.options.train import TrainOptions

# Attributes whose flags have other names.
_NAMES = {"files": "train-files"}


def as_flags(options: TrainOptions) -> list[str]:
    """Returns the flags of ``forebay train`` that give these options, defaults left out."""
    default = TrainOptions()
    return [*_flags(options, default), *_flags(options.data, default.data)]


def _flags(options: Any, default: Any) -> Iterator[str]:
    for field in fields(options):
        value = getattr(options, field.name)
        if value == getattr(default, field.name) or field.name == "data":
            continue
        flag = _NAMES.get(field.name, field.name.replace("_", "-"))
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

    Options of rows and a model function of the user's own are given by flags only.
    """
    default = TrainOptions()
    left_out = ("data", "model") if options.is_own_model else ("data",)
    lines = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name not in left_out and value != getattr(default, field.name):
            lines.append(f"{field.name} = {json.dumps(value)}\n")
    return "".join(lines)


def as_text(value: Any) -> str:
    """Returns an option's value as the command line takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{one}" for name, one in value.items())
    return str(value)
