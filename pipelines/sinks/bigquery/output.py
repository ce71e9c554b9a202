"""A table of BigQuery as a sink: made where it is absent, appended to, all rows or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from forebay.pipelines.sinks.bigquery.schema import Field, check_fields, fields_of
from forebay.pipelines.sinks.bigquery.streams import commit_streams, write_stream
from forebay.pipelines.sinks.outputs import PartsOutput
from forebay.pipelines.sources.bigquery.address import (
    TABLE_SCHEME,
    BigQuery,
    TableAddress,
    table_address,
)
from forebay.pipelines.sources.bigquery.clients import WRITER, Clients, faults_told, patience
from forebay.transforms.errors import InputError


@dataclass(frozen=True)
class BigQueryOutput(PartsOutput):
    """A table of BigQuery that rows are appended to.

    Attributes:
        given: its name, as it was given.
        address: what that means.
        clients: how BigQuery is reached.
    """

    given: str
    address: TableAddress
    clients: Clients

    @property
    def name(self) -> str:  # noqa: D102
        return self.given

    def check(self, schema: pa.Schema) -> None:  # noqa: D102
        wanted = fields_of(schema, self.name)
        with self._faults_told():
            client = self.clients.bigquery(self.address.project)
            found = _found(client, self.address)
            if found is None:  # we make no dataset
                client.get_dataset(f"{self.address.project}.{self.address.dataset}", **patience())
                return
        if found.table_type not in (None, "TABLE"):
            kind = found.table_type.lower().replace("_", " ")
            raise InputError(f"{self.name}: is a {kind}, which takes no rows; name a table")
        check_fields(wanted, found.schema, self.name)

    def make_ready(self, schema: pa.Schema) -> None:  # noqa: D102
        wanted = fields_of(schema, self.name)
        with self._faults_told():
            client = self.clients.bigquery(self.address.project)
            if _found(client, self.address) is None:
                _make(client, self.address, wanted)

    def write_part(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:  # noqa: D102
        fields = fields_of(schema, self.name)
        sent = pa.schema([(field.name, field.arrow_type) for field in fields])
        with self._faults_told():
            return write_stream(
                self.clients, self.name, self.address.resource, sent, _as_sent(batches, sent)
            )

    def commit(self, parts: Sequence[str]) -> None:  # noqa: D102
        with self._faults_told():
            commit_streams(self.clients, self.name, self.address.resource, parts)

    def _faults_told(self) -> Any:
        return faults_told(self.name, "check project, dataset and table", WRITER)


def open_table(given: BigQuery, option: str, inputs: Sequence[str] = ()) -> BigQueryOutput:
    """Opens a table as a sink.

    Args:
        given: its name.
        option: what it was given by, for errors.
        inputs: what is read: no table of it is written to.

    Raises:
        InputError: the name is none of a table, or of one that is read.
    """
    name, form = f"{option} {given.name!r}", f"write {TABLE_SCHEME}PROJECT.DATASET.TABLE"
    if not given.name.startswith(TABLE_SCHEME):
        raise InputError(f"{name}: a query takes no rows; {form}")
    if "@" in given.name or "?" in given.name:
        raise InputError(
            f"{name}: rows are written to a table, not to an instant or a part of it; {form}"
        )
    try:
        address = table_address(given.name)
    except InputError as error:  # which says what a source's name may have
        raise InputError(f"{name} names no table; {form}") from error
    read = {table_address(one).resource for one in inputs if one.startswith(TABLE_SCHEME)}
    if address.resource in read:
        raise InputError(f"{name} is one of the tables that are read; choose another")
    return BigQueryOutput(given.name, address, given.clients or Clients.from_environment())


def _found(client: Any, address: TableAddress) -> Any | None:
    from google.api_core.exceptions import NotFound

    try:
        return client.get_table(address.text, **patience())
    except NotFound:
        return None


def _make(client: Any, address: TableAddress, fields: Sequence[Field]) -> None:
    from google.cloud import bigquery

    schema = [
        bigquery.SchemaField(one.name, one.type, "REPEATED" if one.is_array else "NULLABLE")
        for one in fields
    ]
    client.create_table(bigquery.Table(address.text, schema=schema), exists_ok=True, **patience())


def _as_sent(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = [batch[field.name].cast(field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
