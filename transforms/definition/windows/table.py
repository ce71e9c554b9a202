"""A table and its windows: all that windowed aggregates need to know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.dataset_checks import definition_problems, table_contradictions
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.shown import table_html
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.errors import DefinitionError, Problem


@dataclass(frozen=True, kw_only=True)
class WindowedTable(Source):
    """A table, and the windows over events that its rows ask for. A `Dataset` is one.

    Attributes:
        columns, derive, csv: the columns, derived columns and dialect of the table whose rows ask,
            as for any `Source`.
        row_time: the Timestamp column with the instant at which a row's features are asked for.
        sources: other tables whose events windows look at, by name.
        windows: aggregates over the events before each row's time.

    Raises:
        DefinitionError: the definition has mistakes; it lists all of them.
    """

    row_time: str | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    windows: Several[Windowed] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = list(self.problems())
        if problems:
            raise DefinitionError(getattr(self, "name", None), problems)

    def problems(self) -> Iterator[Problem]:
        """Yields all mistakes of the definition."""
        yield from definition_problems(self, table_contradictions)

    @property
    def needs_row_time(self) -> bool:
        """Whether something asks for the time of rows."""
        return bool(self.windows)

    @cached_property
    def tables(self) -> Mapping[str, Source]:
        """Every table that is read: the one whose rows ask, called `ROWS`, and its sources."""
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

    def _repr_html_(self) -> str:
        return table_html(self, "windows")
