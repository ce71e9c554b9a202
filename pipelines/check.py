"""``forebay check``: looks for leaks in a definition, on its user's own data."""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.audit.audit import allow, audit
from pipelines.audit.report import Report, find_places, in_order
from pipelines.audit.sample import read_sample
from pipelines.definition_files import load_definition
from pipelines.read_batches import inspect_csv
from pipelines.source_files import find_files
from transforms.command_line import FAILURE
from transforms.dataset import Dataset
from transforms.errors import InputError


def run_check(args: argparse.Namespace) -> int:
    """Runs ``forebay check`` with parsed arguments; returns 1 where something leaks, else 0."""
    report = check(args)
    if args.json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        report.print()
    return FAILURE if report.leaks else 0


def check(args: argparse.Namespace) -> Report:
    """Reads a sample and audits the definition on it.

    Raises:
        UserError: the definition or the input is not as it must be.
    """
    dataset = load_definition(args.definition)
    _refuse_unknown(args.allow, dataset)
    files = inspect_csv(find_files(list(args.input)), dataset)
    with _progress(sum(file.source.size for file in files)) as (read, step):
        sample = read_sample(dataset, files, args.rows, args.seed, args.max_record_bytes, read)
        findings = audit(dataset, sample.parsed, sample.rows, args.seed, step)
        findings = in_order(allow(findings, args.allow))
        places = find_places(findings, files, dataset, args.max_record_bytes)
    return Report(dataset, sample, files, findings, places)


def _refuse_unknown(names: Collection[str], dataset: Dataset) -> None:
    unknown = [name for name in names if name not in dataset.all_columns]
    if unknown:
        raise InputError(
            f"--allow {' '.join(unknown)}: no such column; "
            f"the columns are {', '.join(dataset.all_columns)}"
        )


@contextmanager
def _progress(size: int) -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """Shows on a terminal's standard error what is being read, then which check runs."""
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("read", total=size)
        yield (
            lambda count: bar.advance(task, count),
            lambda name: bar.update(task, description=name, total=None),
        )
