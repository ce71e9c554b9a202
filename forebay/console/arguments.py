"""What the commands' arguments share; stdlib only, so that ``--help`` is quick."""

import argparse
import difflib
import inspect
import itertools
import re
import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, NoReturn

from forebay.transforms.errors import Problem

# What is told at length is this wide, in letters.
_WIDTH = 79
_NUMBERS: Mapping[Any, str] = {int: "a whole number", float: "a number"}


def choice(flag: str, value: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    """Yields a problem where a value is not one of those allowed."""
    if value not in allowed:
        yield Problem(flag, value, "no such choice", "use one of " + ", ".join(allowed))


class Parser(argparse.ArgumentParser):
    """A parser that names what was probably meant, under the usage of the command it is of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A flag cut short may be another one with the next version.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parses arguments; exits with 2 where there are some it does not know.

        A mistyped option is told before what is missing for want of it.
        """
        if args is not None:
            own = args if self._subparsers is None else list(_before_command(args))
            mistyped = [text for text in _options_in(own) if not self._is_known(text)]
            if mistyped:
                self._refuse(mistyped)
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown)
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Says what is wrong, passwords hidden and control characters shown, and ends with 2."""
        from forebay.console.terminal import plain_line

        super().error(plain_line(message))

    def _is_known(self, text: str) -> bool:
        """Tells whether an option is one of ours."""
        return text.partition("=")[0] in self._option_string_actions

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            kind = _NUMBERS.get(action.type)
            if kind is None:
                raise
            raise argparse.ArgumentError(action, f"{arg_string!r} is not {kind}") from error

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = list(map(str, action.choices))
            message = f"{value!r} is not one of {', '.join(choices)}"
            raise argparse.ArgumentError(action, message + did_you_mean(str(value), choices))

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        flags = [text.partition("=")[0] for text in unknown if text.startswith("-")]
        if not flags:
            self.error(f"too many arguments: {' '.join(map(repr, unknown))}")
        known = self._option_string_actions
        self.error(
            "; ".join(f"no such option: {flag}{did_you_mean(flag, known)}" for flag in flags)
        )


def _before_command(args: Sequence[str]) -> Iterator[str]:
    return itertools.takewhile(lambda text: text.startswith("-"), args)


def _options_in(args: Sequence[str]) -> Iterator[str]:
    for text in itertools.takewhile(lambda text: text != "--", args):
        if text.startswith("--"):
            yield text


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Returns ``; did you mean ...?`` with the names that resemble a text, or nothing."""
    likely = difflib.get_close_matches(text, list(known), n=2, cutoff=0.7)
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


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the run folder that a command reads."""
    parser.add_argument("run", metavar="RUN", help="a run folder that `forebay preprocess` made")


def describe(
    parser: argparse.ArgumentParser, description: str, *examples: str, also: str = ""
) -> None:
    """Gives a parser its description, and examples under the name it is called by.

    Args:
        parser: the command's.
        description: what the command does.
        examples: the arguments of a call each, over several lines if need be.
        also: what else there is to know, below the examples.
    """
    parser.description = "\n".join(_wrapped(description))
    calls = [f"  {parser.prog} {example}".replace("\n", "\n      ") for example in examples]
    parser.epilog = "\n".join(["examples:", *calls, *(["", *_wrapped(also)] if also else [])])
    parser.formatter_class = _HelpFormatter


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Breaks no line within a flag."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(" ".join(text.split()), width)


def _wrapped(text: str, width: int = _WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def help_of(options: type, name: str, *, also: str = "", default: str | None = None) -> str:
    """Returns the help of an option: what the docstring of its dataclass says of the attribute.

    What ``None`` or an empty value means, at the end of that, is what the default means.

    Args:
        options: the dataclass.
        name: the attribute.
        also: what else there is to say of the flag.
        default: the default in words; None: as the dataclass has it.
    """
    told = told_attributes(options)
    text, _, unset = _UNSET.sub("\0", told.get(name, "").rstrip(".")).partition("\0")
    default = default or unset or _default_text(options, name)
    ends = f" (default: {default})" if default else ""
    named = _CODE.sub(lambda code: _as_flag(code[1], told), text + also + ends)
    return named.replace("`", "").replace("%", "%%")


_ATTRIBUTE = re.compile(r"^    (?P<names>\w+(?:, \w+)*): (?P<text>.*(?:\n {5,}.*)*)", re.M)
_UNSET = re.compile("; (?:None|empty): ")
_CODE = re.compile("``(.+?)``")


def told_attributes(options: type) -> dict[str, str]:
    """Returns what docstrings' sections "Attributes" say of each, inherited ones too, in a line."""
    told: dict[str, str] = {}
    for owner in reversed(options.__mro__[:-1]):
        section = inspect.cleandoc(owner.__doc__ or "").partition("Attributes:\n")[2]
        told |= {
            name: " ".join(found["text"].split())
            for found in _ATTRIBUTE.finditer(section.partition("\n\n")[0])
            for name in found["names"].split(", ")
        }
    return told


def _as_flag(word: str, attributes: Container[str]) -> str:
    return "--" + word.replace("_", "-") if word in attributes else word


def _default_text(options: type, name: str) -> str:
    """Returns a default as the command line takes it; empty where there is nothing to say."""
    value = next(field.default for field in fields(options) if field.name == name)
    if value in (None, MISSING) or isinstance(value, bool):
        return ""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
