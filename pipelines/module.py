"""``python -m pipelines.preprocess``: the command without the front door."""

import sys
from collections.abc import Sequence

from forebay.console.arguments import Parser
from forebay.console.commands import run_parsed
from forebay.console.process import in_own_process
from forebay.pipelines.options import COMMANDS, split_beam_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs ``preprocess`` with its arguments; returns the exit status."""
    if argv is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    command = COMMANDS["preprocess"]
    own, beam_arguments = split_beam_arguments(argv)
    parser = Parser(prog="python -m pipelines.preprocess", description=command.help)
    command.add_arguments(parser)
    args = parser.parse_args(own)
    args.beam = beam_arguments
    return run_parsed("preprocess", command, args)
