"""The definition of a dataset: one value that drives every step of a run."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from transforms.columns import Column, CsvFormat, Timestamp
from transforms.errors import DefinitionError, Problem
from transforms.features import CROSSABLE, Crossed, Custom, Feature
from transforms.freeze import freeze_sequences
from transforms.functions import FUNCTION_CURE, import_path, is_importable_path
from transforms.labels import Label
from transforms.split import HashSplit, TimeSplit
from transforms.windows import Windowed, unknown_column

RESERVED_PREFIX = "__"


@dataclass(frozen=True)
class Derive:
    """Columns computed from others before the windows, batch by batch.

    Attributes:
        function: takes a ``pyarrow.RecordBatch`` of the input columns and returns a mapping of
            output names to Arrow arrays of the same length; or its import path.
        inputs: columns read from the source, or derived before.
        outputs: the new columns and their kinds.
    """

    function: str | Callable[..., Any]
    inputs: tuple[str, ...]
    outputs: Mapping[str, Column]

    def __post_init__(self) -> None:
        freeze_sequences(self)
        object.__setattr__(self, "function", import_path(self.function))


@dataclass(frozen=True)
class Dataset:
    """What a table of events means, and which examples to make of it.

    Attributes:
        name: letters, digits, ``_`` and ``-``.
        columns: the columns read from the source, by name.
        features: what the model is given.
        label: what it predicts.
        split: which rows train, which evaluate, which test.
        row_time: the Timestamp column with the instant at which a row's features are asked for.
        derive: columns computed from others before the windows.
        windows: aggregates over the events before each row's time.
        passthrough: columns that travel to examples and predictions untouched.
        csv: the dialect of CSV files.

    Raises:
        DefinitionError: the definition has mistakes; it lists all of them.
    """

    name: str
    columns: Mapping[str, Column]
    features: tuple[Feature, ...]
    label: Label
    split: HashSplit | TimeSplit
    row_time: str | None = None
    derive: tuple[Derive, ...] = ()
    windows: tuple[Windowed, ...] = ()
    passthrough: tuple[str, ...] = ()
    csv: CsvFormat = field(default_factory=CsvFormat)

    def __post_init__(self) -> None:
        freeze_sequences(self)
        problems = list(_problems(self))
        if problems:
            raise DefinitionError(self.name, problems)

    @cached_property
    def row_columns(self) -> Mapping[str, Column]:
        """Columns of the source and derived ones."""
        derived = {name: kind for step in self.derive for name, kind in step.outputs.items()}
        return {**self.columns, **derived}

    @cached_property
    def windowed_columns(self) -> Mapping[str, Column]:
        """Columns that windows add."""
        return {
            name: windowed.kind(op, self.row_columns)
            for windowed in self.windows
            for name, (op, _, _) in windowed.outputs.items()
        }

    @cached_property
    def all_columns(self) -> Mapping[str, Column]:
        """Every column that a row has after the windows."""
        return {**self.row_columns, **self.windowed_columns}

    @cached_property
    def model_columns(self) -> tuple[str, ...]:
        """Columns that features read, in order of name: what a served model must be given."""
        read = {name for feature in self.features for name in feature.inputs}
        if any(isinstance(feature, Custom) and not feature.columns for feature in self.features):
            read = set(self.all_columns) - {self.label.column}
        return tuple(sorted(read))

    @cached_property
    def carried_columns(self) -> tuple[str, ...]:
        """Columns that travel to the examples untouched: passthrough, baselines and label."""
        carried = {*self.passthrough, *self.label.baselines, self.label.column}
        return tuple(sorted(carried))

    @cached_property
    def graph_columns(self) -> tuple[str, ...]:
        """Columns of the rows that are fed to the transform graph, in order of name."""
        return tuple(sorted({*self.model_columns, *self.carried_columns}))

    @cached_property
    def columns_after_windows(self) -> tuple[str, ...]:
        """Row columns still needed once the windows are computed."""
        needed = {*self.graph_columns, self.split_column, self.row_time}
        return tuple(name for name in self.row_columns if name in needed)

    @cached_property
    def split_column(self) -> str:
        """The column that decides a row's split."""
        return self.split.on or str(self.row_time)


