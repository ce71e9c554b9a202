"""Reading a table of BigQuery, beside Beam's ReadFromBigQuery: processor time, and equal rows.

    make bench-bigquery

Both read the same table of a stand-in for BigQuery, in a Beam pipeline of their own in a process of
their own. Forebay's rows are Arrow batches, checked and typed as a definition says; Beam's are
dicts. What is measured is the processor time of the reading process from when its pipeline starts:
imports are left out, and so is the stand-in, which is a process by itself; the rows are counted.
In a run of its own, not timed, the rows of all are compared by a hash of each.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = REPOSITORY / ".venv-gcp" / "bin" / "python"
WAYS = {
    "forebay": "Forebay, Arrow batches, typed and checked",
    "arrow": "ReadFromBigQuery, DIRECT_READ, Arrow",
    "avro": "ReadFromBigQuery, DIRECT_READ, Avro (its default)",
}
TABLE = "bench.events"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--bigquery", help=argparse.SUPPRESS)
    parser.add_argument("--checked", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args.way, json.loads(args.bigquery), args.checked)))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [str(PYTHON), str(REPOSITORY / "tests/gcp/emulators.py"), folder]
        log = open(Path(folder) / "log", "w")  # noqa: SIM115
        stand_in = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            compare(json.loads(when_ready(stand_in, Path(folder))), args.rows, args.times)
        finally:
            stand_in.kill()
            stand_in.wait()


def when_ready(process: subprocess.Popen[bytes], folder: Path) -> str:
    while not (folder / "ready.json").exists():
        if process.poll() is not None:
            sys.exit("the stand-in for BigQuery did not start; run `make test-gcp`")
        time.sleep(0.1)
    return (folder / "ready.json").read_text()


def compare(at: dict[str, str], rows: int, times: int) -> None:
    fill(at, rows)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    elapsed: dict[str, list[float]] = {way: [] for way in WAYS}
    checked = {way: run_way(way, at, "--checked") for way in WAYS}
    read = {way: (found["rows"], found["hash"]) for way, found in checked.items()}
    for _ in range(times):
        for way in WAYS:
            found = run_way(way, at)
            seconds[way].append(found["cpu_s"])
            elapsed[way].append(found["wall_s"])
    if len(set(read.values())) != 1:
        sys.exit(f"the rows differ: {read}")
    print(f"{rows:,} rows x 4 columns, median of {times}; the rows of all ways are equal\n")
    print("| | processor, s | elapsed, s | times Forebay's processor time |")
    print("|---|---|---|---|")
    least = median(seconds["forebay"])
    for way, name in WAYS.items():
        cpu = median(seconds[way])
        print(f"| {name} | {cpu:.2f} | {median(elapsed[way]):.2f} | {cpu / least:.1f} |")


def run_way(way: str, at: dict[str, str], *more: str) -> dict[str, Any]:
    """Reads the table in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--bigquery", json.dumps(at), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{way} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def fill(at: dict[str, str], rows: int) -> None:
    """Makes the table."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet
    from google.cloud import bigquery

    client = clients(at).bigquery()
    client.create_dataset("bench")
    kinds = {"id": "INT64", "key": "STRING", "at": "TIMESTAMP", "value": "FLOAT64"}
    schema = [bigquery.SchemaField(name, kind) for name, kind in kinds.items()]
    client.create_table(bigquery.Table(f"{at['project']}.{TABLE}", schema=schema))
    number = np.arange(rows)
    micros = 1_600_000_000_000_000 + number * 1_000_000
    table = pa.table(
        {
            "id": number,
            "key": [f"k{i % 1000}" for i in range(rows)],
            "at": pa.array(micros, pa.timestamp("us", "UTC")),
            "value": np.random.default_rng(0).random(rows),
        }
    )
    data = io.BytesIO()
    pyarrow.parquet.write_table(table, data)
    data.seek(0)
    config = bigquery.LoadJobConfig(source_format="PARQUET", autodetect=True)
    client.load_table_from_file(data, f"{at['project']}.{TABLE}", job_config=config).result()


def clients(at: dict[str, str]) -> Any:
    from forebay.pipelines.sources.bigquery.clients import Clients

    return Clients(at["bigquery"], at["bigquery_storage"], at["project"])


def measure(way: str, at: dict[str, str], checked: bool) -> dict[str, Any]:
    """Reads the table in this process, and says what it took and how many rows there were.

    Args:
        way: how it is read.
        at: where the stand-in answers.
        checked: whether the rows are looked at, too, which takes longer.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    read = forebay_read(at) if way == "forebay" else beam_read(way, at)
    if way == "forebay":
        count = beam.Map(hash_of_batch if checked else count_of_batch)
    else:
        count = beam.Map(hash_of_row if checked else count_of_row)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "rows")
        began, wall = time.process_time(), time.monotonic()
        with beam.Pipeline("FnApiRunner", PipelineOptions([])) as pipeline:
            found = pipeline | "Read" >> read | "Count" >> count | beam.CombineGlobally(add)
            _ = found | beam.Map(lambda totals: Path(out).write_text(json.dumps(totals)))
        cpu_s, wall_s = time.process_time() - began, time.monotonic() - wall
        rows, total = json.loads(Path(out).read_text())
    return {"cpu_s": cpu_s, "wall_s": wall_s, "rows": rows, "hash": total}


