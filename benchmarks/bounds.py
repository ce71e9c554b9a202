"""What bounds preprocessing: each stage alone on one core, beside the whole command on all.

    make bounds

Every stage runs on the same rows, in memory, with nothing beside it. Their sum over the cores is
what the work itself would take; the rest of the command's time is start-up, tracing and saving the
graph, the second reading of the rows, Beam, and waiting.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import pyarrow.csv
import tensorflow as tf
import tensorflow_transform as tft
from contenders import FOREBAY, ROOT, environment
from flights_windows import MAX_RECORD_BYTES, with_windows
from processes import measure, work_folder
from rich.console import Console
from rich.table import Table

from forebay.pipelines.sinks.run_folder import write_file
from forebay.pipelines.sinks.tfrecords.encode import encode_examples
from forebay.pipelines.sinks.tfrecords.write import ENCODED_ROWS
from forebay.pipelines.sources.batches import BatchReader
from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.transform.shards import SavedGraph
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset

GRAPH_ROWS = 1 << 14
# Beside the stages of a run, to compare with.
PARSE_ALONE = "parse: pyarrow.csv alone"
THROUGH_CACHE = "write bytes: through the page cache"
MB = 1e6


@dataclass(frozen=True)
class Stage:
    """What one stage took on one core.

    Attributes:
        name: what it does.
        seconds: how long.
        nbytes: what it read, or wrote where it writes.
    """

    name: str
    seconds: float
    nbytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=work_folder, help="where data and outputs go while it runs")
    args = parser.parse_args()
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="bounds-", dir=args.work) as folder:
        data, run = Path(folder) / "data", Path(folder) / "run"
        prepare = [sys.executable, str(ROOT / "examples/flights/prepare.py"), str(data)]
        subprocess.run(prepare, check=True, stdout=subprocess.DEVNULL)
        whole = measure(FOREBAY.command(data, run), env=environment())
        if whole.ended != "ok":
            raise SystemExit(f"the run failed:\n{whole.output}")
        os.sched_setaffinity(0, {min(cores)})
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        pa.set_cpu_count(1)
        stages, rows = _stages(data, run)
    _print(stages, rows, whole.wall_s, whole.cpu_s, len(cores))


def _stages(data: Path, run: Path) -> tuple[list[Stage], int]:
    """Runs each stage on all rows; returns them and the number of rows."""
    dataset = load_definition(f"{ROOT}/benchmarks/peers/flights.py:benchmark")
    (file,) = [open_csv(file, dataset) for file in find_files([f"{data}/flights*.csv"])]
    reader = BatchReader(dataset, MAX_RECORD_BYTES)
    stages: list[Stage] = []

    def timed(name: str, work: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        started = time.perf_counter()
        found = work()
        stages.append(Stage(name, time.perf_counter() - started, size(found)))
        return found

    chunks = timed(
        "read bytes (page cache)", lambda: list(reader.chunks(file)),
        lambda found: sum(len(chunk.data) for chunk in found),
    )  # fmt: skip
    text = sum(len(chunk.data) for chunk in chunks)
    timed(
        PARSE_ALONE,
        lambda: [
            pyarrow.csv.read_csv(pa.py_buffer(chunk.data), pyarrow.csv.ReadOptions(
                column_names=file.names, use_threads=False))
            for chunk in chunks
        ],
        lambda _: text,
    )  # fmt: skip
    reader.read(file, chunks[0])  # what is compiled or loaded at first use
    batches = timed(
        "parse, validate, derive",
        lambda: [reader.read(file, chunk).rows for chunk in chunks],
        lambda _: text,
    )
    with_windows(dataset, pa.Table.from_batches(batches[:1]))
    rows = timed(
        "windows", lambda: with_windows(dataset, pa.Table.from_batches(batches)),
        lambda found: found.nbytes,
    )  # fmt: skip
    transform = _graph(dataset, run)
    transform(rows.slice(0, GRAPH_ROWS))
    transformed = timed(
        "transform graph", lambda: transform(rows), lambda found: sum(b.nbytes for b in found)
    )
    list(encode_examples(transformed[0], ENCODED_ROWS))

    def encoded() -> Iterator[Any]:
        return (part for batch in transformed for part in encode_examples(batch, ENCODED_ROWS))

    # A run keeps no part, so that all take the same memory.
    timed("encode tf.Examples", lambda: sum(part.nbytes for part in encoded()), int)
    parts = list(encoded())
    path = run.parent / "written"
    timed(
        "write bytes, with checksums",
        lambda: write_file(str(path), (part.data for part in parts)).size,
        lambda size: size,
    )
    timed(THROUGH_CACHE, lambda: _write(parts, path), lambda size: size)
    return stages, len(rows)


def _graph(dataset: Dataset, run: Path) -> Callable[[pa.Table], list[pa.RecordBatch]]:
    """Returns what transforms rows by a run's graph."""
    graph = SavedGraph(str(run / tft.TFTransformOutput.TRANSFORM_FN_DIR), dataset)

    def transform(rows: pa.Table) -> list[pa.RecordBatch]:
        return [graph.transformed(batch) for batch in rows.to_batches(max_chunksize=GRAPH_ROWS)]

    return transform


def _write(parts: list[np.ndarray], path: Path) -> int:
    """Writes parts as files are written, and waits for the disk; returns the bytes."""
    with path.open("wb") as file:
        for part in parts:
            file.write(part.data)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size


def _print(stages: list[Stage], rows: int, wall_s: float, cpu_s: float, cores: int) -> None:
    table = Table(title=f"{rows:,} rows, each stage alone on one core", title_justify="left")
    for heading in ("stage", "seconds", "µs per row", "rows/s", "MB/s"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage in stages:
        table.add_row(
            stage.name, f"{stage.seconds:.2f}", f"{stage.seconds / rows * 1e6:.2f}",
            f"{rows / stage.seconds:,.0f}", f"{stage.nbytes / stage.seconds / MB:,.0f}",
        )  # fmt: skip
    console = Console(width=100)
    console.print(table)
    work = sum(stage.seconds for stage in stages if stage.name not in (PARSE_ALONE, THROUGH_CACHE))
    console.print(
        f"the stages together: {work:.1f} s on one core, {work / cores:.1f} s on {cores}; the "
        f"whole command: {wall_s:.1f} s, {cpu_s:.1f} s of processor time"
    )


if __name__ == "__main__":
    main()
