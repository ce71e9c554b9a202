"""Completion of commands and options in a shell."""

import argparse
import sys
from typing import Any

# Arguments with these names are files or folders.
_PATHS = ("PATH", "FILE", "RUN", "DIR", "INPUT", "FILE.py", "FILE.png")
SHELLS = ("bash", "zsh", "tcsh")


class PrintCompletion(argparse.Action):
    """``--print-completion SHELL`` prints what the shell is to read, and ends the command."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:
        super().__init__(
            option_strings, dest, choices=SHELLS, metavar="SHELL", default=argparse.SUPPRESS,
            help="print a script that completes commands and options in bash, zsh or tcsh",
        )  # fmt: skip

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> None:
        """Prints the script."""
        import shtab

        _complete_paths(parser, shtab.FILE)
        sys.stdout.write(shtab.complete(parser, shell=values) + "\n")
        parser.exit()


def _complete_paths(parser: argparse.ArgumentParser, files: Any) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _complete_paths(child, files)
        elif action.metavar in _PATHS or action.dest in ("run", "definition"):
            action.complete = files  # type: ignore[attr-defined]
