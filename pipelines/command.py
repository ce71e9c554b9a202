"""``forebay preprocess``, and ``python -m pipelines.preprocess``: a parsed command line, run."""

import argparse
import sys
from collections.abc import Sequence

from forebay.console.arguments import Parser
from forebay.console.command_line import run_command
from forebay.console.process import in_own_process
from forebay.console.terminal import say_json
from forebay.pipelines.options import (
    add_preprocess_arguments,
    preprocess_options,
    split_beam_arguments,
)
from forebay.pipelines.preprocess import preprocess
from forebay.pipelines.summary import print_summary


def run_preprocess(args: argparse.Namespace) -> int:
    """Runs ``forebay preprocess`` with parsed arguments; returns its exit status."""
    manifest = preprocess(preprocess_options(args))
    if args.json:
        say_json(manifest.to_plain(), indent=2)
    else:
        print_summary(manifest, args.output)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs ``python -m pipelines.preprocess``."""
    if argv is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    own, beam_arguments = split_beam_arguments(argv)
    parser = Parser(
        prog="python -m pipelines.preprocess", description="Make a run folder of raw rows."
    )
    add_preprocess_arguments(parser)
    args = parser.parse_args(own)
    args.beam = beam_arguments
    return run_command(run_preprocess, args)
