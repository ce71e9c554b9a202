"""Lookups as data: columns of another table's row of a key, and the names they get."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from forebay.transforms.definition.allowed import refusal
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
    kind_problems,
)
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import type_problems
from forebay.transforms.definition.windows.checks import KEYS, unknown_source
from forebay.transforms.errors import Problem, unknown_column

# Rows of a table that is embedded in a served model, at most: it is a part of the graph.
MOST_EMBEDDED = 100_000


@dataclass(frozen=True)
class Lookup:
    """Columns of a table's row of a key, put beside each of the dataset's rows.

    A row finds the row of its key in the table: the one there is, or, with ``valid_from`` or
    ``available_at``, the one that stands at its row time ``q``: of those with
    ``valid_from <= q < valid_until`` and ``available_at < q``, the greatest by (``valid_from``,
    ``available_at``). The columns found are columns of the dataset's rows like those of its own
    table: for `Derive`, windows, features, label and passthrough.

    Attributes:
        columns: the columns of the table that are looked up, one or several.
        source: which of the dataset's sources the table is.
        key: the column or columns of the table that say which row is meant; a row of the table
            without one is never found.
        row_key: the columns of the asking row compared with ``key``; empty: those of these names.
            They are read from the dataset's own table, or derived of such.
        valid_from: the Timestamp column of the table with the instant from which a row holds; a
            row without one is never found. None: each holds always.
        valid_until: the Timestamp column with the instant at which it ends; missing: it does not.
            Needs ``valid_from``.
        available_at: the Timestamp column with the instant from which a row is known; a row without
            one is never found. None: each is known always.
        default: values of columns for rows that find none, by the column's name in the table; its
            column must allow them.
        indicator: whether a Boolean column says of each row whether it found one.
        duplicates: which row stands where several have one key (and one ``valid_from`` and
            ``available_at``): the ``first`` or the ``last`` of the table; with ``refuse`` the run
            fails.
        embed: whether a served model has the table inside, and is given ``row_key`` in place of the
            columns. For tables of 100,000 rows at most, without times.
    """

    columns: Several[str] | str
    source: str
    key: Several[str] | str
    row_key: Several[str] | str = ()
    valid_from: str | None = None
    valid_until: str | None = None
    available_at: str | None = None
    default: Mapping[str, str | float | bool] = field(default_factory=dict)
    indicator: bool = False
    duplicates: Literal["refuse", "first", "last"] = "refuse"
    embed: bool = False

    def __post_init__(self) -> None:
        freeze_sequences(self)
        for name in ("columns", "key", "row_key"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, tuple) else (value,))

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The columns of the asking row that are compared with ``key``."""
        return tuple(self.row_key or self.key)

    @property
    def is_timed(self) -> bool:
        """Whether what a row finds depends on its time."""
        return self.valid_from is not None or self.available_at is not None

    @property
    def name(self) -> str:
        """What tells it from others, such as ``airports_by_faa_for_origin``."""
        return f"{self.source}_{self._ending}"

    @property
    def _ending(self) -> str:
        ending = "by_" + "_".join(self.key)
        return ending if self.row_keys == self.key else f"{ending}_for_{'_'.join(self.row_keys)}"

    @property
    def outputs(self) -> dict[str, str]:
        """The column of the table of each column that is looked up, by its name beside the rows."""
        return {self.output(column): column for column in self.columns}

    def output(self, column: str) -> str:
        """Returns the name beside the rows of a column of the table."""
        return f"{self.source}_{column}_{self._ending}"

    @property
    def found(self) -> str | None:
        """The column that says whether a row found one; None: there is none."""
        return self.output("found") if self.indicator else None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it adds."""
        return (*self.outputs, *((self.found,) if self.found else ()))

    @property
    def table_columns(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""
        times = (self.valid_from, self.valid_until, self.available_at)
        names = (*self.key, *(name for name in times if name), *self.columns)
        return tuple(dict.fromkeys(names))

    def kinds(self, table: Mapping[str, Column]) -> dict[str, Column]:
        """Returns the kinds of the columns that it adds, given those of the table."""
        kinds: dict[str, Column] = {
            name: replace(table[column], field=None, required=False)
            for name, column in self.outputs.items()
            if column in table
        }
        return kinds | ({self.found: Boolean()} if self.found else {})


_VALUES: Mapping[type[Column], tuple[type, ...]] = {
    Boolean: (bool,), String: (str,), Number: (int, float), Integer: (int,),
}  # fmt: skip


def lookup_problems(
    lookup: Lookup,
    where: str,
    rows: Mapping[str, Column],
    sources: Mapping[str, Mapping[str, Column]],
) -> Iterator[Problem]:
    """Yields the mistakes of a lookup.

    Args:
        lookup: the lookup.
        where: its path in the definition.
        rows: the columns that the dataset's rows have before anything is looked up.
        sources: the columns of each of its sources.
    """
    if lookup.source not in sources:
        yield unknown_source(where, lookup.source, sources)
        return
    table = sources[lookup.source]
    yield from _table_problems(lookup, where, table)
    yield from _key_problems(lookup, where, rows, table)
    if lookup.valid_until is not None and lookup.valid_from is None:
        yield Problem(
            f"{where}.valid_from", None, f"beside valid_until={lookup.valid_until!r}",
            "name the Timestamp column that says from when a row holds",
        )  # fmt: skip
    if lookup.embed and lookup.is_timed:
        yield Problem(
            f"{where}.embed", True, "what a row finds in the table depends on its time",
            "leave embed out, and give a served model the columns; or leave the times out",
        )  # fmt: skip
    for name, value in lookup.default.items():
        yield from _default_problems(lookup, f"{where}.default", name, value, table)


def _table_problems(lookup: Lookup, where: str, table: Mapping[str, Column]) -> Iterator[Problem]:
    if not lookup.columns:
        yield Problem(f"{where}.columns", (), "nothing to look up", "name a column of the table")
    if not lookup.key:
        yield Problem(f"{where}.key", (), "says of no row that it is meant", "name a column")
    for name in lookup.columns:
        if name not in table:
            yield unknown_column(f"{where}.columns", name, table)
    for attribute in ("valid_from", "valid_until", "available_at"):
        name = getattr(lookup, attribute)
        if name is not None:
            yield from kind_problems(f"{where}.{attribute}", name, (Timestamp,), table)


def _key_problems(
    lookup: Lookup, where: str, rows: Mapping[str, Column], table: Mapping[str, Column]
) -> Iterator[Problem]:
    if len(lookup.row_keys) != len(lookup.key):
        yield Problem(
            f"{where}.row_key", lookup.row_keys,
            f"compared with the {len(lookup.key)} columns of key {lookup.key!r}",
            "name as many columns as key has",
        )  # fmt: skip
    for name in lookup.key:
        yield from kind_problems(f"{where}.key", name, KEYS, table)
    for name in lookup.row_keys:
        yield from kind_problems(f"{where}.row_key", name, KEYS, rows)
    for key, row_key in zip(lookup.key, lookup.row_keys, strict=False):
        if key in table and row_key in rows and type(table[key]) is not type(rows[row_key]):
            yield Problem(
                f"{where}.row_key", row_key,
                f"a {type(rows[row_key]).__name__} column, compared with {key}, a "
                f"{type(table[key]).__name__}",
                "compare columns of one kind",
            )  # fmt: skip


def _default_problems(
    lookup: Lookup, where: str, name: str, value: object, table: Mapping[str, Column]
) -> Iterator[Problem]:
    if name not in lookup.columns:
        yield unknown_column(where, name, dict.fromkeys(lookup.columns))
    elif name in table:
        kind = table[name]
        fitting = _VALUES.get(type(kind), ())
        is_other_bool = isinstance(value, bool) and bool not in fitting
        if is_other_bool or not isinstance(value, fitting):
            can = not isinstance(kind, Bytes | Date | Numbers | Timestamp)
            yield Problem(
                where, value, f"no value of {name}, a {type(kind).__name__} column",
                "write one of its kind" if can else "leave it out: the value is missing then",
            )  # fmt: skip
        elif (cause := refusal(kind, value)) is not None:
            yield Problem(
                where, value, f"{cause}, as {name} says",
                "write one that the column allows, or leave it out: the value is missing then",
            )  # fmt: skip
        elif isinstance(kind, Integer):
            yield from type_problems(value, int, where)
