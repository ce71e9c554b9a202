"""Reads one table from every kind of input: rows a second, and the peak memory of the reader.

Each is read by a process of its own, on all cores, into typed rows, with no pipeline behind it; the
figure at rest is what Python, Arrow and Numba take before a row is read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pa_parquet

from forebay.console.tables import empty_table
from forebay.console.terminal import results
from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.kinds import open_input
from forebay.transforms.definition.columns import Boolean, Integer, Number, String, Timestamp
from forebay.transforms.definition.sources import Source

MIB = 1 << 20
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
    "CSV": _csv, "JSON lines": _json_lines, "Parquet": _parquet, "Arrow": _arrow,
    "TFRecord": _tfrecord,
}  # fmt: skip


def read(path: str) -> None:
    """Reads a file, and prints its rows, the seconds it took and the peak memory."""
    rest = _peak_mib()
    started = time.perf_counter()
    (file,) = find_files([path])
    rows = sum(len(one.rows) for one in read_batches([open_input(file, TABLE)], TABLE, MIB))
    print(json.dumps([rows, time.perf_counter() - started, rest, _peak_mib()]))


def _peak_mib() -> float:
    # getrusage would count what the process that started this one had.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(folder: Path, rows: int) -> Iterator[tuple[str, float, float, float, float]]:
    """Yields kind, MB of the file, seconds, and MiB of memory at rest and at most."""
    table = make_table(rows)
    for kind, write in WRITERS.items():
        path = folder / f"table.{kind.replace(' ', '_')}"
        write(table, path)
        printed = subprocess.run(
            [sys.executable, __file__, "--read", str(path)], check=True, capture_output=True
        ).stdout.splitlines()[-1]
        found, seconds, rest, peak = json.loads(printed)
        if found != rows:
            raise SystemExit(f"{kind}: {found:,} rows instead of {rows:,}")
        yield kind, path.stat().st_size / 1e6, seconds, rest, peak
        path.unlink()


def main() -> None:
    """Prints the table of docs/reference/inputs.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read)
        return
    shown = empty_table(
        ("text", "kind"), ("number", "file, MB"), ("number", "seconds"), ("number", "rows/s"),
        ("number", "MiB at rest"), ("number", "MiB at most"),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for kind, size, seconds, rest, peak in measured(Path(folder), args.rows):
            shown.add_row(
                kind, f"{size:.0f}", f"{seconds:.2f}", f"{args.rows / seconds:,.0f}",
                f"{rest:.0f}", f"{peak:.0f}",
            )  # fmt: skip
    results().print(shown)


if __name__ == "__main__":
    main()
