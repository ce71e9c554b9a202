"""Options of every command that reads tables; stdlib only."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from forebay.pipelines.sources.bigquery.address import QUERY_SCHEME, BigQuery
from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Given


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the files of a definition's tables."""
    parser.add_argument(
        "--input", required=True, nargs="+", action="extend", metavar="PATH",
        help="files or globs of CSV, JSON lines, Parquet, Arrow or TFRecord; - is standard input; "
        "bigquery://PROJECT.DATASET.TABLE or bigquery-query:FILE.sql",
    )  # fmt: skip
    parser.add_argument(
        "--source", type=_named, action="append", default=[], metavar="NAME=PATH",
        help="files of one of the definition's sources, as for --input; may be repeated",
    )  # fmt: skip
    add_query_parameter(parser)


def add_query_parameter(parser: argparse.ArgumentParser) -> None:
    """Adds the option for the parameters of queries."""
    parser.add_argument(
        "--query-parameter", action="append", default=[], metavar="NAME:TYPE:VALUE",
        help="a parameter of the queries, as the bq command has it; may be repeated",
    )  # fmt: skip


def given_inputs(args: argparse.Namespace) -> tuple[Given, ...]:
    """Returns the inputs of the dataset's own table, from parsed arguments.

    Raises:
        InputError: there are parameters, and no query of any table.
    """
    named = [*args.input, *(pattern for _, pattern in getattr(args, "source", ()))]
    if args.query_parameter and not any(map(_is_query, named)):
        raise InputError(
            f"--query-parameter {args.query_parameter[0]!r}: no query is read that could have it; "
            f"give {QUERY_SCHEME}FILE.sql, or leave it out"
        )
    return tuple(_with_parameters(one, args) for one in args.input)


def given_sources(args: argparse.Namespace) -> dict[str, list[Given]]:
    """Returns the inputs of each source that is named, from parsed arguments."""
    given: dict[str, list[Given]] = {}
    for name, pattern in args.source:
        given.setdefault(name, []).append(_with_parameters(pattern, args))
    return given


def _with_parameters(given: str, args: argparse.Namespace) -> Given:
    return BigQuery(given, tuple(args.query_parameter)) if _is_query(given) else given


def _is_query(given: str) -> bool:
    return given.startswith(QUERY_SCHEME)


def _named(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not (name and equals and pattern):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=PATH, such as prices='prices-*.csv'"
        )
    return name, pattern


def positive(text: str) -> int:
    """Reads a whole number from 1, as an argument of a command."""
    if not re.fullmatch("0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
