"""Rows grouped by reference through Cloud Storage: attempts that are lost, refusals, clean-up."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from parcels_oracle import make_tables

from forebay.cli import main
from forebay.pipelines.shuffle.group_batches import Group, GroupBatches, _SendRows, _WritePieces
from forebay.pipelines.shuffle.pieces import PIECE_ROWS, PIECEWISE_BYTES, Partitioned

pytestmark = pytest.mark.gcp

DEFINITION = str(Path(__file__).resolve().parents[1] / "end_to_end" / "parcels.py")
BATCHES, ROWS, PARTITIONS = 6, 20_000, 5
REFUSED_ONE_IN = 4


@dataclass
class Gate:
    """What stands before Cloud Storage: counts requests, and refuses some as a busy service does.

    Attributes:
        address: where it answers.
        refuses: whether it does.
        asked: the requests, by what they are.
        sent, answered: bytes of their bodies.
    """

    address: str = ""
    refuses: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    answered: int = 0
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, verb: str, path: str, body: int) -> bool:
        """Counts a request; returns whether it is refused."""
        place = urlsplit(path).path
        if place.startswith("/upload/"):
            kind = "write"
        elif re.fullmatch(r"/storage/v1/b/[^/]+/o/?", place):
            kind = "list"
        elif "alt=media" in path or place.startswith("/download/"):
            kind = "read"
        else:
            kind = "look" if verb == "GET" else verb.lower()
        with self.lock:
            self.seen += 1
            if self.refuses and self.seen % REFUSED_ONE_IN == 0:
                self.asked["refused"] += 1
                return True
            self.asked[kind] += 1
            self.sent += body
        return False


@contextmanager
def gate(storage: str) -> Iterator[Gate]:
    made, behind = Gate(), urlsplit(storage)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if made.note(self.command, self.path, len(body)):
                self._send(503, [], b"busy")
                return
            line = http.client.HTTPConnection(str(behind.hostname), behind.port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            line.request(self.command, self.path, body, headers)
            answer = line.getresponse()
            content = answer.read()
            with made.lock:
                made.answered += len(content)
            if "json" in (answer.getheader("content-type") or ""):
                # Where an object's bytes are to be had, in its description.
                for host in (str(behind.hostname), "localhost"):
                    there = f"http://{host}:{behind.port}".encode()
                    content = content.replace(there, made.address.encode())
            kept = ("content-type", "location", "range", "content-range", "etag")
            headers_back = [
                (k, v.replace(storage, made.address)) for k, v in answer.getheaders()
                if k.lower() in kept or k.lower().startswith("x-")
            ]  # fmt: skip
            self._send(answer.status, headers_back, content)

        def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _respond

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    made.address = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def batches() -> list[Partitioned]:
    """Rows of all partitions, of numbers of their own."""
    made = []
    for number in range(BATCHES):
        ids = np.arange(number * ROWS, (number + 1) * ROWS)
        batch = pa.RecordBatch.from_pydict({"id": ids, "text": [f"row {one}" for one in ids]})
        made.append(Partitioned("s", "rows", ids % PARTITIONS, batch))
    return made


def grouped(folder: str, into: Path, *options: str) -> None:
    """Groups the batches through a folder, and writes what each partition got."""
    place = str(into)

    def take(group: Group) -> None:
        ids = sorted(group.tables()["rows"]["id"].to_pylist())
        with open(f"{place}/{group.partition}", "a") as file:
            file.write(json.dumps(ids))

    with beam.Pipeline("FnApiRunner", PipelineOptions([*options])) as pipeline:
        parts = tuple(
            pipeline | f"Batches {i}" >> beam.Create([one]) for i, one in enumerate(batches())
        )
        _ = parts | GroupBatches(folder) | beam.Map(take)


@pytest.mark.parametrize("refuses", [False, True])
def test_rows_meet_once_though_attempts_are_lost_and_requests_refused(
    refuses: bool, emulators: Any, in_emulators: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = f"gs://{emulators.bucket}/shuffle-{refuses}"
    with gate(emulators.storage) as before:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", before.address)
        before.refuses = refuses
        # An attempt whose worker is lost after its files are written: nobody has their references.
        for one in batches()[:2]:
            lost = _WritePieces(folder, 1 << 20)
            lost.start_bundle()
            list(lost.process(one))
            list(lost.finish_bundle())
        written = before.asked["write"]
        before.asked.clear()
        before.sent = before.answered = 0

        grouped(folder, tmp_path)
        asked, sent, answered = Counter(before.asked), before.sent, before.answered
        before.refuses = False
        files = FileSystems.match([f"{folder}/*"])[0].metadata_list

    total = BATCHES * ROWS
    found = {int(path.name): json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert found == {
        partition: list(range(partition, total, PARTITIONS)) for partition in range(PARTITIONS)
    }
    assert len(files) == BATCHES + 2
    assert written >= 2
    # Which files there are is told by references: nothing is listed, so nothing can be stale.
    assert asked["list"] == 0
    assert (asked["refused"] > 0) == refuses
    new = sum(sorted(one.size_in_bytes for one in files)) * BATCHES / (BATCHES + 2)
    print(f"{dict(asked)}, sent {sent:,}, answered {answered:,}, written {new:,.0f}")
    # Each byte is written once, and read once, besides the schemas, refused requests or not.
    pairs = BATCHES * PARTITIONS
    assert new <= sent <= 1.1 * new
    assert new < answered < 1.1 * new + pairs * (PIECEWISE_BYTES + 2000)
    # Of each file a schema and its piece, each after a look at how large the file is.
    assert asked["read"] == 2 * pairs
    assert asked["look"] <= 2 * pairs


@pytest.mark.parametrize("refuses", [False, True])
def test_rows_that_the_runner_carries_are_a_file_for_each_group(
    refuses: bool, emulators: Any, in_emulators: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Requests grow with the groups, not with the files that they come from."""
    folder = f"gs://{emulators.bucket}/runner-shuffle-{refuses}"
    with gate(emulators.storage) as before:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", before.address)
        before.refuses = refuses
        grouped(folder, tmp_path, "--shuffle_by=runner")
        asked = Counter(before.asked)
        before.refuses = False
        files = FileSystems.match([f"{folder}/*"])[0].metadata_list

    found = {int(path.name): json.loads(path.read_text()) for path in tmp_path.iterdir()}
    total = BATCHES * ROWS
    assert found == {
        partition: list(range(partition, total, PARTITIONS)) for partition in range(PARTITIONS)
    }
    assert len(files) == PARTITIONS
    send = _SendRows(1 << 20)
    carried = 0
    for one in batches():
        send.start_bundle()
        rows = [*send.process(one), *(sent.value for sent in send.finish_bundle())]
        carried += sum(len(content) for _, (_, _, content) in rows)
    print(f"{dict(asked)}, carried {carried:,}, sent {before.sent:,}, answered {before.answered:,}")
    assert (asked["refused"] > 0) == refuses
    assert asked["list"] == 0
    pieces = PARTITIONS * -(-total // PARTITIONS // PIECE_ROWS)
    assert asked["read"] <= PARTITIONS + pieces
    assert asked["look"] <= PARTITIONS + pieces


def test_a_run_that_fails_for_what_was_read_leaves_nothing(
    emulators: Any, in_emulators: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = make_tables(tmp_path)
    run = f"gs://{emulators.bucket}/runs/failed"
    words = ["preprocess", DEFINITION, *tables.options, "--output", run, "--shards", "2"]
    assert main([*words, "--max-reject-fraction", "0"]) == 2
    assert "--max-reject-fraction" in capsys.readouterr().err
    assert FileSystems.match([f"{run}/**"])[0].metadata_list == []
