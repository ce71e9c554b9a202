"""What the commands' arguments share; stdlib only, so that ``--help`` is quick."""

import argparse
import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, NoReturn

from forebay.transforms.errors import Problem


def choice(flag: str, value: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    """Yields a problem where a value is not one of those allowed."""
    if value not in allowed:
        yield Problem(flag, value, "no such choice", "use one of " + ", ".join(allowed))


class Parser(argparse.ArgumentParser):
    """A parser that names what was probably meant, under the usage of the command it is of."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parses arguments; exits with 2 where there are some it does not know."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown)
        return parsed, unknown

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        flags = [text.partition("=")[0] for text in unknown if text.startswith("-")]
        if not flags:
            self.error(f"too many arguments: {' '.join(map(repr, unknown))}")
        known = self._option_string_actions
        self.error(
            "; ".join(f"no such option: {flag}{did_you_mean(flag, known)}" for flag in flags)
        )


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Returns ``; did you mean ...?`` with the names that resemble a text, or nothing."""
    likely = difflib.get_close_matches(text, list(known), n=2)
    return f"; did you mean {' or '.join(likely)}?" if likely else ""


def add_common(parser: argparse.ArgumentParser, json: str | None = "the result") -> None:
    """Adds what every command has: how much it tells, and how.

    Args:
        parser: the command's.
        json: what ``--json`` prints; None: the command prints JSON anyway.
    """
    if json is not None:
        parser.add_argument("--json", action="store_true", help=f"print {json} as JSON")
    told = parser.add_mutually_exclusive_group()
    told.add_argument(
        "-q", "--quiet", action="store_true", help="tell nothing but results and errors"
    )
    told.add_argument(
        "-v", "--verbose", action="store_true", help="tell more, the libraries' own messages too"
    )
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
