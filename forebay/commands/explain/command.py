"""``forebay explain``: which events the windowed values of one row were made of."""

import argparse
import glob
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from forebay.commands.explain.collect import explain_row
from forebay.commands.explain.find_row import find_row, identity_columns
from forebay.commands.explain.options import ExplainOptions, explain_options
from forebay.commands.explain.report import RowReport, print_report, shown_rows, to_json
from forebay.console.terminal import say_json, saying
from forebay.pipelines.lookups.tables import read_lookups
from forebay.pipelines.sources.inputs import places_of
from forebay.pipelines.sources.named_inputs import SplitInput
from forebay.pipelines.sources.spool import several, several_by_split
from forebay.pipelines.sources.tables import all_inputs, open_tables
from forebay.storage.named_files import check_output, write_whole
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.errors import InputError, unknown_column


def explain(options: ExplainOptions) -> RowReport:
    """Explains the windowed values of one row of the input, and draws them where that is asked for.

    Raises:
        UserError: the definition, the input, the key or a column is not as it must be.
        RunFailed: the engine's value is not that of the events listed.
    """
    read = _files(options)
    if options.plot is not None:
        check_output(options.plot, "--plot", read)
    report = _explained(options)
    if options.plot is not None:
        _plot(report, options.plot, read)
    return report


def _explained(options: ExplainOptions) -> RowReport:
    dataset = load_definition(options.definition)
    names = _columns(dataset, options.column)
    tables = open_tables(dataset, options.inputs, options.sources)
    most_bytes = options.max_record_bytes
    with saying("explain: looking for the row"):
        lookups = read_lookups(dataset, tables, most_bytes)
        row = find_row(tables, lookups, options.row, most_bytes)
    asked = row[str(dataset.row_time)][0]
    if not asked.is_valid:
        raise InputError(
            f"--row {options.row!r} has no {dataset.row_time}, so nothing is asked for it; choose "
            "a row with one"
        )
    with saying("explain: reading the events of its keys"):
        explained = explain_row(tables, lookups, row, names, most_bytes)
    identity, shown = row[ROW][0].as_py(), options.events
    return RowReport(
        identity, asked.value, identity_columns(dataset, row), explained, _looked_up(dataset, row),
        places_of(all_inputs(tables), {identity, *shown_rows(explained, shown)}), shown,
    )  # fmt: skip


def _looked_up(dataset: Dataset, row: pa.RecordBatch) -> dict[str, Any]:
    return {name: row[name][0].as_py() for name in dataset.looked_up_columns}


def _columns(dataset: Dataset, columns: Sequence[str]) -> list[str]:
    if not dataset.windows:
        raise InputError(f"the definition {dataset.name!r} has no windows: nothing to explain")
    for name in columns:
        if name not in dataset.windowed_columns:
            problem = unknown_column("--column", name, dataset.windowed_columns)
            raise InputError(str(problem))
    return list(dict.fromkeys(columns or dataset.windowed_columns))


def _plot(report: RowReport, path: str, inputs: Sequence[str]) -> None:
    from forebay.commands.explain.plot import draw

    picture = draw(report)
    write_whole(path, picture, "--plot", inputs)


def _files(options: ExplainOptions) -> list[str]:
    """Returns the names of what is read, patterns and what they match."""
    rows = several_by_split(options.inputs)
    given = [options.definition, *(x.given if isinstance(x, SplitInput) else x for x in rows)]
    given += [one for inputs in options.sources.values() for one in several(inputs)]
    names = [one for one in given if isinstance(one, str)]
    return [*names, *(path for name in names for path in glob.glob(name))]


def run_explain(args: argparse.Namespace) -> int:
    """Runs ``forebay explain`` with parsed arguments; returns its exit status."""
    report = explain(explain_options(args))
    if args.json:
        say_json(to_json(report), indent=2)
    else:
        print_report(report)
    return 0
