"""The definition of a dataset: one value that drives every step of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from unicodedata import category

from forebay.transforms.definition.columns import Column, GraphDtype, Integer, Number, Timestamp
from forebay.transforms.definition.derived_numbers import DerivedNumber
from forebay.transforms.definition.features import (
    Categorical,
    Crossed,
    Custom,
    Feature,
    Informative,
)
from forebay.transforms.definition.labels import Label
from forebay.transforms.definition.sources import ROWS, Source, source_problems
from forebay.transforms.definition.splits import HashSplit, TimeSplit
from forebay.transforms.definition.window_checks import window_problems
from forebay.transforms.definition.windows import Windowed
from forebay.transforms.errors import DefinitionError, Problem, unknown_column

# File systems take names of 255 bytes, of which prefixes and endings need some.
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Dataset(Source):
    """What a table of events means, and which examples to make of it.

    Attributes:
        name: letters, digits, ``_`` and ``-``.
        columns, derive, csv: the columns, derived columns and dialect of the table whose rows
            become examples, as for any `Source`.
        features: what the model is given.
        label: what it predicts.
        split: which rows train, which evaluate, which test.
        row_time: the Timestamp column with the instant at which a row's features are asked for.
        sources: other tables whose events windows look at, by name.
        windows: aggregates over the events before each row's time.
        passthrough: columns that travel to examples and predictions untouched.
        weight: a Number or Integer column that says how much a row counts in training and in
            metrics; a row where it is missing, not finite or negative is rejected. None: all rows
            count alike.

    Raises:
        DefinitionError: the definition has mistakes; it lists all of them.
    """

    name: str
    features: tuple[Feature, ...]
    label: Label
    split: HashSplit | TimeSplit
    row_time: str | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    windows: tuple[Windowed, ...] = ()
    passthrough: tuple[str, ...] = ()
    weight: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = list(_problems(self))
        if problems:
            raise DefinitionError(self.name, problems)

    @cached_property
    def tables(self) -> Mapping[str, Source]:
        """Every table that is read: the dataset's own, called `ROWS`, and its sources."""
        return {ROWS: self, **self.sources}

    @cached_property
    def windowed_columns(self) -> Mapping[str, Column]:
        """Columns that windows add."""
        return {
            name: windowed.kind(op, self.tables.get(windowed.source or ROWS, self).row_columns)
            for windowed in self.windows
            for name, (op, _, _) in windowed.outputs.items()
        }

    @cached_property
    def all_columns(self) -> Mapping[str, Column]:
        """Every column that a row has after the windows."""
        return {**self.row_columns, **self.windowed_columns}

    @cached_property
    def custom_features(self) -> tuple[Custom, ...]:
        """The features that are functions of the user's own."""
        return tuple(feature for feature in self.features if isinstance(feature, Custom))

    @cached_property
    def model_columns(self) -> tuple[str, ...]:
        """Columns that features read, in order of name: what a served model must be given."""
        read = {name for feature in self.features for name in feature.inputs}
        if not all(feature.columns for feature in self.custom_features):
            read = set(self.all_columns) - {self.label.column}
        return tuple(sorted(read))

    @cached_property
    def carried_columns(self) -> tuple[str, ...]:
        """Columns that travel to the examples untouched: passthrough, baselines, label, weight."""
        carried = {*self.passthrough, *self.label.baselines, self.label.column}
        return tuple(sorted(carried | ({self.weight} if self.weight else set())))

    @cached_property
    def graph_columns(self) -> tuple[str, ...]:
        """Columns of the rows that are fed to the transform graph, in order of name."""
        return tuple(sorted({*self.model_columns, *self.carried_columns}))

    @cached_property
    def graph_dtypes(self) -> Mapping[str, GraphDtype]:
        """The dtype of every column in the transform graph and in a served model's signature.

        It is the kind's own, but for a Number that a number of several columns is made of, which
        is computed in float64.
        """
        exact = {
            name
            for feature in self.features
            if isinstance(getattr(feature, "column", None), DerivedNumber)
            for name in feature.column.inputs  # type: ignore[union-attr]
        }
        dtypes = {name: column.graph_dtype for name, column in self.all_columns.items()}
        doubles = {name for name in exact if dtypes[name] == "float32"}
        return dtypes | dict.fromkeys(doubles, "float64")

    @cached_property
    def served_columns(self) -> tuple[str, ...]:
        """Raw columns that a served model is given, in order of name; never the label."""
        columns = {*self.model_columns, *self.passthrough}
        return tuple(sorted(columns - {self.label.column}))

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
    if not dataset.name or not dataset.name.replace("_", "").replace("-", "").isalnum():
        yield Problem("name", dataset.name, "not a plain name", "use letters, digits, '_' and '-'")
    yield from _table_problems(dataset)
    yield from _row_time_problems(dataset)
    events = {name: source.row_columns for name, source in dataset.sources.items()}
    for i, windowed in enumerate(dataset.windows):
        yield from window_problems(windowed, f"windows[{i}]", dataset.row_columns, events)
    yield from _windowed_name_problems(dataset)
    yield from _feature_problems(dataset)
    yield from dataset.label.problems("label", dataset.row_columns)
    yield from dataset.split.problems("split", dataset.row_columns)
    for name in dataset.passthrough:
        if name not in dataset.all_columns:
            yield unknown_column("passthrough", name, dataset.all_columns)
    yield from _weight_problems(dataset)


