"""The options of ``forebay preprocess``, free of heavy imports."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forebay.console.arguments import add_common
from forebay.console.commands import Command
from forebay.pipelines.sources.arguments import (
    add_table_arguments,
    given_inputs,
    given_sources,
    positive,
)

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Given

EXAMPLES = """examples:
  forebay preprocess examples/flights/flights.py:departure \\
      --input data/flights/flights.csv --source weather=data/flights/weather.csv \\
      --output runs/flights
  forebay preprocess sales.py --input 'data/sales-*.csv.gz' --output runs/sales --gzip --overwrite
  forebay preprocess sales.py --input 'data/sales-2024-05-0[67].csv' --output runs/2024-05-07 \\
      --from 2024-05-07 --to 2024-05-08 --transform-fn runs/sales
  forebay preprocess sales.py --input gs://bucket/sales/*.csv --output gs://bucket/runs/sales -- \\
      --runner=DataflowRunner --project=my-project --region=europe-west1 \\
      --temp_location=gs://bucket/temp

Options after -- are Beam's own. Without a --runner the run is local, on all cores."""


WINDOW_MEMORY_MB = 512


@dataclass(frozen=True)
class PreprocessOptions:
    """What ``forebay preprocess`` is asked to do.

    Attributes:
        definition: where the definition is (see
            `forebay.storage.run.definition_files.load_definition`).
        inputs: files or globs, ``-`` for standard input, or tables in memory: data frames of
            pandas or Polars, Arrow tables, lists of dicts.
        sources: those of each of the definition's sources.
        output: the run folder.
        overwrite: whether to replace a run that is there.
        max_record_bytes: longer records are rejected.
        max_reject_fraction: a greater share of rejected records stops the run.
        shards: TFRecord files per split; None: one for each 8 MB of input.
        gzip: whether to compress the TFRecords.
        period_from, period_to: examples are made for row times from the one to just before the
            other, ISO 8601 dates or instants, UTC where no offset is written; None: no bound.
        window_memory_mb: MiB that a worker thread may take for the events of windows; see
            docs/concepts/memory.md.
        transform_fn: a run whose transform graph is used, instead of learning one from train.
        beam: Beam's own options.
    """

    definition: str
    inputs: tuple[Given, ...]
    output: str
    sources: Mapping[str, Sequence[Given]] = field(default_factory=dict)
    overwrite: bool = False
    max_record_bytes: int = 1 << 20
    max_reject_fraction: float = 0.01
    shards: int | None = None
    gzip: bool = False
    period_from: str | None = None
    period_to: str | None = None
    window_memory_mb: int = WINDOW_MEMORY_MB
    transform_fn: str | None = None
    beam: tuple[str, ...] = ()


def add_preprocess_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay preprocess`` to a parser."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("definition", help="FILE.py, FILE.py:NAME, MODULE:NAME or definition.json")
    add_table_arguments(parser)
    parser.add_argument("--output", required=True, metavar="RUN", help="the run folder to write")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a run that is there (models stay)"
    )
    parser.add_argument(
        "--max-record-bytes", type=positive, default=PreprocessOptions.max_record_bytes,
        metavar="N", help="reject longer records (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--max-reject-fraction", type=_fraction, default=PreprocessOptions.max_reject_fraction,
        metavar="F", help="stop when a greater share of records is rejected (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--shards", type=positive, metavar="N",
        help="TFRecord files per split (default: one for each 8 MB of input)",
    )  # fmt: skip
    parser.add_argument("--gzip", action="store_true", help="compress the TFRecords")
    parser.add_argument(
        "--from", dest="period_from", metavar="INSTANT",
        help="make examples of rows from this time on only; older rows serve the windows "
        "(ISO 8601 date or instant, UTC where no offset is written)",
    )  # fmt: skip
    parser.add_argument(
        "--to", dest="period_to", metavar="INSTANT", help="make examples of rows before this time"
    )
    parser.add_argument(
        "--window-memory-mb", type=positive, default=PreprocessOptions.window_memory_mb,
        metavar="N", help="memory of each worker thread for windows; events that need more are cut "
        "along time (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--transform-fn", metavar="RUN",
        help="use the transform graph of this run of the same definition; learn nothing",
    )  # fmt: skip
    add_common(parser, json="the manifest")


def split_beam_arguments(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Splits a command line at ``--``: our arguments before it, Beam's after it."""
    arguments = list(argv)
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def preprocess_options(args: argparse.Namespace) -> PreprocessOptions:
    """Makes the options of parsed arguments; ``args.beam`` is what followed ``--``."""
    return PreprocessOptions(
        definition=args.definition,
        inputs=given_inputs(args),
        output=args.output,
        sources=given_sources(args),
        overwrite=args.overwrite,
        max_record_bytes=args.max_record_bytes,
        max_reject_fraction=args.max_reject_fraction,
        shards=args.shards,
        gzip=args.gzip,
        period_from=args.period_from,
        period_to=args.period_to,
        window_memory_mb=args.window_memory_mb,
        transform_fn=args.transform_fn,
        beam=tuple(args.beam),
    )


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 1")
    return value


COMMANDS = {
    "preprocess": Command(
        "make a run folder of raw rows",
        add_preprocess_arguments,
        "forebay.pipelines.command:run_preprocess",
    ),
}
