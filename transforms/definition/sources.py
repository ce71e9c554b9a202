"""Tables of events as data: their columns, what is derived from them, and how files hold them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from forebay.transforms.definition.allowed import made_problems
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.functions import FUNCTION_CURE, import_path, is_importable_path
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import Problem, unknown_column

# What a dataset's own table is called among its sources.
ROWS = "rows"
RESERVED_PREFIX = "__"


@dataclass(frozen=True)
class Derive:
    """Columns computed from others before the windows, batch by batch.

    Attributes:
        function: takes a ``pyarrow.RecordBatch`` of the input columns and returns a mapping of
            output names to Arrow arrays of the same length; or its import path.
        inputs: columns read from the source, or derived before.
        outputs: the new columns and their kinds: with ``required``, ``range`` and ``values``, which
            make rejects, and without options that say how cells are read.
    """

    function: str | Callable[..., Any]
    inputs: Several[str]
    outputs: Mapping[str, Column]

    def __post_init__(self) -> None:
        freeze_sequences(self)
        object.__setattr__(self, "function", import_path(self.function))


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table of events, for windows of a dataset whose rows are another table.

    Attributes:
        columns: the columns read from the files, by name.
        derive: columns computed from others before the windows.
        csv: the dialect of CSV files.
    """

    columns: Mapping[str, Column]
    derive: Several[Derive] = ()
    csv: CsvFormat = field(default_factory=CsvFormat)

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def optional(self) -> frozenset[str]:
        """The columns that a file may lack, so that they are missing in every row."""
        return frozenset()

    @property
    def forgiven(self) -> frozenset[str]:
        """The columns whose cells are missing where they cannot be read; others cost the row."""
        return frozenset()

    def fields(self, absent: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Returns what the table itself calls the columns that are read of it, each once.

        Args:
            absent: the columns that are not.
        """
        named = (kind.fields(name) for name, kind in self.columns.items() if name not in absent)
        return tuple(dict.fromkeys(one for fields in named for one in fields))

    def lacking(self, names: Collection[str]) -> frozenset[str]:
        """Returns the optional columns that a file of the given fields lacks."""
        return frozenset(
            name for name in self.optional
            if any(field not in names for field in self.columns[name].fields(name))
        )  # fmt: skip

    def skips(self, step: Derive, absent: frozenset[str]) -> bool:
        """Tells whether a step is left out where columns are absent, so that its outputs are."""
        return False

    @property
    def steps_at_reading(self) -> Sequence[Derive]:
        """What is derived as the table is read."""
        return self.derive

    @cached_property
    def columns_at_reading(self) -> Mapping[str, Column]:
        """Columns of the files, and those derived as they are read."""
        steps = self.steps_at_reading
        derived = {name: kind for step in steps for name, kind in step.outputs.items()}
        return {**self.columns, **derived}

    @property
    def row_columns(self) -> Mapping[str, Column]:
        """Columns of the table's rows."""
        return self.columns_at_reading


def source_problems(
    source: Source,
    steps: Mapping[str, Derive],
    where: str = "",
    looked_up: Mapping[str, Column] = MappingProxyType({}),
) -> Iterator[Problem]:
    """Yields the mistakes of a table.

    Args:
        source: the table, or what of it is of its type.
        steps: what is derived, by its path in the definition.
        where: the table's path in the definition, a dot at its end; empty for the dataset's own.
        looked_up: columns that come later, of lookups and of a step of one's own.
    """
    yield from source.csv.problems(f"{where}csv")
    for name, column in source.columns.items():
        for read in column.fields(name):
            if source.csv.names and read not in source.csv.names:
                yield unknown_column(f"{where}csv.names", read, dict.fromkeys(source.csv.names))
    yield from column_problems(source.columns, f"{where}columns")
    known: set[str] = {*source.columns, *looked_up}
    for path, step in steps.items():
        if not is_importable_path(str(step.function)):
            yield Problem(f"{path}.function", step.function, "not importable", FUNCTION_CURE)
        for name in step.inputs:
            if name not in known:
                yield unknown_column(f"{path}.inputs", name, dict.fromkeys(known))
        for name in step.outputs:
            if name in known:
                yield Problem(f"{path}.outputs", name, "this column exists already", "rename it")
        yield from column_problems(step.outputs, f"{path}.outputs", made=True)
        known.update(step.outputs)


def column_problems(
    columns: Mapping[str, Column], where: str, *, made: bool = False
) -> Iterator[Problem]:
    """Yields the mistakes of columns, which are read, or made by a function."""
    for name, column in columns.items():
        if not name or name.startswith(RESERVED_PREFIX):
            yield Problem(where, name, "not a usable name", "don't start names with '__'")
        path = f"{where}[{name!r}]"
        yield from made_problems(column, path) if made else column.problems(path)
