"""The definition of a dataset: one value that drives every step of a run."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from forebay.transforms.definition.columns import Column, GraphDtype
from forebay.transforms.definition.dataset_checks import dataset_contradictions, definition_problems
from forebay.transforms.definition.derived_numbers import DerivedNumber
from forebay.transforms.definition.features import Custom, Feature
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import LATER
from forebay.transforms.definition.labels import Label
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.definition.prepare import Prepare
from forebay.transforms.definition.shown import dataset_html
from forebay.transforms.definition.sources import Derive
from forebay.transforms.definition.splits import Split, TimeSplit
from forebay.transforms.definition.windows.table import WindowedTable
from forebay.transforms.definition.windows.windowed import Where
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
        lookups: columns of tables without events, by a key of the row.
        prepare: a step of one's own between reading and lookups.
        where: the rows that become examples, by a condition on their columns or several that must
            all hold; the others stay events, which windows see. Empty: all.

    Raises:
        DefinitionError: the definition has mistakes; it lists all of them.
    """

    name: str
    features: Several[Feature]
    label: Label
    split: Split
    passthrough: Several[str] = ()
    weight: str | None = None
    lookups: Several[Lookup] = field(default=(), metadata=LATER)
    prepare: Prepare | None = field(default=None, metadata=LATER)
    where: Several[Where] | Where = field(default=(), metadata=LATER)

    def __post_init__(self) -> None:
        where = self.where if isinstance(self.where, tuple | list) else (self.where,)
        object.__setattr__(self, "where", where)
        super().__post_init__()

    def problems(self) -> Iterator[Problem]:  # noqa: D102
        yield from definition_problems(self, dataset_contradictions)

    @property
    def needs_row_time(self) -> bool:  # noqa: D102
        by_time = isinstance(self.split, TimeSplit) and not self.split.on
        return super().needs_row_time or by_time

    @property
    def conditions(self) -> tuple[Where, ...]:
        """What must hold of a row that becomes an example."""
        return self.where  # type: ignore[return-value]

    @cached_property
    def looked_up_columns(self) -> Mapping[str, Column]:
        """Columns that lookups add."""
        return {
            name: kind
            for lookup in self.lookups
            if lookup.source in self.sources
            for name, kind in lookup.kinds(self.sources[lookup.source].row_columns).items()
        }

    @property
    def prepared_columns(self) -> Mapping[str, Column]:
        """Columns that the step of one's own adds."""
        return {} if self.prepare is None else self.prepare.outputs

    @cached_property
    def columns_before_lookups(self) -> Mapping[str, Column]:
        """Columns of the rows that look up."""
        return {**self.columns_at_reading, **self.prepared_columns}

    @cached_property
    def later_steps(self) -> tuple[Derive, ...]:
        """What is derived once something is prepared or looked up, of that or of what it makes."""
        later: list[Derive] = []
        names = {*self.prepared_columns, *self.looked_up_columns}
        for step in self.derive:
            if names & set(step.inputs):
                later.append(step)
                names |= set(step.outputs)
        return tuple(later)

    @cached_property
    def steps_at_reading(self) -> tuple[Derive, ...]:
        """What is derived as the table is read."""
        return tuple(step for step in self.derive if step not in self.later_steps)

    @cached_property
    def row_columns(self) -> Mapping[str, Column]:
        """Columns of the files, derived ones, and those looked up."""
        later = {name: kind for step in self.later_steps for name, kind in step.outputs.items()}
        return {**self.columns_before_lookups, **self.looked_up_columns, **later}

    @cached_property
    def embedded_columns(self) -> Mapping[str, Lookup]:
        """The columns that a served model looks up itself, and how."""
        return {name: one for one in self.lookups if one.embed for name in one.names}

    @cached_property
    def custom_features(self) -> tuple[Custom, ...]:
        """The features that are functions of the user's own."""
        return tuple(feature for feature in self.features if isinstance(feature, Custom))

    @cached_property
    def model_columns(self) -> tuple[str, ...]:
        """Columns that features read, in order of name."""
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
        return self._given({*self.model_columns, *self.carried_columns})

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
        return self._given({*self.model_columns, *self.passthrough} - {self.label.column})

    def _given(self, columns: Collection[str]) -> tuple[str, ...]:
        """Puts the keys of embedded tables in the place of their columns; in order of name."""
        embedded = [
            self.embedded_columns[name] for name in columns if name in self.embedded_columns
        ]
        keys = {name for lookup in embedded for name in lookup.row_keys}
        return tuple(sorted({*columns} - set(self.embedded_columns) | keys))

    @cached_property
    def columns_after_windows(self) -> tuple[str, ...]:
        """Row columns still needed once the windows are computed."""
        needed = {*self.graph_columns, self.split_column, self.row_time}
        needed |= {condition.column for condition in self.conditions}
        return tuple(name for name in self.row_columns if name in needed)

    @cached_property
    def split_column(self) -> str:
        """The column that decides a row's split."""
        return self.split.on or str(self.row_time)

    def _repr_html_(self) -> str:
        return dataset_html(self)
