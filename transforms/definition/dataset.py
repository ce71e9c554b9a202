"""The definition of a dataset: one value that drives every step of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from forebay.transforms.definition.columns import GraphDtype
from forebay.transforms.definition.dataset_checks import dataset_contradictions, definition_problems
from forebay.transforms.definition.derived_numbers import DerivedNumber
from forebay.transforms.definition.features import Custom, Feature
from forebay.transforms.definition.labels import Label
from forebay.transforms.definition.splits import ColumnSplit, HashSplit, RandomSplit, TimeSplit
from forebay.transforms.definition.windowed_table import WindowedTable
from forebay.transforms.errors import Problem


@dataclass(frozen=True)
class Dataset(WindowedTable):
    """What a table of events means, and which examples to make of it.

    Attributes:
        name: letters, digits, ``_`` and ``-``.
        columns, derive, csv: the columns, derived columns and dialect of the table whose rows
            become examples, as for any `Source`.
        row_time, sources, windows: when its rows ask, and what of, as for any `WindowedTable`.
        features: what the model is given.
        label: what it predicts.
        split: which rows train, which evaluate, which test.
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
    split: HashSplit | TimeSplit | ColumnSplit | RandomSplit
    passthrough: tuple[str, ...] = ()
    weight: str | None = None

    def problems(self) -> Iterator[Problem]:  # noqa: D102
        yield from definition_problems(self, dataset_contradictions)

    @property
    def needs_row_time(self) -> bool:  # noqa: D102
        by_time = isinstance(self.split, TimeSplit) and not self.split.on
        return super().needs_row_time or by_time

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
