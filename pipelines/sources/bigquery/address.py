"""What an input of BigQuery is called: a table, or a file with a query and its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    from forebay.pipelines.sources.bigquery.clients import Clients

TABLE_SCHEME = "bigquery://"
QUERY_SCHEME = "bigquery-query:"
_TABLE = re.compile(r"(?P<project>(?:[^:?@/]+:)?[^.:?@/]+)\.(?P<dataset>\w+)\.(?P<table>[^.?@/]+)")
_RESTRICTION = "row_restriction="
_FORM = "bigquery://PROJECT.DATASET.TABLE[@TIMESTAMP][?row_restriction=CONDITION]"
_PARAMETER_FORM = "NAME:TYPE:VALUE, such as origin:STRING:JFK or ids:ARRAY<INT64>:[1,2]"


@dataclass(frozen=True)
class BigQuery:
    """An input of BigQuery.

    Attributes:
        name: a table, ``bigquery://PROJECT.DATASET.TABLE``, where ``@TIMESTAMP`` and
            ``?row_restriction=CONDITION`` may follow; or a query, ``bigquery-query:FILE.sql``.
        parameters: those of a query, as the ``bq`` command writes them: NAME:TYPE:VALUE.
        clients: how BigQuery is reached; None: as the environment says.
    """

    name: str
    parameters: tuple[str, ...] = ()
    clients: Clients | None = None


def as_bigquery(given: object) -> BigQuery | None:
    """Returns an input of BigQuery; None where it is another."""
    if isinstance(given, BigQuery):
        return given
    if isinstance(given, str) and given.startswith((TABLE_SCHEME, QUERY_SCHEME)):
        return BigQuery(given)
    return None


@dataclass(frozen=True)
class TableAddress:
    """A table of BigQuery, and what of it is read.

    Attributes:
        project, dataset, table: its name's parts.
        snapshot: the instant as of which it is read; None: now.
        row_restriction: the condition of the rows that are read, in BigQuery's SQL; empty: all.
    """

    project: str
    dataset: str
    table: str
    snapshot: datetime | None = None
    row_restriction: str = ""

    @property
    def text(self) -> str:
        """Its name as people write it."""
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def resource(self) -> str:
        """Its name as the Storage APIs write it."""
        return f"projects/{self.project}/datasets/{self.dataset}/tables/{self.table}"


def table_address(text: str) -> TableAddress:
    """Reads the name of a table.

    Raises:
        InputError: it is none.
    """
    name, _, question = text.removeprefix(TABLE_SCHEME).partition("?")
    name, at, instant = name.partition("@")
    found = _TABLE.fullmatch(name)
    if found is None:
        raise InputError(f"{text!r} names no table; write {_FORM}")
    if question and not question.startswith(_RESTRICTION):
        raise InputError(f"{text!r}: {question!r} is not row_restriction=...; write {_FORM}")
    restriction = question.removeprefix(_RESTRICTION)
    return TableAddress(**found.groupdict(), snapshot=_instant(instant, text) if at else None,
                        row_restriction=restriction)  # fmt: skip


def _instant(text: str, whole: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{whole!r}: {text!r} is not an instant; write one such as 2024-05-01T00:00:00Z"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True)
class QueryParameter:
    """A value that a query names ``@name``.

    Attributes:
        name: its name.
        type: its type in BigQuery, of an array's items where it is one.
        value: the value, or the values of an array; None: NULL.
    """

    name: str
    type: str
    value: Any
    is_array: bool = False


def query_parameters(given: Sequence[str]) -> tuple[QueryParameter, ...]:
    """Reads parameters as the ``bq`` command writes them.

    Raises:
        InputError: one is not NAME:TYPE:VALUE, or its value not of its type.
    """
    return tuple(_parameter(text) for text in given)


def _parameter(text: str) -> QueryParameter:
    name, colon, rest = text.partition(":")
    kind, second, value = rest.partition(":")
    if not (name and colon and second):
        raise InputError(f"--query-parameter {text!r} is not {_PARAMETER_FORM}")
    kind = kind.upper() or "STRING"
    item = re.fullmatch(r"ARRAY<(\w+)>", kind)
    single = item[1] if item else kind
    if single not in _VALUES:
        known = ", ".join(_VALUES)
        raise InputError(f"--query-parameter {text!r}: {kind!r} is not a type; write {known}")
    try:
        if item:
            return QueryParameter(name, single, [*map(_VALUES[single], _items(value, text))], True)
        return QueryParameter(name, single, None if value == "NULL" else _VALUES[single](value))
    except (ValueError, ArithmeticError) as error:
        raise InputError(
            f"--query-parameter {text!r}: {value!r} is not of type {kind}; write {_PARAMETER_FORM}"
        ) from error


def _items(text: str, parameter: str) -> list[str]:
    """Returns the items of an array as they are written."""
    import json

    found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    if not isinstance(found, list):
        raise ValueError(text)
    for number, item in enumerate(found, 1):
        if not isinstance(item, str | bool):
            raise InputError(
                f"--query-parameter {parameter!r}: item {number} is no text, number or truth "
                "value, and arrays hold nothing else; leave it out"
            )
    return [json.dumps(item) if isinstance(item, bool) else item for item in found]


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


# How a value is read, by its type; what BigQuery itself reads stays text.
_VALUES: dict[str, Callable[[str], Any]] = {
    "STRING": str, "INT64": int, "INTEGER": int, "FLOAT64": float, "FLOAT": float,
    "NUMERIC": Decimal, "BIGNUMERIC": Decimal, "BOOL": _boolean, "BOOLEAN": _boolean, "DATE": str,
    "DATETIME": str, "TIME": str, "TIMESTAMP": str,
}  # fmt: skip
