"""Every patch of the stand-ins for BigQuery and Cloud Storage, and why; see emulators.py.

Faults of the emulators:

- ``ReadRows`` ignores its offset, and a read session its snapshot time.
- A row restriction with a mistake is ignored.
- What a query left, its anonymous table, cannot be read by a session.
- ``datasets.list`` ignores its filter, so that Beam's clean-up would delete every dataset.
- Small tables are one stream: here tables of ten thousand bytes have several already.
- A stream that is committed already is told of as one in no state to be committed.
- Cloud Storage takes an upload of no bytes for none.

Faults that tests ask for, by names of tables, columns, projects and folders (`Fault`): BigQuery and
Cloud Storage then fail as the real ones do.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote


class Fault:
    """Names that make BigQuery fail."""

    FORBIDDEN_TABLE = "forbidden"
    FORBIDDEN_COLUMN = "salary"
    FORBIDDEN_PROJECT = "no-jobs"
    EXPIRED_PROJECT = "expired"
    DELETED_TABLE = "deleted_meanwhile"
    BREAKS_TWICE = "breaks_twice"
    BREAKS_ALWAYS = "breaks_always"
    # Written, or shown, and the answer is lost: twice for each request.
    ANSWERS_LOST = "answers_lost"
    # Writing breaks at the second request, for ever.
    UNWRITABLE = "unwritable"
    # The first time, rows are never shown and nothing is answered; the log says COMMIT.
    NEVER_SHOWN = "never_shown"
    QUOTA_TABLE = "over_quota"
    QUOTA_OF_STREAMS = "stream_quota"
    # In such a folder credentials expire when something is written whose name has the word, or for
    # the last word when the first pipeline's counts are removed; the token "new" is taken always.
    EXPIRES = r"expires-at-(\w+)/(\S*)"
    REMOVAL = "removal"


# Rows in one answer, of tables whose streams break and of others.
_FEW, _MANY = 500, 1 << 16
# What requests asked, method and path, for tests of what is never asked.
REQUESTS = "requests.log"


def patch_bigquery(log: str) -> None:
    """Patches bqemulator, before it starts.

    Args:
        log: the file that gets a line for each request of the REST interface.
    """
    from bqemulator.streaming import read_session

    read_session._SMALL_TABLE_BYTE_THRESHOLD = 10_000
    _patch_sessions()
    _patch_read_rows()
    _patch_writes(log)
    _patch_rest(log)


def _patch_sessions() -> None:
    from bqemulator.grpc_api.read_servicer import BigQueryReadHandler
    from google.cloud.bigquery_storage_v1 import types
    from grpc import StatusCode

    create = BigQueryReadHandler._handle_create_read_session

    def create_read_session(self: Any, request_bytes: bytes, context: Any) -> bytes:
        request = types.CreateReadSessionRequest.deserialize(request_bytes)
        asked = request.read_session
        name = asked.table
        _, project, _, dataset, _, table = name.split("/")
        denied = _denied(project, table, asked.read_options.selected_fields)
        if denied is not None:
            _fail(context, StatusCode.PERMISSION_DENIED, denied)
            return b""
        try:
            asked.table = _table_meant(self._ctx, asked, project, dataset, table)
        except Exception as error:
            _fail(context, StatusCode.INVALID_ARGUMENT, str(error))
            return b""
        answer = create(self, types.CreateReadSessionRequest.serialize(request), context)
        if not answer:
            return b""
        session = types.ReadSession.deserialize(answer)
        _TABLE_OF[session.name] = table
        session.table = name
        return bytes(types.ReadSession.serialize(session))

    BigQueryReadHandler._handle_create_read_session = create_read_session


def _fail(context: Any, code: Any, said: str) -> None:
    """Ends a call; ``abort`` fails where a stream has begun."""
    context.set_code(code)
    context.set_details(said)


# The table of each session.
_TABLE_OF: dict[str, str] = {}


def _denied(project: str, table: str, columns: Sequence[str]) -> str | None:
    """Returns what BigQuery says to those who may not read."""
    if table == Fault.FORBIDDEN_TABLE:
        return (
            "request failed: the user does not have 'bigquery.readsessions.create' permission for "
            f"'projects/{project}'"
        )
    if Fault.FORBIDDEN_COLUMN in columns:
        return (
            "Access Denied: BigQuery BigQuery: User has neither fine-grained reader nor masked get "
            'permission to get data protected by policy tag "taxonomy : pay" on column '
            f"{table}.{Fault.FORBIDDEN_COLUMN}."
        )
    return None


def _table_meant(ctx: Any, asked: Any, project: str, dataset: str, table: str) -> str:
    """Returns the table to read: the asked one, its snapshot, or a query's result made a table."""
    from bqemulator.jobs.executor import _ANONYMOUS_RESULTS_DATASET, JOB_RESULTS
    from bqemulator.sql.translator import SQLTranslator
    from bqemulator.storage.sql_identifiers import quoted_schema, quoted_table_ref

    if asked.read_options.row_restriction:
        said = SQLTranslator().translate(f"SELECT 1 WHERE {asked.read_options.row_restriction}")
        if not hasattr(said, "value"):
            raise ValueError(f"request failed: Row filter for table {table} is invalid. {said}")
    if dataset == _ANONYMOUS_RESULTS_DATASET:
        job = next(job for job in JOB_RESULTS if f"anon{job.replace('-', '')}" == table)
        connection = ctx.engine._connection.cursor()
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted_schema(project, dataset)}")
        result = JOB_RESULTS[job]
        connection.register("result_of_query", result)
        name = quoted_table_ref(project, dataset, table)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM result_of_query")
        return str(asked.table)
    if not asked.table_modifiers.snapshot_time:
        return str(asked.table)
    then = asked.table_modifiers.snapshot_time
    snapshot = ctx.snapshots.resolve_time_travel(project, dataset, table, then)
    if snapshot is None:
        return str(asked.table)
    kept, copy = f"{snapshot.duckdb_schema}", snapshot.duckdb_table
    target = f"snapshot_{copy}"
    ctx.engine._connection.cursor().execute(
        f"CREATE OR REPLACE VIEW {quoted_table_ref(project, dataset, target)} AS "
        f'SELECT * FROM "{kept}"."{copy}"'
    )
    return f"projects/{project}/datasets/{dataset}/tables/{target}"


