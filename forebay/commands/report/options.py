"""The options of ``forebay report``, free of heavy imports."""

import argparse
from dataclasses import dataclass

from forebay.console.arguments import add_common, add_run, describe, help_of
from forebay.console.commands import Command

_COLUMNS = (
    "Columns: how many ids an output of features has; how many of them training rows have "
    "(occupied); then shares of the training rows: of the most frequent id, of missing values, and "
    "of values outside the known ones. For crosses: how many combinations training rows have, and "
    "the share of the rows whose combination shares its bucket with another."
)


@dataclass(frozen=True)
class ReportOptions:
    """What ``forebay report`` is asked to do.

    Attributes:
        output: only the outputs that match one of these patterns, such as ``carrier_*``; empty:
            all.
        plot: a PNG file in which the rows of each id are drawn as bars; None: nothing is drawn.
    """

    output: tuple[str, ...] = ()
    plot: str | None = None


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay report`` to a parser."""
    describe(
        parser,
        "Show how a run's training rows are spread over the ids of its features.",
        "runs/flights",
        "runs/flights --output 'carrier_*' --plot occupancy.png",
        "runs/flights --json",
        also=_COLUMNS,
    )
    add_run(parser)
    parser.add_argument(
        "--output", nargs="+", default=[], metavar="PATTERN",
        help=help_of(ReportOptions, "output"),
    )  # fmt: skip
    parser.add_argument("--plot", metavar="FILE.png", help=help_of(ReportOptions, "plot"))
    add_common(parser, json="the report")


COMMANDS = {
    "report": Command(
        "show how a run's training rows are spread over the ids of its features",
        add_report_arguments,
        "forebay.commands.report.command:run_report",
    ),
}
