"""The files of every table that a definition reads: the dataset's own, and its sources'."""

from collections.abc import Mapping, Sequence

from forebay.pipelines.sources.csv.files import CsvFile, inspect_csv
from forebay.pipelines.sources.files import find_files
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError

# The files of each table, by its name.
Tables = Mapping[str, Sequence[CsvFile]]


def open_tables(
    dataset: Dataset, inputs: Sequence[str], sources: Mapping[str, Sequence[str]]
) -> Tables:
    """Finds the files of every table and checks their headers.

    Args:
        dataset: the definition.
        inputs: CSV files or globs of the dataset's own table.
        sources: those of each of its sources.

    Returns:
        The files of each table; they are numbered through all tables, in order.

    Raises:
        InputError: a source has no files, or is not in the definition; a pattern matches nothing;
            a file is not CSV, or lacks a column of its table.
    """
    _check_names(dataset, sources)
    options = {ROWS: "--input "} | {name: f"--source {name}=" for name in dataset.sources}
    tables: dict[str, list[CsvFile]] = {}
    count = 0
    for name, table in dataset.tables.items():
        patterns = inputs if name == ROWS else sources[name]
        found = find_files(patterns, first_number=count, option=options[name])
        tables[name] = inspect_csv(found, table)
        count += len(found)
    return tables


def all_files(tables: Tables) -> list[CsvFile]:
    """Returns the files of all tables, in the order of their numbers."""
    return [file for files in tables.values() for file in files]


def _check_names(dataset: Dataset, sources: Mapping[str, Sequence[str]]) -> None:
    declared = ", ".join(dataset.sources) or "none"
    for name in sources:
        if name not in dataset.sources:
            raise InputError(
                f"--source {name}=...: the definition {dataset.name!r} has no such source; its "
                f"sources: {declared}"
            )
    missing = [name for name in dataset.sources if name not in sources]
    if missing:
        options = " ".join(f"--source {name}=PATH" for name in missing)
        raise InputError(
            f"no files for {', '.join(missing)}, of the sources of the definition "
            f"{dataset.name!r}; add {options}"
        )
