"""Options of every command that reads tables; stdlib only."""

import argparse
import re


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the files of a definition's tables."""
    parser.add_argument(
        "--input", required=True, nargs="+", action="extend", metavar="PATH",
        help="files or globs of CSV, JSON lines, Parquet, Arrow or TFRecord; - is standard input",
    )  # fmt: skip
    parser.add_argument(
        "--source", type=_named, action="append", default=[], metavar="NAME=PATH",
        help="files of one of the definition's sources, as for --input; may be repeated",
    )  # fmt: skip


def source_patterns(args: argparse.Namespace) -> dict[str, list[str]]:
    """Returns the files or globs of each source that is named, from parsed arguments."""
    patterns: dict[str, list[str]] = {}
    for name, pattern in args.source:
        patterns.setdefault(name, []).append(pattern)
    return patterns


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