def _table_problems(dataset: Dataset) -> Iterator[Problem]:
    yield from source_problems(dataset)
    for name, source in dataset.sources.items():
        if name == ROWS or not name.isidentifier():
            yield Problem(
                "sources", name, "not the name of a source",
                f"use letters, digits and '_', and not {ROWS!r}, which is the dataset's own table",
            )  # fmt: skip
        yield from source_problems(source, f"sources[{name!r}].")


def _row_time_problems(dataset: Dataset) -> Iterator[Problem]:
    needs = bool(dataset.windows) or (isinstance(dataset.split, TimeSplit) and not dataset.split.on)
    if dataset.row_time is not None:
        column = dataset.row_columns.get(dataset.row_time)
        if column is None:
            yield unknown_column("row_time", dataset.row_time, dataset.row_columns)
        elif not isinstance(column, Timestamp):
            yield Problem(
                "row_time", dataset.row_time, "not a Timestamp column", "name a Timestamp column"
            )
    elif needs:
        yield Problem(
            "row_time",
            None,
            "windows and time splits need the instant at which a row is asked for",
            "name a Timestamp column",
        )


def _weight_problems(dataset: Dataset) -> Iterator[Problem]:
    if dataset.weight is None:
        return
    column = dataset.row_columns.get(dataset.weight)
    if column is None:
        yield unknown_column("weight", dataset.weight, dataset.row_columns)
    elif not isinstance(column, Number | Integer):
        yield Problem(
            "weight", dataset.weight, f"a {type(column).__name__} column",
            "name a Number or Integer column",
        )  # fmt: skip


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
    crossable = {name for f in dataset.features if f.crossable for name in f.outputs}
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
        if isinstance(feature, Categorical) and isinstance(feature.ids, Informative):
            yield from feature.ids.label_problems(f"{where}.ids", dataset.label)
        if isinstance(feature, Crossed):
            for name in feature.of:
                if name not in crossable:
                    yield unknown_column(f"{where}.of", name, dict.fromkeys(sorted(crossable)))
    for name, times in outputs.items():
        if times > 1:
            yield Problem("features", name, f"{times} outputs have this name", "set name= on one")
    for name in (*outputs, *dataset.windowed_columns):
        if not _is_file_name(name):
            yield Problem(
                "features" if name in outputs else "windows", name, "no file can have this name",
                f"use no '/', no control characters and at most {_LONGEST_NAME} bytes; set name=, "
                "or derive a column with another name",
            )  # fmt: skip


def _is_file_name(name: str) -> bool:
    """Tells whether a file can be named so, as vocabularies and pictures are, in any folder."""
    is_plain = all(category(letter) not in ("Cc", "Cs") for letter in name)
    return (
        is_plain
        and "/" not in name
        and name not in (".", "..")
        and (len(name.encode()) <= _LONGEST_NAME)
    )
