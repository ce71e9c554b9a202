"""Commands: each one's help, arguments and runner, said once."""

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forebay.console.arguments import did_you_mean
from forebay.console.command_line import run_command
from forebay.console.tensorflow import kept_for_good, quiet_tensorflow
from forebay.console.terminal import saying

Run = Callable[[argparse.Namespace], int]


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        help: one line, for the list of commands.
        add_arguments: adds its arguments to a parser, and loads nothing heavy.
        runner: ``module:function`` that runs it: takes the parsed arguments and returns the exit
            status.
    """

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    runner: str

    def load(self) -> Run:
        """Imports what runs the command."""
        module, _, function = self.runner.partition(":")
        return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]


def add_commands(parser: argparse.ArgumentParser, commands: Mapping[str, Command]) -> None:
    """Lets a parser take one of several commands, as ``args.command``."""
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in commands.items():
        command.add_arguments(parsers.add_parser(name, help=command.help))


def parse_command(
    parser: argparse.ArgumentParser, commands: Mapping[str, Command], arguments: Sequence[str]
) -> argparse.Namespace:
    """Parses the arguments of one of several commands; exits with 2 where there is no such."""
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:
        parser.error(f"no such command: {arguments[0]}{did_you_mean(arguments[0], commands)}")
    return parser.parse_args(arguments)


def run_parsed(called: str, command: Command, args: argparse.Namespace) -> int:
    """Loads the code of a command, saying so, and runs it.

    Args:
        called: the words that the command was called by.
        command: the command.
        args: the command's parsed arguments.

    Returns:
        The exit status; see `run_command`.
    """

    def run(args: argparse.Namespace) -> int:
        with quiet_tensorflow():
            with saying(f"{called}: loading"), kept_for_good():
                run_loaded = command.load()
            return run_loaded(args)

    return run_command(run, args)
