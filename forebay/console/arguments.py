"""What the commands' arguments share; stdlib only, so that ``--help`` is quick."""

import argparse
from collections.abc import Iterator
from pathlib import PurePath

from forebay.transforms.errors import Problem


def choice(flag: str, value: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    """Yields a problem where a value is none of those allowed."""
    if value not in allowed:
        yield Problem(flag, value, "no such choice", "use one of " + ", ".join(allowed))


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds ``--json`` and ``--debug``."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def describe(parser: argparse.ArgumentParser, description: str, *examples: str) -> None:
    """Gives a parser its description, and examples under the name it is called by."""
    parser.description = description
    program = parser.prog.rpartition(" ")[0] or PurePath(parser.prog).name
    lines = [f"  {program} {example}" for example in examples]
    parser.epilog = "\n".join(["examples:", *lines])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def with_default(text: str) -> str:
    """Returns a help text that ends with the argument's default."""
    return f"{text} (default: %(default)s)"
