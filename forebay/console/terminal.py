"""What commands tell while they work, on standard error; and where their results are printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Where nobody looks at a screen, nothing is folded: tables are as wide as their cells.
_NO_SCREEN = 10_000


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

    return Console(highlight=False, width=None if sys.stdout.isatty() else _NO_SCREEN)


def notes() -> Console:
    """Returns the console on standard error; with ``--quiet`` it says nothing."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, quiet=_Verbosity.quiet, soft_wrap=True)


def note(text: str) -> None:
    """Tells what was done, on standard error; not with ``--quiet``."""
    if not _Verbosity.quiet:
        print(text, file=sys.stderr, flush=True)


def detail(text: str) -> None:
    """Tells on standard error what only ``--verbose`` asks for."""
    if _Verbosity.verbose:
        note(text)


@contextmanager
def saying(doing: str) -> Iterator[None]:
    """Says on a terminal what is being done, until it is done."""
    told = sys.stderr.isatty() and not _Verbosity.quiet
    if told:
        print(f"{doing} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if told:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
