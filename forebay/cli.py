"""The ``forebay`` command: finds the command asked for, and loads only what it needs."""

import argparse
import sys
from collections.abc import Sequence

import forebay
from forebay.commands.check import options as check
from forebay.commands.explain import options as explain
from forebay.commands.init import options as init
from forebay.commands.jobs import options as jobs
from forebay.commands.predict import options as predict
from forebay.commands.report import options as report
from forebay.commands.vertex import options as vertex
from forebay.console.arguments import Parser
from forebay.console.commands import add_commands, parse_command, run_parsed
from forebay.console.completion import PrintCompletion
from forebay.console.process import in_own_process
from forebay.pipelines import options as pipelines
from forebay.pipelines.cost import options as cost
from forebay.pipelines.options import split_beam_arguments
from forebay.trainer import task as trainer

COMMANDS = {
    **init.COMMANDS,
    **check.COMMANDS,
    **pipelines.COMMANDS,
    **explain.COMMANDS,
    **report.COMMANDS,
    **trainer.COMMANDS,
    **predict.COMMANDS,
    **jobs.COMMANDS,
    **vertex.COMMANDS,
    **cost.COMMANDS,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the ``forebay`` command.

    Args:
        argv: the arguments; None: the process's own, which this has for itself then.

    Returns:
        The exit status: 0, 1 for failures, 2 for the user's mistakes, 130 for Ctrl-C.
    """
    if argv is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    own, beam_arguments = split_beam_arguments(argv)
    args = parse_command(_parser(), COMMANDS, own)
    args.beam = beam_arguments
    return run_parsed(f"forebay {args.command}", COMMANDS[args.command], args)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="forebay",
        description="Leak-free, time-windowed training examples from event tables, and the same "
        "transformation inside the served model.",
    )
    parser.add_argument("--version", action="version", version=forebay.__version__)
    parser.add_argument("--print-completion", action=PrintCompletion)
    add_commands(parser, COMMANDS)
    return parser