def _patch_read_rows() -> None:
    from bqemulator.grpc_api.read_servicer import BigQueryReadHandler
    from bqemulator.streaming.read_session import (
        FORMAT_ARROW,
        get_session,
        get_stream_data,
        serialize_arrow_record_batch,
    )
    from google.cloud.bigquery_storage_v1 import types
    from grpc import StatusCode

    read = BigQueryReadHandler._handle_read_rows
    broken: Counter[str] = Counter()
    last: Counter[str] = Counter()

    def read_rows(self: Any, request_bytes: bytes, context: Any) -> Iterator[bytes]:
        request = types.ReadRowsRequest.deserialize(request_bytes)
        stream = request.read_stream
        session = stream.rpartition("/streams/")[0]
        table = _TABLE_OF.get(session, "")
        state = get_session(session)
        if table == Fault.DELETED_TABLE:
            _fail(context, StatusCode.NOT_FOUND, f"Not found: Table test:d.{table} was not found")
        elif table == Fault.QUOTA_OF_STREAMS:
            _fail(context, StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded for ReadRows")
        elif state is None or state.data_format != FORMAT_ARROW:
            yield from read(self, request_bytes, context)
        else:
            data = get_stream_data(session, stream).slice(request.offset)
            times = {Fault.BREAKS_TWICE: 2, Fault.BREAKS_ALWAYS: 1 << 30}.get(table, 0)
            for i, batch in enumerate(data.to_batches(max_chunksize=_FEW if times else _MANY)):
                if broken[stream] < times and (i == 1 or request.offset == last[stream] > 0):
                    broken[stream] += 1
                    _fail(context, StatusCode.UNAVAILABLE, "Connection reset by peer")
                    return
                yield _answer(batch, state.arrow_schema_bytes if i == 0 else None)
                last[stream] = request.offset + (i + 1) * _FEW

    def _answer(batch: Any, schema: bytes | None) -> bytes:
        """Makes one answer; the first has the schema, which Beam's own reader takes from it."""
        data = types.ArrowRecordBatch(serialized_record_batch=serialize_arrow_record_batch(batch))
        answer = types.ReadRowsResponse(row_count=batch.num_rows, arrow_record_batch=data)
        if schema is not None:
            answer.arrow_schema = types.ArrowSchema(serialized_schema=schema)
        return bytes(types.ReadRowsResponse.serialize(answer))

    BigQueryReadHandler._handle_read_rows = read_rows


def _patch_writes(log: str) -> None:
    from bqemulator.grpc_api.write_servicer import BigQueryWriteHandler
    from google.cloud.bigquery_storage_v1 import types
    from grpc import StatusCode

    create = BigQueryWriteHandler._handle_create_write_stream
    append = BigQueryWriteHandler._handle_append_rows
    commit = BigQueryWriteHandler._handle_batch_commit_write_streams
    lost: Counter[tuple[str, int]] = Counter()
    committed: dict[tuple[str, ...], bool] = {}
    waited: list[str] = []

    def loses(table: str, request: tuple[str, int]) -> bool:
        lost[request] += 1
        return table == Fault.ANSWERS_LOST and lost[request] <= 2

    def create_write_stream(self: Any, request_bytes: bytes, context: Any) -> bytes:
        request = types.CreateWriteStreamRequest.deserialize(request_bytes)
        table = request.parent.rpartition("/")[2]
        if table == Fault.FORBIDDEN_TABLE:
            said = f"Permission 'TABLES_UPDATE_DATA' denied on resource '{request.parent}'"
            _fail(context, StatusCode.PERMISSION_DENIED, said)
            return b""
        return bytes(create(self, request_bytes, context))

    def append_rows(self: Any, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        request = next(requests)
        asked = types.AppendRowsRequest.deserialize(request)
        table = asked.write_stream.split("/")[5]
        if table == Fault.UNWRITABLE and asked.offset:
            _fail(context, StatusCode.UNAVAILABLE, "Connection reset by peer")
            return
        answers = list(append(self, iter([request]), context))
        if loses(table, (asked.write_stream, asked.offset)):
            _fail(context, StatusCode.UNAVAILABLE, "Connection reset by peer")
            return
        yield from answers

    def batch_commit(self: Any, request_bytes: bytes, context: Any) -> bytes:
        request = types.BatchCommitWriteStreamsRequest.deserialize(request_bytes)
        streams = tuple(request.write_streams)
        table = request.parent.rpartition("/")[2]
        if table == Fault.NEVER_SHOWN and not waited:
            waited.append(table)
            with open(log, "a") as written:
                written.write(f"COMMIT {table}\n")
            while context.is_active():
                time.sleep(0.05)
            return b""
        if committed.get(streams):
            code = types.StorageError.StorageErrorCode.STREAM_ALREADY_COMMITTED
            errors = [types.StorageError(code=code, entity=name) for name in streams]
            answer = types.BatchCommitWriteStreamsResponse.serialize(
                types.BatchCommitWriteStreamsResponse(stream_errors=errors)
            )
        else:
            answer = commit(self, request_bytes, context)
            done = types.BatchCommitWriteStreamsResponse.deserialize(answer)
            committed[streams] = not done.stream_errors
        if loses(table, (streams[0], -1)):
            _fail(context, StatusCode.UNAVAILABLE, "Connection reset by peer")
            return b""
        return bytes(answer)

    BigQueryWriteHandler._handle_create_write_stream = create_write_stream
    BigQueryWriteHandler._handle_append_rows = append_rows
    BigQueryWriteHandler._handle_batch_commit_write_streams = batch_commit


def _patch_rest(log: str) -> None:
    from bqemulator import server

    create_app = server.create_app

    def patched(ctx: Any) -> Any:
        from fastapi import Request
        from fastapi.responses import JSONResponse

        app = create_app(ctx)

        @app.middleware("http")
        async def ask(request: Request, call_next: Any) -> Any:
            path = request.url.path
            with open(log, "a") as written:
                written.write(f"{request.method} {path}\n")
            if f"/projects/{Fault.EXPIRED_PROJECT}/" in path:
                return _failure(401, "authError", "Request had invalid authentication credentials.")
            if f"/projects/{Fault.FORBIDDEN_PROJECT}/" in path and path.endswith("/jobs"):
                said = (
                    f"Access Denied: Project {Fault.FORBIDDEN_PROJECT}: User does not have "
                    f"bigquery.jobs.create permission in project {Fault.FORBIDDEN_PROJECT}."
                )
                return _failure(403, "accessDenied", said)
            if path.endswith(f"/tables/{Fault.QUOTA_TABLE}"):
                return _failure(403, "quotaExceeded", "Quota exceeded: Your project exceeded quota "
                                "for api requests per user per method.")  # fmt: skip
            if path.endswith("/datasets") and request.query_params.get("filter"):
                return JSONResponse({"kind": "bigquery#datasetList", "datasets": []})
            return await call_next(request)

        def _failure(code: int, reason: str, said: str) -> JSONResponse:
            error = {"code": code, "message": said, "errors": [{"reason": reason, "message": said}]}
            return JSONResponse({"error": error}, status_code=code)

        return app

    server.create_app = patched


def patch_storage() -> None:
    """Patches gcp-storage-emulator: an upload may have no bytes, requests come side by side."""
    from http.server import ThreadingHTTPServer

    from gcp_storage_emulator import server

    read = server._read_data

    def read_data(handler: Any, query: Any) -> Any:
        found = read(handler, query)
        is_upload = bool({"uploadType", "upload_id"} & set(query))
        is_json = (handler.headers.get("Content-Type") or "").startswith("application/json")
        return b"" if found is None and is_upload and not is_json else found

    server._read_data = read_data
    server.server.HTTPServer = ThreadingHTTPServer
    _patch_credentials(server)


def _patch_credentials(server: Any) -> None:
    """Lets requests for some folders be refused, from one of them on."""
    handle, read_raw = server.Router.handle, server._read_raw_data
    expired: set[str] = set()

    def handle_or_refuse(self: Any, method: str) -> None:
        asked = self._request_handler
        asked.raw_data = read_raw(asked)
        start = (asked.raw_data or b"")[:2000].decode(errors="replace")
        for found in re.finditer(Fault.EXPIRES, f"{unquote(asked.path)} {start}"):
            word, rest = found.groups()
            if asked.headers.get("Authorization") == "Bearer new":
                break
            if method == "POST" and word in rest.replace(f"expires-at-{word}", ""):
                expired.add(word)
            if method == "DELETE" and word == Fault.REMOVAL and "ingested.json" in rest:
                expired.add(word)
            if word in expired:
                response = server.Response(asked)
                response.status = HTTPStatus.UNAUTHORIZED
                told = {"message": "Invalid Credentials", "domain": "global", "reason": "authError"}
                response.json(
                    {"error": {"code": 401, "message": told["message"], "errors": [told]}}
                )
                response.close()
                return
        handle(self, method)

    server.Router.handle = handle_or_refuse
    server._read_raw_data = lambda asked: asked.raw_data
