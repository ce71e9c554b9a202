"""The options of ``forebay cost``, free of heavy imports."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field

from forebay.console.arguments import add_common, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.options import (
    WINDOW_MEMORY_MB,
    TableOptions,
    add_definition_arguments,
    add_max_record_bytes,
    check_limits,
)
from forebay.pipelines.sources.arguments import given_inputs, given_sources, positive
from forebay.transforms.errors import InputError

BILLION = 1e9


@dataclass(frozen=True)
class CostOptions(TableOptions):
    """What ``forebay cost`` is asked to do.

    Attributes:
        rows: how many rows it is computed for.
        sample_mb: how much of the input is measured, in MiB of all its files: the first part of
            each; a quarter of that is measured too.
        window_memory_mb: MiB that a worker thread may take for the events of windows, as
            preprocess is given it.
        vcpus: the cores of a worker.
    """

    rows: float = field(default=BILLION, kw_only=True)
    sample_mb: int = field(default=64, kw_only=True)
    window_memory_mb: int = field(default=WINDOW_MEMORY_MB, kw_only=True)
    vcpus: int = field(default=4, kw_only=True)

    def __post_init__(self) -> None:
        check_limits(self)
        if not 1 <= self.rows < math.inf:
            raise InputError(f"--rows {self.rows}: not a number of rows; write such as 1e9")
        for flag, value in (("--sample-mb", self.sample_mb), ("--vcpus", self.vcpus)):
            if value < 1:
                raise InputError(f"{flag} {value}: less than one; give a whole number from 1")


def add_cost_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay cost`` to a parser."""
    describe(
        parser,
        "Run preprocess on a part of your files, twice, here, and compute what more rows take: "
        "processor time, shuffled bytes, memory, requests, and what bounds how many workers help.",
        "examples/flights/flights.py:departure --input data/flights/flights.csv \\\n"
        "--source weather=data/flights/weather.csv --rows 1e9",
        "sales.py --input 'data/sales-2024-0*.csv.gz' --rows 2e8 --sample-mb 256 --json",
        also="The files have to be CSV, JSON lines or Parquet, in the order of time: their first "
        "part then has windows as full as the whole has.",
    )
    add_definition_arguments(parser)
    add = parser.add_argument
    add("--rows", type=_rows, default=CostOptions.rows, metavar="N",
        help=help_of(CostOptions, "rows", default="1e9"))  # fmt: skip
    for name in ("sample_mb", "window_memory_mb", "vcpus"):
        add("--" + name.replace("_", "-"), type=positive, default=getattr(CostOptions, name),
            metavar="N", help=help_of(CostOptions, name))  # fmt: skip
    add_max_record_bytes(parser)
    add_common(parser, json="the figures")


def _rows(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of rows; write such as 1e9"
        ) from None


def cost_options(args: argparse.Namespace) -> CostOptions:
    """Makes the options of parsed arguments."""
    return CostOptions(
        args.definition, given_inputs(args), sources=given_sources(args), rows=args.rows,
        sample_mb=args.sample_mb, window_memory_mb=args.window_memory_mb, vcpus=args.vcpus,
        max_record_bytes=args.max_record_bytes,
    )  # fmt: skip


COMMANDS = {
    "cost": Command(
        "measure a part of the input, and compute what more rows take",
        add_cost_arguments,
        "forebay.pipelines.cost.command:run_cost",
    ),
}
