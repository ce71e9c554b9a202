"""The options of ``forebay explain``, free of heavy imports."""

import argparse

from forebay.console.arguments import add_common, describe
from forebay.console.commands import Command
from forebay.pipelines.options import add_definition_arguments, add_max_record_bytes
from forebay.pipelines.sources.arguments import positive


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
        help="the row: FILE:LINE, or COLUMN=VALUE pairs with commas between",
    )  # fmt: skip
    parser.add_argument(
        "--column", action="append", default=[], metavar="NAME",
        help="a windowed column to explain; may be repeated (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--events", type=positive, default=10, metavar="N",
        help="list the first N events of each window (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--plot", metavar="FILE.png", help="draw the windows and their events")
    add_max_record_bytes(parser)
    add_common(parser, json="the explanation")


COMMANDS = {
    "explain": Command(
        "show which events a row's windowed values were made of",
        add_explain_arguments,
        "forebay.explain.command:run_explain",
    ),
}