def add(found: Any) -> tuple[int, int]:
    rows = total = 0
    for count, value in found:
        rows, total = rows + count, (total + value) % (1 << 53)
    return rows, total


def count_of_batch(batch: Any) -> tuple[int, int]:
    return len(batch), 0


def count_of_row(row: Any) -> tuple[int, int]:
    return 1, 0


def hash_of_batch(batch: Any) -> tuple[int, int]:
    return add(hash_of_row(row) for row in batch.to_pylist())


def hash_of_row(row: Any) -> tuple[int, int]:
    at = round(row["at"].timestamp() * 1_000_000)
    return 1, zlib.crc32(repr((row["id"], row["key"], at, row["value"])).encode())


def forebay_read(at: dict[str, str]) -> Any:
    import apache_beam as beam

    from forebay import Integer, Number, Source, String, Timestamp
    from forebay.pipelines.sources.bigquery.address import BigQuery
    from forebay.pipelines.sources.bigquery.input import open_bigquery
    from forebay.pipelines.sources.read import ReadTable

    table = Source(columns={"id": Integer(), "key": String(), "at": Timestamp(), "value": Number()})
    given = BigQuery(f"bigquery://{at['project']}.{TABLE}", (), clients(at))

    class Read(beam.PTransform):
        def expand(self, pipeline: Any) -> Any:
            opened = open_bigquery(given, table, 0)
            return (pipeline | ReadTable(table, [opened], 1 << 20))["rows"]

    return Read()


def beam_read(way: str, at: dict[str, str]) -> Any:
    """Returns Beam's own transform, whose clients are made to reach the stand-in."""
    import grpc
    from apache_beam.io.gcp import bigquery_tools
    from apache_beam.io.gcp.bigquery import ReadFromBigQuery
    from apache_beam.io.gcp.internal.clients import bigquery as apitools
    from google.cloud import bigquery_storage_v1 as storage
    from google.cloud.bigquery_storage_v1.services.big_query_read import transports

    def client(_: Any) -> Any:
        url = f"{at['bigquery']}/bigquery/v2/"
        return apitools.BigqueryV2(
            url=url, http=bigquery_tools.get_new_http(), get_credentials=False
        )

    real = storage.BigQueryReadClient

    def read_client() -> Any:
        channel = grpc.insecure_channel(
            at["bigquery_storage"], options=[("grpc.max_receive_message_length", -1)]
        )
        return real(transport=transports.BigQueryReadGrpcTransport(channel=channel))

    bigquery_tools.BigQueryWrapper._bigquery_client = staticmethod(client)
    storage.BigQueryReadClient = read_client
    return ReadFromBigQuery(
        table=f"{at['project']}:{TABLE}", method=ReadFromBigQuery.Method.DIRECT_READ,
        use_native_datetime=way == "arrow", project=at["project"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
