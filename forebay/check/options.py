"""The options of ``forebay check``, free of heavy imports."""

import argparse

from forebay.console.arguments import add_common, describe
from forebay.console.commands import Command
from forebay.pipelines.options import add_definition_arguments, add_max_record_bytes
from forebay.pipelines.sources.arguments import positive


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
        "--rows", type=positive, default=200_000, metavar="N",
        help="look at no more rows than this: those of one stretch of time (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S",
        help="places the stretch of time, and all else left to chance (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--allow", nargs="+", action="extend", default=[], metavar="COLUMN",
        help="only warn of what leaks into these columns: you know better",
    )  # fmt: skip
    add_max_record_bytes(parser)
    add_common(parser, json="the report")


COMMANDS = {
    "check": Command(
        "look for leaks in a definition, on your own data",
        add_check_arguments,
        "forebay.check.command:run_check",
    ),
}
