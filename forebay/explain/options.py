"""The options of ``forebay explain``, free of heavy imports."""

import argparse

from forebay.console.arguments import add_common
from forebay.console.commands import Command
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.sources.arguments import add_table_arguments, positive

EXAMPLES = """examples:
  forebay explain examples/flights/flights.py:departure --input data/flights/flights.csv \\
      --source weather=data/flights/weather.csv \\
      --row carrier=UA,flight=1545,flight_date=2013-01-01
  forebay explain sales.py --input 'data/sales-*.csv' --row data/sales-3.csv:1042 \\
      --column amount_mean_1h_by_shop --plot window.png"""


def add_explain_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay explain`` to a parser."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("definition", help="FILE.py, FILE.py:NAME, MODULE:NAME or definition.json")
    add_table_arguments(parser)
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
    parser.add_argument(
        "--max-record-bytes", type=positive, default=PreprocessOptions.max_record_bytes,
        metavar="N", help="longer records are rejects (default: %(default)s)",
    )  # fmt: skip
    add_common(parser, json="the explanation")


COMMANDS = {
    "explain": Command(
        "show which events a row's windowed values were made of",
        add_explain_arguments,
        "forebay.explain.command:run_explain",
    ),
}