def _problems(dataset: Dataset) -> Iterator[Problem]:
    yield from _column_problems(dataset)
    yield from _row_time_problems(dataset)
    for i, windowed in enumerate(dataset.windows):
        yield from windowed.problems(f"windows[{i}]", dataset.row_columns)
    yield from _windowed_name_problems(dataset)
    yield from _feature_problems(dataset)
    yield from dataset.label.problems("label", dataset.row_columns)
    yield from dataset.split.problems("split", dataset.row_columns)
    for name in dataset.passthrough:
        if name not in dataset.all_columns:
            yield unknown_column("passthrough", name, dataset.all_columns)


def _column_problems(dataset: Dataset) -> Iterator[Problem]:
    if not dataset.name or not dataset.name.replace("_", "").replace("-", "").isalnum():
        yield Problem("name", dataset.name, "not a plain name", "use letters, digits, '_' and '-'")
    known: set[str] = set(dataset.columns)
    yield from dataset.csv.problems("csv")
    for name in dataset.columns:
        if dataset.csv.names and name not in dataset.csv.names:
            yield unknown_column("csv.names", name, dict.fromkeys(dataset.csv.names))
    for i, step in enumerate(dataset.derive):
        where = f"derive[{i}]"
        if not is_importable_path(str(step.function)):
            yield Problem(f"{where}.function", step.function, "not importable", FUNCTION_CURE)
        for name in step.inputs:
            if name not in known:
                yield unknown_column(f"{where}.inputs", name, dict.fromkeys(known))
        for name in step.outputs:
            if name in known:
                yield Problem(f"{where}.outputs", name, "this column exists already", "rename it")
        known.update(step.outputs)
    for name, column in dataset.row_columns.items():
        if not name or name.startswith(RESERVED_PREFIX):
            yield Problem("columns", name, "not a usable name", "don't start names with '__'")
        yield from column.problems(f"columns[{name!r}]")


def _row_time_problems(dataset: Dataset) -> Iterator[Problem]:
    column = dataset.row_columns.get(str(dataset.row_time))
    if dataset.row_time is not None and column is None:
        yield unknown_column("row_time", dataset.row_time, dataset.row_columns)
    elif column is not None and not isinstance(column, Timestamp):
        yield Problem(
            "row_time", dataset.row_time, "not a Timestamp column", "name a Timestamp column"
        )
    needs = bool(dataset.windows) or (isinstance(dataset.split, TimeSplit) and not dataset.split.on)
    if dataset.row_time is None and needs:
        yield Problem(
            "row_time",
            None,
            "windows and time splits need the instant at which a row is asked for",
            "name a Timestamp column",
        )


def _windowed_name_problems(dataset: Dataset) -> Iterator[Problem]:
    names = Counter(name for windowed in dataset.windows for name in windowed.names)
    for name, times in names.items():
        if times > 1:
            yield Problem(
                "windows", name, f"{times} windowed columns have this name",
                "drop one, or derive a column with another name to aggregate",
            )  # fmt: skip
        if name in dataset.row_columns:
            yield Problem("windows", name, "a column has this name already", "rename the column")


def _feature_problems(dataset: Dataset) -> Iterator[Problem]:
    if not dataset.features:
        yield Problem("features", dataset.features, "nothing to learn from", "declare a feature")
    crossable = {f.output for f in dataset.features if isinstance(f, CROSSABLE)}
    outputs: Counter[str] = Counter(dataset.carried_columns)
    for i, feature in enumerate(dataset.features):
        where = f"features[{i}]"
        yield from feature.problems(where, dataset.all_columns)
        outputs.update(feature.outputs)
        if dataset.label.column in feature.inputs:
            yield Problem(
                where, dataset.label.column, "the label is not known when a model is asked",
                "leave it out; windows over it, without the row's own event, are fine",
            )  # fmt: skip
        if isinstance(feature, Crossed):
            for name in feature.of:
                if name not in crossable:
                    yield unknown_column(f"{where}.of", name, dict.fromkeys(sorted(crossable)))
    for name, times in outputs.items():
        if times > 1:
            yield Problem("features", name, f"{times} outputs have this name", "set name= on one")
