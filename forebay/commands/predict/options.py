"""Arguments of ``predict``."""

import argparse
from collections.abc import Iterator
from typing import Any

from forebay.console.arguments import add_common, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.options import fraction
from forebay.pipelines.predictions.options import PredictFolderOptions, PredictOptions
from forebay.pipelines.runners.engines import add_engine_arguments, engine_of
from forebay.pipelines.sources.arguments import (
    add_query_parameter,
    add_source,
    given_many,
    given_sources,
    positive,
)


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``predict``."""
    describe(
        parser,
        "Answer rows with an exported model. A table given by --input is read as for training: "
        "columns are derived and windows computed over the rows themselves and those of "
        "--history; the label may be absent. INPUT is JSON lines in which every column that "
        "the model takes is given, the windowed ones too; derived ones are computed of what they "
        "are derived of. A line that does not fit is answered "
        '{"error": ..., "line": n} and the rest go on. The exit status is 1 where no row could '
        "be answered.",
        "--model runs/flights/model --input november.csv --history flights.csv \\\n"
        "--source weather=weather.csv --output november-predictions.csv",
        "--model runs/flights/model < rows.jsonl",
        "--model runs/flights/model/1767225600 rows.jsonl --output answers.jsonl",
        "--model gs://bucket/runs/sales/model --input 'gs://bucket/new/*.csv' \\\n"
        "--history 'gs://bucket/sales/*.csv' --output gs://bucket/answers/ \\\n"
        "--on dataflow --project my-project --region europe-west1 --bucket my-bucket \\\n"
        "--container-image europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0",
    )
    parser.add_argument(
        "--ignore-extra", action="store_true",
        help="pass over columns of INPUT that the model does not take",
    )  # fmt: skip
    parser.add_argument(
        "instances", nargs="?", metavar="INPUT",
        help="JSON lines with every column of the model (default: standard input)",
    )  # fmt: skip
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help=help_of(PredictOptions, "model"))
    add("--output", default="-", metavar="FILE",
        help="where predictions go: JSON lines; of a table also .csv or .parquet, by its name, or "
        "bigquery://PROJECT.DATASET.TABLE, or, where it ends in /, a new folder, to which workers "
        "write Parquet files (default: JSON lines to standard output)")  # fmt: skip
    table = parser.add_argument_group("a table")
    add = table.add_argument
    add("--input", nargs="+", action="extend", metavar="PATH",
        help=help_of(PredictOptions, "inputs"))  # fmt: skip
    add("--history", nargs="+", action="extend", default=[], metavar="PATH",
        help=help_of(PredictOptions, "history"))  # fmt: skip
    add_source(table)
    add_query_parameter(table)
    add("--definition", metavar="DEFINITION", help=help_of(PredictOptions, "definition"))
    add("--rejects", metavar="FILE",
        help="where rejected records go, as --output (default: beside a file, as "
        "OUTPUT.rejects.jsonl; otherwise they are counted only)")  # fmt: skip
    for name, kind, shown in _LIMITS:
        add(f"--{name.replace('_', '-')}", type=kind, metavar=shown,
            default=getattr(PredictOptions, name), help=help_of(PredictOptions, name))  # fmt: skip
    add_engine_arguments(parser, help_of(PredictFolderOptions, "on"))
    add("--dry-run", metavar="FOLDER", help=help_of(PredictFolderOptions, "dry_run"))
    add_common(parser, json="what became of the records, and nothing else,")


def given_for_table(args: argparse.Namespace) -> Iterator[str]:
    """Yields the flags given that only a table has a use for."""
    for name in ("history", "source", "query_parameter", "rejects", "dry_run", "json"):
        if getattr(args, name):
            yield f"--{name.replace('_', '-')}"
    for name, _, _ in _LIMITS:
        if (value := getattr(args, name)) != getattr(PredictOptions, name):
            yield f"--{name.replace('_', '-')} {value:g}"
    yield from args.beam


def predict_options(args: argparse.Namespace) -> PredictOptions:
    """Makes the options of parsed arguments; ``args.beam`` is what followed ``--``."""
    return PredictOptions(**_given(args))


def predict_folder_options(args: argparse.Namespace) -> PredictFolderOptions:
    """Makes the options of parsed arguments whose predictions workers write."""
    return PredictFolderOptions(
        **_given(args), output=args.output, on=engine_of(args), dry_run=args.dry_run
    )


def _given(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "model": args.model,
        "inputs": given_many(args.input, args),
        "history": given_many(args.history, args),
        "sources": given_sources(args),
        "definition": args.definition,
        "batch_size": args.batch_size,
        "max_record_bytes": args.max_record_bytes,
        "max_reject_fraction": args.max_reject_fraction,
        "window_memory_mb": args.window_memory_mb,
        "beam": tuple(args.beam),
    }


_LIMITS = (
    ("batch_size", positive, "N"),
    ("max_record_bytes", positive, "N"),
    ("max_reject_fraction", fraction, "F"),
    ("window_memory_mb", positive, "N"),
)

COMMANDS = {
    "predict": Command(
        "answer rows with an exported model",
        add_predict_arguments,
        "forebay.commands.predict.command:run_predict",
    ),
}
