"""The options of ``forebay preprocess``, free of heavy imports."""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forebay.console.arguments import add_common, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.runners.engine import Engine
from forebay.pipelines.runners.engines import add_engine_arguments, engine_of
from forebay.pipelines.sources.arguments import (
    add_table_arguments,
    given_inputs,
    given_sources,
    positive,
)
from forebay.pipelines.sources.bigquery.address import TABLE_SCHEME, BigQuery
from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Inputs, RowInputs
    from forebay.transforms.definition.dataset import Dataset

WINDOW_MEMORY_MB = 512
PARQUET = "parquet"


@dataclass(frozen=True)
class TableOptions:
    """What every command is given that reads the tables of a definition.

    Attributes:
        definition: the definition: FILE.py, FILE.py:NAME, MODULE:NAME or definition.json.
        inputs: files or globs, ``-`` for standard input, or tables in memory: data frames of
            pandas or Polars, Arrow tables, lists of dicts; by the name of their split
            where the definition splits by inputs.
        sources: the inputs of each of the definition's sources, by its name.
        max_record_bytes: longer records are rejected.
    """

    definition: str | Dataset
    inputs: RowInputs
    sources: Mapping[str, Inputs] = field(default_factory=dict, kw_only=True)
    max_record_bytes: int = field(default=1 << 20, kw_only=True)


@dataclass(frozen=True)
class PreprocessOptions(TableOptions):
    """What ``forebay preprocess`` is asked to do.

    Attributes:
        output: the run folder to write.
        overwrite: replace a run that is there; its models stay.
        max_reject_fraction: a greater share of rejected records stops the run.
        shards: TFRecord files per split; None: one for each 8 MB of input.
        gzip: compress the TFRecords.
        also: where rows are written beside the TFRecords. ``parquet``: to the run folder, as they
            are after the windows and transformed. ``bigquery://PROJECT.DATASET.TABLE``: appended to
            a table, as they are after the windows, with their split; the last thing that is done.
        rejects: where rejects are written beside the run folder: JSON lines, by its ending CSV or
            Parquet, or ``bigquery://PROJECT.DATASET.TABLE``; also where they end the run.
        keep_unlabelled: rows without a label become examples of a split of their own, ``predict``,
            in which the label is missing.
        period_from: examples are made of rows from this time on; older rows serve the windows. An
            ISO 8601 date or instant, UTC where no offset is written; None: no bound.
        period_to: examples are made of rows before this time; None: no bound.
        window_memory_mb: MiB that a worker thread may take for the events of windows; events that
            need more are cut along time (docs/concepts/memory.md).
        transform_fn: a run of the same definition whose transform graph is used; None: one is
            learned from train.
        prepare: a PTransform of batches between reading and windows, MODULE:NAME, where the
            definition names none.
        on: the engine that the pipelines run on: its name, or an engine with its options.
        dry_run: with ``on`` ``dataflow``, a new folder to which its jobs are written: nothing is
            sent, and no run is made; None: the run is made.
        beam: Beam's own options.
    """

    output: str
    overwrite: bool = False
    max_reject_fraction: float = 0.01
    shards: int | None = None
    gzip: bool = False
    also: tuple[str | BigQuery, ...] = ()
    rejects: str | BigQuery | None = None
    keep_unlabelled: bool = False
    period_from: str | None = None
    period_to: str | None = None
    window_memory_mb: int = WINDOW_MEMORY_MB
    transform_fn: str | None = None
    prepare: str | None = None
    on: str | Engine = "local"
    dry_run: str | None = None
    beam: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_limits(self)


_COUNTS = ("max_record_bytes", "window_memory_mb", "shards", "batch_size")


