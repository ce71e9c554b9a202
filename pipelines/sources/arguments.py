"""Options of every command that reads tables; stdlib only."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forebay.pipelines.sources.bigquery.address import QUERY_SCHEME, BigQuery, as_bigquery
from forebay.pipelines.sources.named_inputs import SplitInput, named_split
from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Given


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the files of a definition's tables."""
    parser.add_argument(
        "--input", required=True, nargs="+", action="extend", metavar="PATH",
        help="files or globs of CSV, JSON lines, Parquet, Arrow or TFRecord; - is standard input; "
        "bigquery://PROJECT.DATASET.TABLE or bigquery-query:FILE.sql; train=PATH, eval=PATH and "
        "test=PATH where the definition splits by inputs",
    )  # fmt: skip
    add_source(parser)
    add_query_parameter(parser)


def add_source(parser: argparse._ActionsContainer) -> None:
    """Adds the option for the files of sources."""
    parser.add_argument(
        "--source", type=_named, action="append", default=[], metavar="NAME=PATH",
        help="files of one of the definition's sources, as for --input; may be repeated",
    )  # fmt: skip


def add_query_parameter(parser: argparse._ActionsContainer) -> None:
    """Adds the option for the parameters of queries."""
    parser.add_argument(
        "--query-parameter", action="append", default=[], metavar="NAME:TYPE:VALUE",
        help="a parameter of the queries, as the bq command has it; may be repeated",
    )  # fmt: skip


def given_inputs(args: argparse.Namespace) -> tuple[Given | SplitInput, ...]:
    """Returns the inputs of the dataset's own table, from parsed arguments.

    Raises:
        InputError: parameters are given, and no query that could have them.
    """
    splits, paths = zip(*map(named_split, args.input), strict=True)
    return tuple(
        given if split is None else SplitInput(split, given)
        for split, given in zip(splits, given_many(paths, args), strict=True)
    )


def given_many(paths: Sequence[str], args: argparse.Namespace) -> tuple[Given, ...]:
    """Returns inputs of one table by their names, from parsed arguments.

    Raises:
        InputError: parameters are given, and no query that could have them.
    """
    _check_parameters(args)
    return tuple(_with_parameters(one, args) for one in paths)


def given_sources(args: argparse.Namespace) -> dict[str, list[Given]]:
    """Returns the inputs of each source that is named, from parsed arguments."""
    given: dict[str, list[Given]] = {}
    for name, pattern in args.source:
        given.setdefault(name, []).append(_with_parameters(pattern, args))
    return given


def _check_parameters(args: argparse.Namespace) -> None:
    named = [path for _, path in map(named_split, args.input)]
    named += getattr(args, "history", ())
    named += [path for _, path in getattr(args, "source", ())]
    if args.query_parameter and not any(one.startswith(QUERY_SCHEME) for one in named):
        raise InputError(
            f"--query-parameter {args.query_parameter[0]!r} is a query's, and none is read; give "
            f"one as --input {QUERY_SCHEME}FILE.sql, or leave the parameter out"
        )


def _with_parameters(given: str, args: argparse.Namespace) -> Given:
    named = as_bigquery(given)
    if named is None or not given.startswith(QUERY_SCHEME):
        return given
    return BigQuery(named.name, tuple(args.query_parameter))


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
