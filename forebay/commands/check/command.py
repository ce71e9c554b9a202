"""``forebay check``: looks for leaks in a definition, on its user's own data."""

import argparse
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from forebay.commands.check.audit import allow, audit
from forebay.commands.check.options import CheckOptions, check_options
from forebay.commands.check.report import CheckReport, in_order
from forebay.commands.check.sample import read_sample
from forebay.console.command_line import FAILURE
from forebay.console.terminal import notes, say_json, shows_bars
from forebay.pipelines.sources.inputs import places_of
from forebay.pipelines.sources.tables import all_inputs, open_tables
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError


def run_check(args: argparse.Namespace) -> int:
    """Runs ``forebay check`` with parsed arguments; returns 1 where something leaks, else 0."""
    report = check(check_options(args))
    if args.json:
        say_json(report.to_json(), indent=2)
    else:
        report.print()
    return FAILURE if report.leaks else 0


def check(options: CheckOptions) -> CheckReport:
    """Reads a sample and audits the definition on it.

    Raises:
        UserError: the definition or the input is not as it must be.
    """
    dataset = load_definition(options.definition)
    _refuse_unknown(options.allow, dataset)
    if dataset.custom_features:
        from forebay.transforms.graph.preprocessing import (
            check_functions,  # it takes seconds to load
        )

        check_functions(dataset)
    tables = open_tables(dataset, options.inputs, options.sources)
    inputs = all_inputs(tables)
    with _progress() as tell:
        sample = read_sample(
            dataset, tables, options.rows, options.seed, options.max_record_bytes, tell
        )
        findings = audit(dataset, sample.rows, options.seed, tell, sample.sources, sample.lookups)
        findings = in_order(allow(findings, options.allow))
        places = places_of(inputs, {finding.row for finding in findings if finding.row is not None})
    return CheckReport(dataset, sample, inputs, findings, places)


def _refuse_unknown(names: Collection[str], dataset: Dataset) -> None:
    unknown = [name for name in names if name not in dataset.all_columns]
    if unknown:
        raise InputError(
            f"--allow {' '.join(unknown)}: no such column; "
            f"the columns are {', '.join(dataset.all_columns)}"
        )


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows on a terminal's standard error what is being done."""
    console = notes()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    hidden = not shows_bars(console)
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("read", total=None)
        yield lambda doing: bar.update(task, description=doing)
