"""The options of ``forebay explain``, free of heavy imports."""

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
class ExplainOptions(TableOptions):
    """What ``forebay explain`` is asked to do.

    Attributes:
        row: the row: FILE:LINE, or COLUMN=VALUE pairs with commas between.
        column: the windowed columns to explain; empty: all.
        events: list the first N events of each window.
        plot: a PNG file in which the windows and their events are drawn; None: nothing is drawn.
    """

    row: str
    column: tuple[str, ...] = field(default=(), kw_only=True)
    events: int = field(default=10, kw_only=True)
    plot: str | None = field(default=None, kw_only=True)


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay explain`` to a parser."""
    describe(
        parser,
        "Show which events a row's windowed values were made of, and which a reader may miss "
        "there.",
        "examples/flights/flights.py:departure --input data/flights/flights.csv \\\n"
        "--source weather=data/flights/weather.csv \\\n"
        "--row carrier=UA,flight=1545,flight_date=2013-01-01",
        "sales.py --input 'data/sales-*.csv' --row data/sales-3.csv:1042 \\\n"
        "--column amount_mean_1h_by_shop --plot window.png",
    )
    add_definition_arguments(parser)
    parser.add_argument(
        "--row", required=True, metavar="KEY",
        help=help_of(ExplainOptions, "row"),
    )  # fmt: skip
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME",
        help=help_of(ExplainOptions, "column", also="; may be repeated"),
    )  # fmt: skip
    parser.add_argument(
        "--events", type=positive, default=ExplainOptions.events, metavar="N",
        help=help_of(ExplainOptions, "events"),
    )  # fmt: skip
    parser.add_argument("--plot", metavar="FILE.png", help=help_of(ExplainOptions, "plot"))
    add_max_record_bytes(parser)
    add_common(parser, json="the explanation")


def explain_options(args: argparse.Namespace) -> ExplainOptions:
    """Makes the options of parsed arguments."""
    return ExplainOptions(
        args.definition, given_inputs(args), args.row, sources=given_sources(args),
        column=tuple(args.column), events=args.events, plot=args.plot,
        max_record_bytes=args.max_record_bytes,
    )  # fmt: skip


COMMANDS = {
    "explain": Command(
        "show which events a row's windowed values were made of",
        add_explain_arguments,
        "forebay.commands.explain.command:run_explain",
    ),
}
