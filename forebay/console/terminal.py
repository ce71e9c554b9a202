"""What commands print: results on standard output, what is told of the work on standard error.

Cells, file names and errors hold whatever somebody wrote into them. Whatever is printed comes
through here, where control characters become signs and passwords in URLs become stars.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from forebay.transforms.json_text import json_text

if TYPE_CHECKING:
    from rich.console import Console

# Where nobody looks at a screen, nothing is folded: tables are as wide as their cells.
_NO_SCREEN = 10_000
# Unicode has a sign for each control character of ASCII; those of C1 and halves of letters
# have none. Bytes of a file name that are not UTF-8 are told as in a shell.
_SIGNS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "␡",
    **dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"),
    **{0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)},
}
_LINE_END = {ord("\n"): "␊"}
_HIDDEN = r"\1:***@"
_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^\s]*@")


def plain(text: str) -> str:
    """Returns a text as it may be printed, over several lines if it has them."""
    return _PASSWORD.sub(_HIDDEN, text).translate(_SIGNS)


def plain_line(text: str) -> str:
    """Returns a text as it may be printed in one line."""
    return plain(text).translate(_LINE_END)


def say(text: str) -> None:
    """Prints the result of a command, or a part of it, to standard output."""
    print(plain(text))


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Prints a result to standard output as JSON."""
    print(_PASSWORD.sub(_HIDDEN, json_text(value, indent=indent)))


def tell(text: str) -> None:
    """Prints what people may want to know of the work, to standard error."""
    print(plain(text), file=sys.stderr, flush=True)


class _Verbosity:
    """How much is told: one choice for the whole process, as a command makes it at its start."""

    quiet = False
    verbose = False


def choose_verbosity(args: argparse.Namespace) -> None:
    """Takes ``--quiet`` and ``--verbose`` from parsed arguments."""
    _Verbosity.quiet = getattr(args, "quiet", False)
    _Verbosity.verbose = getattr(args, "verbose", False)


def is_verbose() -> bool:
    """Tells whether ``--verbose`` was given."""
    return _Verbosity.verbose


def results() -> Console:
    """Returns the console on standard output; what is piped elsewhere is not folded."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _NO_SCREEN
    return _plain_only(Console(highlight=False, width=width))


def notes() -> Console:
    """Returns the console on standard error; with ``--quiet`` it says nothing."""
    from rich.console import Console

    # In notebooks Rich's bars move by widgets only; without these, lines are told as in a log.
    has_widgets = importlib.util.find_spec("ipywidgets") is not None
    as_log = False if _is_notebook() and not has_widgets else None
    return _plain_only(
        Console(
            stderr=True, highlight=False, quiet=_Verbosity.quiet, soft_wrap=True,
            force_jupyter=as_log, force_terminal=as_log,
        )
    )  # fmt: skip


def _is_notebook() -> bool:
    """Tells whether standard error is shown in a notebook, which is no terminal, though it says so.

    It shows the signs that move a terminal's cursor as letters.
    """
    return type(sys.stderr).__module__.startswith("ipykernel")


def shows_bars(console: Console) -> bool:
    """Tells whether bars can move on a console: on a terminal, or in a notebook with widgets."""
    return console.is_jupyter or console.is_terminal


def note(text: str) -> None:
    """Tells what was done, on standard error; not with ``--quiet``."""
    if not _Verbosity.quiet:
        tell(text)


def warn(problem: str | None) -> None:
    """Tells of a problem that ends nothing, if there is one, as `note` does."""
    if problem is not None:
        note(f"warning: {problem}")


def detail(text: str) -> None:
    """Tells on standard error what only ``--verbose`` asks for."""
    if _Verbosity.verbose:
        note(text)


@contextmanager
def saying(doing: str) -> Iterator[None]:
    """Says what is being done: on a terminal until it is done, in a log as a line that stays."""
    if _Verbosity.quiet or _is_notebook() or not sys.stderr.isatty():
        note(f"{doing} …")
        yield
        return
    print(f"{doing} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _plain_only(console: Console) -> Console:
    """Lets a console of Rich's show plain text only."""
    from rich.console import ConsoleOptions, RenderableType, RenderHook
    from rich.segment import Segment

    class Plain:
        """Something to show, its text made plain when it is laid out."""

        def __init__(self, inner: RenderableType) -> None:
            self._inner = inner

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
            for segment in console.render(self._inner, options):
                is_control = segment.control is not None
                yield segment if is_control else Segment(plain(segment.text), segment.style)

    class AllPlain(RenderHook):
        """Makes everything that is shown plain."""

        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            return [Plain(renderable) for renderable in renderables]

    console.push_render_hook(AllPlain())
    return console
