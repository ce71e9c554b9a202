"""How a column is read: its type, its texts for missing, its limits.

Each kind fixes three representations: the Arrow type of the pipeline's batches, the dtype
that the transform graph sees, and the one graph value that means *missing*. That value is
never a real one: a float that is not a number, a byte string that is not UTF-8, the least
int64.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.time_formats import format_problems
from forebay.transforms.errors import Problem, unknown_column
from forebay.transforms.zones import is_zone

MISSING_BYTES = b"\xff"
MISSING_INT = int(np.iinfo(np.int64).min)
MISSING_FLOAT = float("nan")

# How a number is written in a cell of several, as a regular expression of RE2 and Python.
NUMBER_PATTERN = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"

GraphDtype = Literal["float32", "float64", "int64", "string"]
Bounds = tuple[float | None, float | None]
MISSING: Mapping[GraphDtype, float | int | bytes] = {
    "float32": MISSING_FLOAT,
    "float64": MISSING_FLOAT,
    "int64": MISSING_INT,
    "string": MISSING_BYTES,
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """What all kinds of column share.

    Attributes:
        nulls: the exact texts that mean missing; those that are numbers mean it in columns of
            numbers, too.
        required: whether a row without a value is rejected.
        field: what the table calls the column, where that is another name: a field within another
            by its path, with dots between; of a `Timestamp` several, whose texts are joined by a
            blank, such as a date and a time. It is missing where one of them is.
    """

    nulls: Several[str] = ("",)
    required: bool = False
    field: str | Several[str] | None = None

    arrow_type: ClassVar[pa.DataType]
    graph_dtype: ClassVar[GraphDtype]

    def __post_init__(self) -> None:
        freeze_sequences(self)

    def fields(self, name: str) -> Sequence[str]:
        """Returns what the table calls the column of a name."""
        found = self.field or name
        return (found,) if isinstance(found, str) else found

    def problems(self, where: str) -> Iterator[Problem]:
        """Yields the mistakes of this column; ``where`` is its path in the definition."""
        if self.field == "":
            yield Problem(f"{where}.field", self.field, "not a name", "write one, or leave it out")
        if isinstance(self.field, tuple) and not isinstance(self, Timestamp):
            yield Problem(
                f"{where}.field", self.field, "only a Timestamp is made of several",
                "write one name, or use Derive",
            )  # fmt: skip


def _range_problems(column: "Number | Integer", where: str) -> Iterator[Problem]:
    low, high = column.range
    if low is None or high is None:
        return
    if low > high:
        yield Problem(
            f"{where}.range", column.range, "the lower bound exceeds the upper", "swap them"
        )
    elif isinstance(column, Integer) and math.ceil(low) > math.floor(high):
        yield Problem(f"{where}.range", column.range, "no whole number lies in it", "widen it")


@dataclass(frozen=True, kw_only=True)
class Number(Column):
    """A real number, float64 in the pipeline and float32 in the graph.

    A number below float32's normal range (1.2e-38) is zero there, one beyond it (3.4e38) is
    missing. What a number of several columns is made of stays float64 (`Dataset.graph_dtypes`).

    Attributes:
        range: least and greatest allowed value, either may be None; a row outside is rejected.
    """

    range: Bounds = (None, None)

    arrow_type = pa.float64()
    graph_dtype = "float32"

    def problems(self, where: str) -> Iterator[Problem]:  # noqa: D102
        yield from super().problems(where)
        yield from _range_problems(self, where)


@dataclass(frozen=True, kw_only=True)
class Integer(Column):
    """A whole number, int64 throughout; ``12.0`` is read as 12, ``12.5`` is rejected.

    Attributes:
        range: least and greatest allowed value, either may be None; a row outside is rejected.
    """

    range: Bounds = (None, None)

    arrow_type = pa.int64()
    graph_dtype = "int64"

    def problems(self, where: str) -> Iterator[Problem]:  # noqa: D102
        yield from super().problems(where)
        yield from _range_problems(self, where)


@dataclass(frozen=True, kw_only=True)
class String(Column):
    """UTF-8 text.

    Attributes:
        values: the allowed texts; a row with another is rejected. Empty: any text.
    """

    values: Several[str] = ()

    arrow_type = pa.string()
    graph_dtype = "string"


@dataclass(frozen=True, kw_only=True)
class Numbers(Column):
    """Several real numbers in one cell, such as ``1.5;2;3``: text in the pipeline and the graph.

    An item without text is a missing number; a cell with an item that is not a number is rejected.

    Attributes:
        separator: what stands between numbers.
    """

    separator: str = ";"

    arrow_type = pa.string()
    graph_dtype = "string"

    def problems(self, where: str) -> Iterator[Problem]:  # noqa: D102
        yield from super().problems(where)
        if not self.separator or set(self.separator) & set("0123456789.+-eE \t"):
            yield Problem(
                f"{where}.separator", self.separator, "cannot be told from numbers and blanks",
                "write such as ';' or '|'",
            )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bytes(Column):
    """Bytes that are not text, written as base64.

    Attributes:
        image: the bytes are an image, as a JPEG or PNG file holds it; a row whose image cannot be
            decoded is rejected.
    """

    image: bool = False

    arrow_type = pa.binary()
    graph_dtype = "string"


@dataclass(frozen=True, kw_only=True)
class Boolean(Column):
    """True or false, int64 0 or 1 in the graph.

    Attributes:
        true: the texts that mean true.
        false: the texts that mean false.
    """

    true: Several[str] = ("true", "True", "TRUE", "1")
    false: Several[str] = ("false", "False", "FALSE", "0")

    arrow_type = pa.bool_()
    graph_dtype = "int64"

    def problems(self, where: str) -> Iterator[Problem]:  # noqa: D102
        yield from super().problems(where)
        for field in ("true", "false"):
            if not getattr(self, field):
                yield Problem(
                    f"{where}.{field}", (), "no text means so", "list one, or leave it out"
                )
        for text in sorted(set(self.true) & set(self.false)):
            yield Problem(where, text, "means both true and false", "list it once")


@dataclass(frozen=True, kw_only=True)
class Timestamp(Column):
    """An instant, int64 microseconds since 1970-01-01 UTC in the graph.

    Text with an offset (``Z``, ``+01:00``) says its instant itself. Text without one is a
    clock reading in ``tz``.

    Attributes:
        format: a ``strptime`` format, as Python reads it, but for ``%Z``; of several, the first
            that reads a text; None reads ISO 8601.
        tz: the IANA zone of clock readings without an offset.
        unit: the column holds whole numbers, counted since 1970-01-01 UTC in this unit.
        ambiguous: which instant a reading shown twice means (clocks set back), or reject.
        nonexistent: whether a reading never shown (clocks set forward) is moved forward by
            the gap, or rejected.
    """

    format: str | Several[str] | None = None
    tz: str = "UTC"
    unit: Literal["s", "ms", "us"] | None = None
    ambiguous: Literal["earliest", "latest", "reject"] = "earliest"
    nonexistent: Literal["shift_forward", "reject"] = "shift_forward"

    arrow_type = pa.timestamp("us", tz="UTC")
    graph_dtype = "int64"

    def problems(self, where: str) -> Iterator[Problem]:  # noqa: D102
        yield from super().problems(where)
        if not is_zone(self.tz):
            yield Problem(
                f"{where}.tz",
                self.tz,
                "not a time zone of the IANA database",
                "write a name such as 'America/New_York'",
            )
        if self.format is not None and self.unit is not None:
            yield Problem(
                where,
                (self.format, self.unit),
                "format reads text and unit reads numbers",
                "set one of them",
            )
        for format in formats(self):
            yield from format_problems(format, f"{where}.format")
        if self.format == ():
            yield Problem(f"{where}.format", (), "reads no text", "write one, or leave it out")


@dataclass(frozen=True, kw_only=True)
class Date(Column):
    """A calendar day, int64 days since 1970-01-01 in the graph.

    Attributes:
        format: a ``strptime`` format or several, as for `Timestamp`; None reads ``YYYY-MM-DD``.
    """

    format: str | Several[str] | None = None

    arrow_type = pa.date32()
    graph_dtype = "int64"

    def problems(self, where: str) -> Iterator[Problem]:  # noqa: D102
        yield from super().problems(where)
        for format in formats(self):
            yield from format_problems(format, f"{where}.format")
        if self.format == ():
            yield Problem(f"{where}.format", (), "reads no text", "write one, or leave it out")


def formats(column: Timestamp | Date) -> Sequence[str]:
    """Returns the formats of a column, in the order in which they are tried; none: ISO 8601."""
    found = column.format
    return (found,) if isinstance(found, str) else found or ()


# Kinds of columns among which one may be.
Kinds = tuple[type[Column], ...]


def kind_problems(
    where: str, name: str, kinds: Kinds, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    """Yields what is wrong with a name that should be that of a column of some kinds."""
    column = columns.get(name)
    if column is None:
        yield unknown_column(where, name, columns)
    elif not isinstance(column, kinds):
        yield Problem(
            where, name, f"a {type(column).__name__} column",
            "name a column of kind " + " or ".join(kind.__name__ for kind in kinds),
        )  # fmt: skip
