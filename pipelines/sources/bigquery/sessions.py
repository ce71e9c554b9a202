"""Read sessions: a table as it is at one instant, in streams that are read by themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from forebay.pipelines.sources.bigquery.address import (
    QUERY_SCHEME,
    TABLE_SCHEME,
    QueryParameter,
    TableAddress,
    query_parameters,
    table_address,
)
from forebay.pipelines.sources.bigquery.clients import (
    PATIENCE_SECONDS,
    Clients,
    faults_told,
    patience,
)
from forebay.pipelines.sources.bigquery.types import arrow_schema, check_table
from forebay.pipelines.sources.typed.rows import lacking_of, top_columns
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError

# A stream for each so many bytes, and never more: their names travel with every part of the work.
_STREAM_BYTES = 64 << 20
_FEWEST_STREAMS, MOST_STREAMS = 16, 256


@dataclass(frozen=True)
class Session:
    """A read session.

    Attributes:
        name: the input, as people call it.
        streams: the names of its streams.
        schema: its Arrow schema, serialized.
        size: about how many bytes are read.
        rows: about how many rows there are.
        fingerprint: what tells the content from another.
        lacks: the optional columns that it does not have.
    """

    name: str
    streams: tuple[str, ...]
    schema: bytes
    size: int
    rows: int
    fingerprint: str
    lacks: frozenset[str]

    @property
    def arrow_schema(self) -> pa.Schema:
        """The columns that are read."""
        return pa.ipc.read_schema(pa.py_buffer(self.schema))


def open_session(
    given: str, table: Source | None, parameters: Sequence[str], clients: Clients
) -> Session:
    """Opens a table, or runs a query and opens its result.

    Args:
        given: how the input was named; see `forebay.pipelines.sources.bigquery.address`.
        table: what it is checked against; only its columns are read. None: all are.
        parameters: those of a query, NAME:TYPE:VALUE each.
        clients: how BigQuery is reached.

    Raises:
        InputError: there is no such table, it may not be read, it lacks a column, or the query
            has a mistake.
        RunFailed: BigQuery does not answer.
    """
    if given.startswith(TABLE_SCHEME):
        if parameters:
            raise InputError(
                f"{given}: is a table, and the parameter {parameters[0]!r} one of a query; name "
                f"{QUERY_SCHEME}FILE.sql, or leave it out"
            )
        address = table_address(given)
        with faults_told(given, "check the name, the instant and the row_restriction"):
            client = clients.bigquery(address.project)
            return _session(given, address, table, clients, client)
    sql = _read_query(given)
    asked = query_parameters(parameters)
    with faults_told(given, "mend the query, or its parameters by --query-parameter"):
        client = clients.bigquery()
        address, job = _run(client, sql, asked, given)
        return replace(_session(given, address, table, clients, client), fingerprint=f"job:{job}")


def _session(
    name: str, address: TableAddress, table: Source | None, clients: Clients, client: Any
) -> Session:
    found = client.get_table(address.text, **patience())
    if found.table_type in _UNREADABLE:
        kind = found.table_type.lower().replace("_", " ")
        raise InputError(
            f"{name}: is a {kind}, which has no rows of its own; select from it in a file "
            f"with a query, and give {QUERY_SCHEME}FILE.sql"
        )
    columns: list[str] = []
    lacks: frozenset[str] = frozenset()
    if table is not None:
        check_table(found.schema, table, name)
        schema = arrow_schema(found.schema)
        columns, lacks = top_columns(schema, table), lacking_of(schema, table)
    made = _create(clients.storage_read(), client.project, address, columns, found.num_bytes)
    modified = f"modified:{found.modified};rows:{found.num_rows}"
    return Session(
        name,
        tuple(stream.name for stream in made.streams),
        bytes(made.arrow_schema.serialized_schema),
        made.estimated_total_bytes_scanned or found.num_bytes or 0,
        made.estimated_row_count or found.num_rows or 0,
        f"snapshot:{address.snapshot.isoformat()}" if address.snapshot else modified,
        lacks,
    )


_UNREADABLE = ("VIEW", "MATERIALIZED_VIEW", "EXTERNAL")


def _create(
    reader: Any, project: str, address: TableAddress, columns: Sequence[str], size: int | None
) -> Any:
    from google.api_core.exceptions import ServiceUnavailable
    from google.api_core.retry import Retry, if_exception_type
    from google.cloud.bigquery_storage_v1 import types

    wanted = types.ReadSession(
        table=address.resource,
        data_format=types.DataFormat.ARROW,
        read_options=types.ReadSession.TableReadOptions(
            selected_fields=columns, row_restriction=address.row_restriction
        ),
    )
    if address.snapshot is not None:
        wanted.table_modifiers.snapshot_time = address.snapshot
    streams = math.ceil((size or 0) / _STREAM_BYTES)
    return reader.create_read_session(
        parent=f"projects/{project}",
        read_session=wanted,
        max_stream_count=min(MOST_STREAMS, max(_FEWEST_STREAMS, streams)),
        retry=Retry(if_exception_type(ServiceUnavailable), timeout=PATIENCE_SECONDS),
        timeout=PATIENCE_SECONDS,
    )


def _read_query(given: str) -> str:
    path = given.removeprefix(QUERY_SCHEME)
    try:
        with open(path, encoding="utf-8") as source:
            return source.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{given}: {path!r} cannot be read ({error}); name a file with a query"
        ) from error


def _run(
    client: Any, sql: str, parameters: Sequence[QueryParameter], name: str
) -> tuple[TableAddress, str]:
    """Runs a query and returns its result's table, and the name of the job.

    The table is BigQuery's own, unnamed: it removes it within a day, and nobody else sees it.
    """
    from google.cloud import bigquery

    values = [
        bigquery.ArrayQueryParameter(one.name, one.type, one.value)
        if one.is_array else bigquery.ScalarQueryParameter(one.name, one.type, one.value)
        for one in parameters
    ]  # fmt: skip
    looked_at = bigquery.QueryJobConfig(
        query_parameters=values, dry_run=True, use_query_cache=False
    )
    kind = client.query(sql, job_config=looked_at, **patience()).statement_type
    if kind != "SELECT":
        raise InputError(f"{name}: is {kind}, not a query; write one SELECT, which changes nothing")
    job = client.query(
        sql, job_config=bigquery.QueryJobConfig(query_parameters=values), **patience()
    )
    job.result()
    made = job.destination
    return TableAddress(made.project, made.dataset_id, made.table_id), job.job_id
