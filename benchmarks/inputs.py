"""Reads one table from every kind of input: rows a second, and the peak memory of the reader.

Each is read by a process of its own, on all cores, into typed rows, with no pipeline behind it; the
figure at rest is what Python, Arrow and Numba take before a row is read.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pa_parquet

from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.bigquery.clients import (
    PROJECT_VARIABLE,
    REST_VARIABLE,
    STORAGE_VARIABLE,
    Clients,
)
from forebay.pipelines.sources.named_inputs import INPUT
from forebay.pipelines.sources.tables import open_inputs
from forebay.transforms.definition.columns import Boolean, Integer, Number, String, Timestamp
from forebay.transforms.definition.sources import Source

REPOSITORY = Path(__file__).resolve().parents[1]
MIB = 1 << 20
TABLE_NAME = "test.bench.readings"
TABLE = Source(
    columns={
        "at": Timestamp(required=True),
        "site": String(),
        "tail": String(),
        "level": Number(),
        "speed": Number(),
        "pulses": Integer(),
        "ok": Boolean(),
    }
)


def make_table(rows: int) -> pa.Table:
    """Returns made-up gauge readings."""
    draw = np.random.default_rng(0)
    start = 1_700_000_000_000_000
    return pa.table(
        {
            "at": pa.array(start + np.arange(rows) * 1_000_003, pa.timestamp("us", "UTC")),
            "site": pa.array(np.char.add("S", draw.integers(0, 300, rows).astype(str))),
            "tail": pa.array(np.char.add("N", draw.integers(0, 40_000, rows).astype(str))),
            "level": pa.array(draw.normal(0, 10, rows).round(3)),
            "speed": pa.array(draw.normal(50, 20, rows).round(1), mask=draw.random(rows) < 0.1),
            "pulses": pa.array(draw.integers(0, 10_000, rows)),
            "ok": pa.array(draw.random(rows) < 0.5),
        }
    )


def _csv(table: pa.Table, path: Path) -> None:
    pa_csv.write_csv(table, path)


def _csv_gzip(table: pa.Table, path: Path) -> None:
    plain = path.with_suffix(".plain")
    _csv(table, plain)
    with plain.open("rb") as source, gzip.open(path, "wb", 6) as sink:
        shutil.copyfileobj(source, sink, MIB)
    plain.unlink()


def _json_lines(table: pa.Table, path: Path) -> None:
    with path.open("w") as sink:
        for batch in table.to_batches(1 << 16):
            for row in batch.to_pylist():
                sink.write(json.dumps(row, default=str) + "\n")


def _parquet(table: pa.Table, path: Path) -> None:
    pa_parquet.write_table(table, path)


def _arrow(table: pa.Table, path: Path) -> None:
    with pa_ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, 1 << 17)


def _tfrecord(table: pa.Table, path: Path) -> None:
    import tensorflow as tf

    from forebay.pipelines.sinks.tfrecords.encode import encode_examples

    del tf
    columns = {
        "at": table["at"].cast(pa.int64()),
        "site": table["site"].cast(pa.large_binary()),
        "tail": table["tail"].cast(pa.large_binary()),
        "level": table["level"].cast(pa.float32()),
        "speed": table["speed"].cast(pa.float32()),
        "pulses": table["pulses"],
        "ok": table["ok"].cast(pa.int64()),
    }
    with path.open("wb") as sink:
        for batch in pa.table(columns).combine_chunks().to_batches(1 << 14):
            lists = {n: _lists(c) for n, c in zip(batch.schema.names, batch.columns, strict=True)}
            for piece in encode_examples(pa.RecordBatch.from_pydict(lists), 4096):
                sink.write(piece.data)


def _lists(column: pa.Array) -> pa.Array:
    """Returns values as lists of one, or of none where they are missing."""
    there = column.is_valid().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(there)]).astype(np.int64)
    return pa.LargeListArray.from_arrays(pa.array(offsets), column.drop_null())


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "CSV": _csv, "CSV, gzip": _csv_gzip, "JSON lines": _json_lines, "Parquet": _parquet,
    "Arrow": _arrow, "TFRecord": _tfrecord,
}  # fmt: skip


# Written as a file of another kind and given so; what is in memory is made before the time starts.
HANDED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "standard input, CSV": ("CSV", lambda path: "-"),
    "pandas": ("Parquet", lambda path: pa_parquet.read_table(path).to_pandas()),
    "Polars": ("Parquet", lambda path: polars.from_arrow(pa_parquet.read_table(path))),
    "Arrow table": ("Parquet", pa_parquet.read_table),
}
BIGQUERY = {
    "BigQuery, a table": f"bigquery://{TABLE_NAME}",
    "BigQuery, a query": "bigquery-query:{folder}/query.sql",
}


def read(kind: str, path: str) -> None:
    """Reads an input, and prints its rows, the seconds it took and the peak memory."""
    given = HANDED[kind][1](path) if kind in HANDED else path
    rest = _peak_mib()
    started, worked = time.perf_counter(), time.process_time()
    inputs = open_inputs([given], TABLE, first_number=0, option=INPUT)
    rows = sum(len(one.rows) for one in read_batches(inputs, TABLE, MIB))
    took = time.perf_counter() - started, time.process_time() - worked
    print(json.dumps([rows, *took, rest, _peak_mib()]))


def _peak_mib() -> float:
    # getrusage would count what the process that started this one had.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Measured(NamedTuple):
    """What reading one kind took: seconds, those of processors, and MiB of memory.

    The memory is that at rest, before a row is read, and at most.
    """

    kind: str
    megabytes: float
    seconds: float
    worked: float
    rest: float
    peak: float


def measured(folder: Path, rows: int) -> Iterator[Measured]:
    """Reads a table from every kind of input, one after another."""
    table = make_table(rows)
    for written, write in WRITERS.items():
        path = folder / f"table.{written.replace(' ', '_')}"
        write(table, path)
        handed = [kind for kind, (of, _) in HANDED.items() if of == written]
        for kind in [written, *handed]:
            yield _measured(kind, str(path), rows, path.stat().st_size / 1e6)
        path.unlink()
    with stand_in(folder) as at:
        if at is not None:
            _load(table, folder, at)
            for kind, name in BIGQUERY.items():
                given = name.format(folder=folder)
                yield _measured(kind, given, rows, table.nbytes / 1e6, at)


def _measured(
    kind: str, given: str, rows: int, megabytes: float, environment: Mapping[str, str] | None = None
) -> Measured:
    """Reads an input in a process of its own."""
    with open(given if "standard input" in kind else os.devnull, "rb") as stdin:
        printed = subprocess.run(
            [sys.executable, __file__, "--read", kind, given], check=True, stdin=stdin,
            stdout=subprocess.PIPE, env={**os.environ, **(environment or {})},
        ).stdout.splitlines()[-1]  # fmt: skip
    found, *took = json.loads(printed)
    if found != rows:
        raise SystemExit(f"{kind}: {found:,} rows instead of {rows:,}")
    return Measured(kind, megabytes, *took)


@contextmanager
def stand_in(folder: Path) -> Iterator[dict[str, str] | None]:
    """Starts the stand-in for BigQuery and gives its environment; None: it is not installed."""
    python = REPOSITORY / ".venv-gcp" / "bin" / "python"
    if not python.exists():
        print("BigQuery is left out: `make test-gcp` installs its stand-in", file=sys.stderr)
        yield None
        return
    command = [str(python), str(REPOSITORY / "tests/gcp/emulators.py"), str(folder)]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        while not (folder / "ready.json").exists():
            if process.poll() is not None:
                raise SystemExit(f"the stand-in did not start: {(folder / 'log').read_text()}")
            time.sleep(0.1)
        at = json.loads((folder / "ready.json").read_text())
        yield {
            REST_VARIABLE: at["bigquery"], STORAGE_VARIABLE: at["bigquery_storage"],
            PROJECT_VARIABLE: at["project"],
        }  # fmt: skip
    finally:
        process.kill()
        process.wait()


def _load(table: pa.Table, folder: Path, at: Mapping[str, str]) -> None:
    """Makes a table of BigQuery, and a query of it."""
    from google.cloud import bigquery

    kinds = {
        "at": "TIMESTAMP", "site": "STRING", "tail": "STRING", "level": "FLOAT64",
        "speed": "FLOAT64", "pulses": "INT64", "ok": "BOOL",
    }  # fmt: skip
    schema = [bigquery.SchemaField(name, kind) for name, kind in kinds.items()]
    clients = Clients(at[REST_VARIABLE], at[STORAGE_VARIABLE], at[PROJECT_VARIABLE])
    client = clients.bigquery()
    client.create_dataset(TABLE_NAME.rpartition(".")[0])
    client.create_table(bigquery.Table(TABLE_NAME, schema=schema))
    data = io.BytesIO()
    pa_parquet.write_table(table, data)
    data.seek(0)
    config = bigquery.LoadJobConfig(source_format="PARQUET", autodetect=True)
    client.load_table_from_file(data, TABLE_NAME, job_config=config).result()
    (folder / "query.sql").write_text(f"SELECT * FROM `{TABLE_NAME}`")


def main() -> None:
    """Prints the table of docs/measurements/speed.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(*args.read)
        return
    print("| input | MB | elapsed, s | processor, s | MiB at rest | MiB at most |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for one in measured(Path(folder), args.rows):
            print(
                f"| {one.kind} | {one.megabytes:.0f} | {one.seconds:.2f} | "
                f"{one.worked:.2f} | {one.rest:.0f} | {one.peak:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
