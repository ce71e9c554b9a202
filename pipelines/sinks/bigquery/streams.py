"""Pending streams of the Storage Write API: each row once, and none seen before all are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from forebay.pipelines.sources.bigquery.clients import PATIENCE_SECONDS, Clients
from forebay.pipelines.sources.bigquery.streams import passing_errors
from forebay.transforms.errors import InputError, RunFailed, first_line

# A request holds about so many bytes; BigQuery takes ten million.
_CHUNK_BYTES, _MOST_BYTES = 4 << 20, 9_500_000


def write_stream(
    clients: Clients, name: str, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> str:
    """Writes rows to a new pending stream, closes it, and returns its name.

    Every request says the place of its first row in the stream. One whose answer was lost is sent
    again, and BigQuery refuses what it has already.

    Args:
        clients: how BigQuery is reached.
        name: the sink, as people call it.
        table: the table, as the Storage Write API calls it.
        schema: the rows', of the types that are sent.
        batches: the rows.

    Raises:
        InputError: a row is longer than BigQuery takes.
        RunFailed: the connection breaks again and again.
    """
    from google.cloud.bigquery_storage_v1 import types

    client = clients.storage_write()
    pending = types.WriteStream(type_=types.WriteStream.Type.PENDING)
    stream = client.create_write_stream(
        parent=table, write_stream=pending, retry=_until_there(), timeout=PATIENCE_SECONDS
    ).name
    head = types.ArrowSchema(serialized_schema=schema.serialize().to_pybytes())
    offset = 0
    for rows, message in _messages(batches, name):
        data = types.ArrowRecordBatch(serialized_record_batch=message)
        arrow = types.AppendRowsRequest.ArrowData(writer_schema=head, rows=data)
        request = types.AppendRowsRequest(write_stream=stream, offset=offset, arrow_rows=arrow)
        _repeated(clients, name, partial(_append, client, request))
        offset += rows
    closed = _repeated(
        clients, name,
        lambda: client.finalize_write_stream(name=stream, retry=None, timeout=PATIENCE_SECONDS),
    )  # fmt: skip
    if closed.row_count != offset:
        raise RunFailed(
            f"{name}: BigQuery has {closed.row_count:,} of {offset:,} rows; nothing of them is "
            "shown; start again"
        )
    return str(stream)


def commit_streams(clients: Clients, name: str, table: str, streams: Sequence[str]) -> None:
    """Shows the rows of closed streams of a table, all at once.

    Raises:
        RunFailed: BigQuery does not.
    """
    from google.cloud.bigquery_storage_v1 import types

    client = clients.storage_write()
    request = types.BatchCommitWriteStreamsRequest(parent=table, write_streams=streams)
    answer = _repeated(
        clients, name,
        lambda: client.batch_commit_write_streams(request, retry=None, timeout=PATIENCE_SECONDS),
    )  # fmt: skip
    # What was committed by a request whose answer was lost is committed.
    done = types.StorageError.StorageErrorCode.STREAM_ALREADY_COMMITTED
    errors = [error.error_message for error in answer.stream_errors if error.code != done]
    if errors:
        raise RunFailed(f"{name}: no row is shown, for {errors[0]}; start again")


def _until_there() -> Any:
    """Returns how a stream is asked for: a table that was just made is not known everywhere."""
    from google.api_core.exceptions import NotFound, ServiceUnavailable
    from google.api_core.retry import Retry, if_exception_type

    return Retry(if_exception_type(ServiceUnavailable, NotFound), timeout=PATIENCE_SECONDS)


def _append(client: Any, request: Any) -> None:
    from google.api_core import exceptions as api

    place = (("x-goog-request-params", f"write_stream={request.write_stream}"),)
    try:
        (answer,) = client.append_rows(
            iter([request]), retry=None, timeout=PATIENCE_SECONDS, metadata=place
        )
        if answer.error.code:
            told = "; ".join(one.message for one in answer.row_errors[:1])
            said = f"{answer.error.message} {told}".strip()
            raise api.from_grpc_status(answer.error.code, said)
    except api.AlreadyExists:
        return  # it was written, and its answer lost


def _repeated(clients: Clients, name: str, call: Callable[[], Any]) -> Any:
    """Makes a request again as long as it fails for a moment, and returns its answer."""
    broken = 0
    while True:
        try:
            return call()
        except passing_errors() as error:
            broken += 1
            if broken >= clients.attempts:
                raise RunFailed(
                    f"{name}: writing broke {broken} times ({first_line(error)}), and nothing is "
                    "shown; try again later"
                ) from error
            time.sleep(clients.first_delay_seconds * 2 ** (broken - 1))


def _messages(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[tuple[int, bytes]]:
    """Yields rows as messages that BigQuery takes, with how many they are."""
    for batch in batches:
        each = max(1, len(batch) * _CHUNK_BYTES // max(1, batch.nbytes))
        for start in range(0, len(batch), each):
            yield from _message(batch.slice(start, each), name)


def _message(batch: pa.RecordBatch, name: str) -> Iterator[tuple[int, bytes]]:
    message = batch.serialize()
    if message.size <= _MOST_BYTES:
        yield len(batch), message.to_pybytes()
    elif len(batch) == 1:
        raise InputError(
            f"{name}: a row takes {message.size:,} bytes, and BigQuery takes {_MOST_BYTES:,}; "
            "leave its longest column out"
        )
    else:
        half = len(batch) // 2
        yield from _message(batch.slice(0, half), name)
        yield from _message(batch.slice(half), name)
