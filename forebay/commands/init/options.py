"""The options of ``forebay init``, free of heavy imports."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forebay.console.arguments import add_common, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.options import add_max_record_bytes
from forebay.pipelines.sources.arguments import add_query_parameter, given_many, positive

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Inputs


@dataclass(frozen=True)
class InitOptions:
    """What ``forebay init`` is asked to do.

    Attributes:
        inputs: files or globs, or tables in memory: data frames of pandas or Polars, Arrow tables,
            lists of dicts.
        label: what to predict; None: the most plausible column.
        names: the columns in order, for files without a header line; empty: as that line has them.
        delimiter: the character between cells, such as ``;``; None: guessed.
        output: the file to write; None: none is written.
        overwrite: replace a file that is there.
        rows: guess from this many rows, spread over the input.
        max_record_bytes: longer records are rejected.
    """

    inputs: Inputs
    label: str | None = None
    names: tuple[str, ...] = ()
    delimiter: str | None = None
    output: str | None = None
    overwrite: bool = False
    rows: int = 200_000
    max_record_bytes: int = 1 << 20


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
    parser.add_argument("--label", metavar="COLUMN", help=help_of(InitOptions, "label"))
    parser.add_argument(
        "--names", type=_names, default=(), metavar="A,B,C",
        help=help_of(InitOptions, "names"),
    )  # fmt: skip
    parser.add_argument(
        "--delimiter", type=_delimiter, metavar="C",
        help=help_of(InitOptions, "delimiter"),
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE.py",
        help="the file to write; - prints it (default: the input's name with .py, here)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help=help_of(InitOptions, "overwrite"))
    parser.add_argument(
        "--rows", type=positive, default=InitOptions.rows, metavar="N",
        help=help_of(InitOptions, "rows"),
    )  # fmt: skip
    add_max_record_bytes(parser)
    add_common(parser, json="what was guessed")


def init_options(args: argparse.Namespace, output: str | None) -> InitOptions:
    """Makes the options of parsed arguments, given the file to write."""
    return InitOptions(
        given_many(args.input, args), args.label, args.names, args.delimiter, output,
        args.overwrite, args.rows, args.max_record_bytes,
    )  # fmt: skip


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
        "forebay.commands.init.command:run_init",
    ),
}
