"""The options of ``forebay check``, free of heavy imports."""

import argparse
from dataclasses import dataclass, field

from forebay.console.arguments import add_common, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.options import (
    TableOptions,
    add_definition_arguments,
    add_max_record_bytes,
)
from forebay.pipelines.sources.arguments import given_inputs, given_sources, positive


@dataclass(frozen=True)
class CheckOptions(TableOptions):
    """What ``forebay check`` is asked to do.

    Attributes:
        rows: look at no more rows than this: those of one stretch of time.
        seed: places the stretch of time, and all else left to chance.
        allow: only warn of what leaks into these columns: you know better; empty: none.
    """

    rows: int = field(default=200_000, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    allow: tuple[str, ...] = field(default=(), kw_only=True)


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay check`` to a parser."""
    describe(
        parser,
        "Look for leaks: compute the definition on a part of your data, change what no row may "
        "know, and see what moves.",
        "examples/flights/flights.py:departure --input data/flights/flights.csv \\\n"
        "--source weather=data/flights/weather.csv",
        "sales.py --input 'data/sales-*.csv.gz' --rows 50000 --json",
        also="Exits with 1 where something leaks. docs/how-to/find-leaks.md says what each check "
        "can see, and what not.",
    )
    add_definition_arguments(parser)
    parser.add_argument(
        "--rows", type=positive, default=CheckOptions.rows, metavar="N",
        help=help_of(CheckOptions, "rows"),
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=CheckOptions.seed, metavar="S",
        help=help_of(CheckOptions, "seed"),
    )  # fmt: skip
    parser.add_argument(
        "--allow", nargs="+", action="extend", default=[], metavar="COLUMN",
        help=help_of(CheckOptions, "allow"),
    )  # fmt: skip
    add_max_record_bytes(parser)
    add_common(parser, json="the report")


def check_options(args: argparse.Namespace) -> CheckOptions:
    """Makes the options of parsed arguments."""
    return CheckOptions(
        args.definition, given_inputs(args), sources=given_sources(args), rows=args.rows,
        seed=args.seed, allow=tuple(args.allow), max_record_bytes=args.max_record_bytes,
    )  # fmt: skip


COMMANDS = {
    "check": Command(
        "look for leaks in a definition, on your own data",
        add_check_arguments,
        "forebay.commands.check.command:run_check",
    ),
}
