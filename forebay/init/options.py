"""The options of ``forebay init``, free of heavy imports."""

import argparse

from forebay.console.arguments import add_common, describe
from forebay.console.commands import Command
from forebay.pipelines.options import add_max_record_bytes
from forebay.pipelines.sources.arguments import add_query_parameter, positive


def add_init_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay init`` to a parser."""
    describe(
        parser,
        "Write a starting definition, guessed from a sample of the data.",
        "data/flights/flights.csv --label arr_delay",
        "'data/rides-*.csv.gz' --names fare,pickup_at,passengers --output rides.py",
        "data.csv --output - | less",
        also="The file written is a guess with its reasons: read it, and change what you know "
        "better.",
    )
    parser.add_argument(
        "input", nargs="+", metavar="PATH", help="files or globs, as for `forebay preprocess`"
    )
    add_query_parameter(parser)
    parser.add_argument(
        "--label", metavar="COLUMN", help="what to predict (default: the most plausible column)"
    )
    parser.add_argument(
        "--names", type=_names, default=(), metavar="A,B,C",
        help="the columns in order, for files without a header line",
    )  # fmt: skip
    parser.add_argument(
        "--delimiter", type=_delimiter, metavar="C",
        help="the character between cells, such as ';' or '\\t' (default: guessed)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE.py",
        help="the file to write; - prints it (default: the input's name with .py, here)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument(
        "--rows", type=positive, default=200_000, metavar="N",
        help="guess from this many rows, spread over the input (default: %(default)s)",
    )  # fmt: skip
    add_max_record_bytes(parser)
    add_common(parser, json="what was guessed")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name; name every column")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise argparse.ArgumentTypeError(f"{', '.join(repeated)} named more than once; rename one")
    return names


def _delimiter(text: str) -> str:
    delimiter = "\t" if text in ("\\t", "tab") else text
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"':
        raise argparse.ArgumentTypeError(f"{text!r} is not a single ASCII character, such as ';'")
    return delimiter


COMMANDS = {
    "init": Command(
        "write a starting definition, guessed from a sample of the data",
        add_init_arguments,
        "forebay.init.command:run_init",
    ),
}
