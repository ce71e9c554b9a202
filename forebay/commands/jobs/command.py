"""``forebay jobs``: from parsed arguments to what is printed."""

import argparse

from forebay.commands.jobs.options import Entry, jobs_options
from forebay.commands.jobs.services import jobs_of
from forebay.console.terminal import say, say_json


def run_jobs(args: argparse.Namespace) -> int:
    """Runs ``forebay jobs`` with parsed arguments; returns its exit status."""
    options = jobs_options(args)
    found = jobs_of(options)
    if args.json:
        say_json(found if options.action in ("list", "logs") else found[0], indent=2)
        return 0
    for entry in found:
        say(_line(entry) if options.action != "describe" else _lines(entry))
    return 0


def _line(entry: Entry) -> str:
    return "  ".join(entry.values())


def _lines(entry: Entry) -> str:
    width = max(map(len, entry))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in entry.items())
