"""Arguments of ``predict``."""

import argparse

from forebay.console.arguments import add_common, describe


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``predict``."""
    describe(
        parser,
        "Answer JSON lines with JSON lines, in order. A line that does not fit the model is "
        'answered {"error": ..., "line": n} and the rest go on; the exit status is 1 where '
        "every line failed.",
        "--model runs/flights/model < rows.jsonl",
        "--model runs/flights/model rows.jsonl --output answers.jsonl",
        "--model runs/flights/model/1767225600 < rows.jsonl",
    )
    parser.add_argument(
        "input",
        nargs="?",
        default="-",
        metavar="INPUT",
        help="JSON lines (default: standard input)",
    )
    parser.add_argument(
        "--model", required=True, metavar="DIR",
        help="an exported model, or a folder of them, of which the newest is taken",
    )  # fmt: skip
    parser.add_argument(
        "--output", default="-", metavar="FILE", help="where answers go (default: standard output)"
    )
    add_common(parser, json=None)
