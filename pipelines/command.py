"""``forebay preprocess``: from parsed arguments to what is printed."""

import argparse

from forebay.console.terminal import say_json
from forebay.pipelines.options import preprocess_options
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