def check_limits(options: object) -> None:
    """Checks the numbers that limit a pipeline, as the command line does.

    Raises:
        InputError: a count is no whole number from 1, or a share not between 0 and 1.
    """
    for name in _COUNTS:
        value = getattr(options, name, None)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if value is not None and not whole:
            raise InputError(f"{_flag(name)} {value!r} is not a whole number from 1; correct it")
    share = getattr(options, "max_reject_fraction", 0.0)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        flag = _flag("max_reject_fraction")
        raise InputError(f"{flag} {share!r} is not a share between 0 and 1; correct it")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def add_preprocess_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay preprocess`` to a parser."""
    describe(
        parser,
        "Make a run folder of raw rows: read, aggregated, split and transformed.",
        "examples/flights/flights.py:departure \\\n"
        "--input data/flights/flights.csv --source weather=data/flights/weather.csv \\\n"
        "--output runs/flights",
        "sales.py --input 'data/sales-*.csv.gz' --output runs/sales --gzip --overwrite",
        "sales.py --input 'data/sales-2024-05-0[67].csv' --output runs/2024-05-07 \\\n"
        "--from 2024-05-07 --to 2024-05-08 --transform-fn runs/sales",
        "sales.py --input 'gs://bucket/sales/*.csv' --output gs://bucket/runs/sales \\\n"
        "--on dataflow --project my-project --region europe-west1 --bucket my-bucket \\\n"
        "--container-image europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0",
        also="Options after -- are Beam's own. A --runner there takes the place of --on.",
    )
    add_definition_arguments(parser)
    add = functools.partial(_add, parser)
    add("--output", required=True, metavar="RUN")
    add("--overwrite", action="store_true")
    add("--max-record-bytes", type=positive, metavar="N")
    add("--max-reject-fraction", type=fraction, metavar="F")
    add("--shards", type=positive, metavar="N")
    add("--gzip", action="store_true")
    add("--also", nargs="+", type=_also, metavar="WHERE")
    add("--rejects", metavar="FILE")
    add("--keep-unlabelled", action="store_true")
    add("--from", "period_from", metavar="INSTANT")
    add("--to", "period_to", metavar="INSTANT")
    add("--window-memory-mb", type=positive, metavar="N")
    add("--transform-fn", metavar="RUN")
    add("--prepare", metavar="MODULE:NAME")
    add_engine_arguments(parser, help_of(PreprocessOptions, "on"))
    add("--dry-run", metavar="FOLDER")
    add_common(parser, json="the manifest")


def add_definition_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what names a definition, and the files of its tables."""
    parser.add_argument("definition", help=help_of(PreprocessOptions, "definition"))
    add_table_arguments(parser)


def add_max_record_bytes(parser: argparse.ArgumentParser) -> None:
    """Adds the length from which records are rejects, to a command that reads a table."""
    _add(parser, "--max-record-bytes", type=positive, metavar="N")


def _add(
    parser: argparse.ArgumentParser, flag: str, name: str | None = None, **reading: Any
) -> None:
    """Adds the flag of an attribute of `PreprocessOptions`, with its default."""
    name = name or flag.removeprefix("--").replace("-", "_")
    default = getattr(PreprocessOptions, name, None)
    parser.add_argument(
        flag, dest=name, default=default, help=help_of(PreprocessOptions, name), **reading
    )


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
        also=tuple(args.also),
        keep_unlabelled=args.keep_unlabelled,
        rejects=args.rejects,
        period_from=args.period_from,
        period_to=args.period_to,
        window_memory_mb=args.window_memory_mb,
        transform_fn=args.transform_fn,
        prepare=args.prepare,
        on=engine_of(args),
        dry_run=args.dry_run,
        beam=tuple(args.beam),
    )


def _also(text: str) -> str:
    """Reads another place of a run's rows, as an argument of a command."""
    if text != PARQUET and not text.startswith(TABLE_SCHEME):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither {PARQUET} nor {TABLE_SCHEME}PROJECT.DATASET.TABLE"
        )
    return text


def fraction(text: str) -> float:
    """Reads a share between 0 and 1, as an argument of a command."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1")
    return value


COMMANDS = {
    "preprocess": Command(
        "make a run folder of raw rows",
        add_preprocess_arguments,
        "forebay.pipelines.command:run_preprocess",
    ),
}
