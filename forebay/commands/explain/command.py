"""``forebay explain``: which events the windowed values of one row were made of."""

import argparse
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
from forebay.pipelines.sources.tables import Tables, all_inputs, names_read, open_tables
from forebay.storage.named_files import check_output, write_whole
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.errors import InputError, unknown_column


def explained(options: ExplainOptions) -> RowReport:
    """Explains the windowed values of one row of the input, and draws them where that is asked for.

    Raises:
        UserError: the definition, the input, the key, a column or the plot's name is not as it
            must be.
        RunFailed: the engine's value is not that of the events listed.
    """
    dataset = load_definition(options.definition)
    names = _columns(dataset, options.column)
    tables = open_tables(dataset, options.inputs, options.sources)
    read = names_read(tables, options.definition)
    if options.plot is not None:
        check_output(options.plot, "--plot", read)
    report = _explain(dataset, names, tables, options)
    if options.plot is not None:
        _plot(report, options.plot, read)
    return report


def _explain(
    dataset: Dataset, names: Sequence[str], tables: Tables, options: ExplainOptions
) -> RowReport:
    key, most_bytes = options.row, options.max_record_bytes
    with saying("explain: looking for the row"):
        lookups = read_lookups(dataset, tables, most_bytes)
        row = find_row(tables, lookups, key, most_bytes)
    asked = row[str(dataset.row_time)][0]
    if not asked.is_valid:
        raise InputError(
            f"--row {key!r} has no {dataset.row_time}, so nothing is asked for it; choose a row "
            "with one"
        )
    with saying("explain: reading the events of its keys"):
        events = explain_row(tables, lookups, row, names, most_bytes)
    identity = row[ROW][0].as_py()
    return RowReport(
        identity, asked.value, identity_columns(dataset, row), events, _looked_up(dataset, row),
        places_of(all_inputs(tables), {identity, *shown_rows(events, options.events)}),
        options.events,
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


def run_explain(args: argparse.Namespace) -> int:
    """Runs ``forebay explain`` with parsed arguments; returns its exit status."""
    report = explained(explain_options(args))
    if args.json:
        say_json(to_json(report), indent=2)
    else:
        print_report(report)
    return 0
