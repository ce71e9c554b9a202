"""Streams of the Storage Read API: each row once, however often the connection breaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from forebay.pipelines.sources.bigquery.clients import Clients
from forebay.transforms.errors import RunFailed, first_line

# Pages are put together to about so many rows or bytes: BigQuery's own are small.
_CHUNK_ROWS = 1 << 16
_CHUNK_BYTES = 8 << 20
# A call that takes longer is ended and made again from where it was: one that hangs does not hold
# the run for ever.
_CALL_SECONDS = 300.0


def read_stream(
    clients: Clients, name: str, stream: str, schema: pa.Schema, offset: int = 0
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields the rows of a stream, each batch with the number of its first row in the stream.

    A stream that breaks is read on where it broke.

    Args:
        clients: how BigQuery is reached.
        name: the input, as people call it.
        stream: the stream's name.
        schema: the session's.
        offset: the first row to read.

    Raises:
        RunFailed: it breaks again and again with no row in between.
    """
    pages: list[pa.RecordBatch] = []
    rows = size = 0
    for page in _pages(clients, name, stream, schema, offset):
        pages.append(page)
        rows += len(page)
        size += page.nbytes
        if rows >= _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield offset, _joined(pages)
            pages, offset, rows, size = [], offset + rows, 0, 0
    if rows:
        yield offset, _joined(pages)


def _joined(pages: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pages[0] if len(pages) == 1 else pa.concat_batches(pages)


def _pages(
    clients: Clients, name: str, stream: str, schema: pa.Schema, offset: int
) -> Iterator[pa.RecordBatch]:
    client = clients.storage_read()
    broken = 0
    while True:
        try:
            for page in _once(client, stream, schema, offset):
                offset += len(page)
                broken = 0
                yield page
            return
        except passing_errors() as error:
            broken += 1
            if broken >= clients.attempts:
                raise RunFailed(
                    f"{name}: a stream broke {broken} times at row {offset:,} "
                    f"({first_line(error)}); try again later"
                ) from error
            time.sleep(clients.first_delay_seconds * 2 ** (broken - 1))


def _once(client: Any, stream: str, schema: pa.Schema, offset: int) -> Iterator[pa.RecordBatch]:
    request = {"read_stream": stream, "offset": offset}
    for response in client.read_rows(request, retry=None, timeout=_CALL_SECONDS):
        # The message itself: the wrapper around it copies what it holds at every look.
        message = type(response).pb(response)
        if message.row_count:
            data = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
            yield pa.ipc.read_record_batch(data, schema)


def passing_errors() -> tuple[type[Exception], ...]:
    """Returns the errors after which it is worth asking again."""
    from google.api_core import exceptions as api

    return (
        api.ServiceUnavailable, api.InternalServerError, api.DeadlineExceeded, api.Aborted,
        api.ResourceExhausted, api.Unknown, api.GatewayTimeout, api.Cancelled,
    )  # fmt: skip
