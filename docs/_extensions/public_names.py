"""The Python reference: how docstrings of our public names become pages."""

from __future__ import annotations

import inspect
import itertools
import os
import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

import forebay
from forebay.console.tensorflow import native_logs_hidden

_QUALIFIED = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")
_BOUNDED = re.compile(r"Annotated\[(\w+), Between\([^()]*\)\]")

_SEVERAL = re.compile(r":ivar (?P<names>\w+(?:, \w+)+): (?P<text>.*)")


def _shorten(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Calls a dataclass's fields its parameters, which they are, and types by their own names."""
    del app, what, name, options
    lines[:] = list(_parameters(lines, obj))


def _parameters(lines: list[str], of: Any) -> Iterator[str]:
    """Yields a docstring's lines, with one entry for each of several fields."""
    together: list[str] = []
    for i, line in enumerate(lines):
        if line.startswith(":vartype "):
            line = _plain_type(line.replace(":vartype ", ":type ", 1))
        elif found := _SEVERAL.fullmatch(line):
            together = found["names"].split(", ")
            text = [found["text"], *itertools.takewhile(_goes_on, lines[i + 1 :])]
            for field in together:
                yield f":param {field}: {text[0]}"
                yield from text[1:]
                kind = inspect.formatannotation(of.__dataclass_fields__[field].type)
                yield f":type {field}: {_plain_type(kind)}"
            continue
        elif together and _goes_on(line):
            continue
        together = []
        yield line.replace(":ivar ", ":param ", 1)


def _plain_type(kind: str) -> str:
    """Returns a type without the modules of its names, and without the bounds of its numbers."""
    return _BOUNDED.sub(r"\1", _QUALIFIED.sub("", kind))


def _goes_on(line: str) -> bool:
    return line.startswith(" ")


def _defaults(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str
) -> tuple[str, str] | None:
    """Shows a default that is made anew each time as dots; a property has no signature."""
    del app, what, name, obj, options
    return None if signature is None else (signature.replace("<factory>", "..."), returns)


def setup(app: Sphinx) -> dict[str, Any]:
    """Loads the public names, without the greetings of the libraries below them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_logs_hidden():
        for name in forebay.__all__:
            getattr(forebay, name)
    # After Napoleon, which makes fields of the sections.
    app.connect("autodoc-process-docstring", _shorten, priority=900)
    app.connect("autodoc-process-signature", _defaults)
    return {"parallel_read_safe": True}
