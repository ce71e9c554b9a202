"""How fast rows come to the trainer, beside tf.data's ways to parse CSV, and how long it waits.

    make input-rate

The training examples of a run are written as CSV once, the same columns with the same values.
Every way then delivers shuffled batches of the same matrices to a compiled loop that does nothing
with them. After that a model is trained with its rows in memory and from their files, and what the
training itself says about its waiting is printed. Makes the run folder where it is missing.
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import pyarrow.csv
import tensorflow as tf
from flights_runs import flights_run
from rich.console import Console
from rich.table import Table

from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.trainer.examples.batches import training_batches
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.options import DataOptions, TrainOptions
from forebay.trainer.options.choose import steps_per_pass
from forebay.trainer.training.train import train

SEED = 0
WARM_UP_BATCHES = 50
LOOK_BATCHES = 20
CACHED = "Forebay, TFRecords, from the second pass on"
# What the options of reading are worth, each changed alone.
OTHERWISE = {
    "--interleave 1": DataOptions(interleave=1),
    "--shuffle-buffer 1024": DataOptions(shuffle_buffer=1024),
    "--prefetch 0": DataOptions(prefetch=0),
    "--no-deterministic": DataOptions(deterministic=False),
}
NUMBERS, IDS, LABEL = "number", "id", "label"


@dataclass(frozen=True)
class Rate:
    """How fast a way delivers: seconds until its first batch, and rows per second after that."""

    first_s: float
    rows_per_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", help="a run folder (default: the departures of the flights)")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each way is measured")
    parser.add_argument("--steps", type=int, default=2_000, help="of training; 0: none")
    args = parser.parse_args()
    run = open_run(args.run) if args.run else flights_run("departure")
    reader = SplitReader(run, "train", inputs_of(run))
    examples = reader.read()
    with tempfile.TemporaryDirectory(prefix="input-rate-") as folder:
        columns, files = _write_csv(examples, Path(folder), len(reader.share.parts))
        ways = _ways(reader, examples, columns, files, args.batch_size)
        for name, way in ways.items():
            _check(name, way(), examples)
        warm_up = {CACHED: steps_per_pass(reader.rows, args.batch_size)}
        rates = {
            name: _measure(way(), args.batch_size, args.seconds, warm_up.get(name, 0))
            for name, way in ways.items()
        }
    console = Console()
    console.print(_table(rates, reader, len(columns)))
    if args.steps:
        console.print(_train_table(run, args.steps, args.batch_size))


def _write_csv(examples: Examples, folder: Path, parts: int) -> tuple[list[str], list[str]]:
    """Writes numbers, ids and label as CSV files with a header; returns columns and files."""
    matrices = {NUMBERS: examples.numbers, IDS: examples.ids, LABEL: examples.label[:, None]}
    table = pa.table(
        {
            f"{kind}_{i}": pa.array(matrix[:, i])
            for kind, matrix in matrices.items()
            for i in range(matrix.shape[1])
        }
    )
    files = []
    for number, rows in enumerate(np.array_split(np.arange(len(examples)), parts)):
        files.append(str(folder / f"part-{number:05d}.csv"))
        pyarrow.csv.write_csv(table.slice(rows[0], len(rows)), files[-1])
    return table.column_names, files


def _ways(
    reader: SplitReader, examples: Examples, columns: list[str], files: list[str], batch_size: int
) -> Mapping[str, Callable[[], tf.data.Dataset]]:
    defaults = [tf.int32 if name.startswith(IDS) else tf.float32 for name in columns]
    zeros = [tf.zeros([1], dtype) for dtype in defaults]

    def matrices(cells: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        by_kind = {
            kind: [cell for name, cell in zip(columns, cells, strict=True) if name.startswith(kind)]
            for kind in (NUMBERS, IDS, LABEL)
        }
        (label,) = by_kind[LABEL]
        return tf.stack(by_kind[NUMBERS], 1), tf.stack(by_kind[IDS], 1), label

    def batched(rows: tf.data.Dataset, parse: Callable[..., Any]) -> tf.data.Dataset:
        batches = rows.repeat().shuffle(DataOptions.shuffle_buffer, SEED).batch(batch_size)
        return batches.map(parse, num_parallel_calls=2).prefetch(16)

    def decode_csv() -> tf.data.Dataset:
        lines = tf.data.Dataset.from_tensor_slices(files).interleave(
            lambda path: tf.data.TextLineDataset(path).skip(1), num_parallel_calls=2
        )
        return batched(lines, lambda text: matrices(tf.io.decode_csv(text, zeros)))

    def csv_dataset() -> tf.data.Dataset:
        rows = tf.data.experimental.CsvDataset(files, defaults, header=True)
        return batched(rows, lambda *cells: matrices(cells))

    def make_csv_dataset() -> tf.data.Dataset:
        batches = tf.data.experimental.make_csv_dataset(
            files, batch_size, columns, defaults, shuffle_buffer_size=DataOptions.shuffle_buffer,
            shuffle_seed=SEED, num_parallel_reads=2, prefetch_buffer_size=16,
        )  # fmt: skip
        return batches.map(lambda cells: matrices([cells[name] for name in columns]))

    def ours(
        kept: Examples | None, cache: str | None = None, data: DataOptions | None = None
    ) -> tf.data.Dataset:
        data = data or DataOptions()
        batches = training_batches(reader, kept, batch_size, SEED, data=data, cache=cache).whole(0)
        return batches.map(lambda inputs, label, weight: (inputs[0], inputs[1], label))

    caches = (os.path.join(os.path.dirname(files[0]), f"rows-{i}") for i in itertools.count())
    return {
        "Forebay, rows in memory": lambda: ours(examples),
        CACHED: lambda: ours(None, next(caches)),
        "Forebay, TFRecords, as in a first pass": lambda: ours(None),
        **{f"the same, {name}": partial(ours, None, data=data) for name, data in OTHERWISE.items()},
        "CSV lines, decode_csv of batches": decode_csv,
        "CsvDataset": csv_dataset,
        "make_csv_dataset": make_csv_dataset,
    }


def _check(name: str, batches: tf.data.Dataset, examples: Examples) -> None:
    """Stops where a way delivers something that is not a row of the examples."""
    known = {row.tobytes() for row in _rows(examples.numbers, examples.ids, examples.label)}
    for batch in batches.take(2).as_numpy_iterator():
        if not all(row.tobytes() in known for row in _rows(*batch)):
            raise SystemExit(f"{name} delivers rows that are none of the examples'")


def _rows(numbers: np.ndarray, ids: np.ndarray, label: np.ndarray) -> np.ndarray:
    parts = [numbers, ids.astype(np.float32), label[:, None]]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _measure(batches: tf.data.Dataset, batch_size: int, seconds: float, warm_up: int) -> Rate:
    @tf.function
    def take(iterator: Iterator[Any], count: tf.Tensor) -> tf.Tensor:
        total = tf.constant(0.0)
        for _ in tf.range(count):
            _, _, label = next(iterator)
            total += label[0]
        return total

    started = time.perf_counter()
    iterator = iter(batches)
    next(iterator)
    first_s = time.perf_counter() - started
    take(iterator, tf.constant(WARM_UP_BATCHES + warm_up))
    taken, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        take(iterator, tf.constant(LOOK_BATCHES)).numpy()
        taken += LOOK_BATCHES
    return Rate(first_s, taken * batch_size / (time.perf_counter() - started))


def _table(rates: Mapping[str, Rate], reader: SplitReader, columns: int) -> Table:
    table = Table(title=f"{reader.share}, {columns} columns, nothing trained", title_justify="left")
    for heading in ("", "rows/s", "to the fastest CSV", "first batch after"):
        table.add_column(heading, justify="left" if not heading else "right")
    best = max(rate.rows_per_s for name, rate in rates.items() if "CSV" in name.upper())
    for name, rate in rates.items():
        ratio = f"{rate.rows_per_s / best:.1f} ×"
        table.add_row(name, f"{rate.rows_per_s:,.0f}", ratio, f"{rate.first_s:.2f} s")
    return table


def _train_table(run: RunFolder, steps: int, batch_size: int) -> Table:
    table = Table(title=f"{steps:,} training steps, default model", title_justify="left")
    for heading in ("", "rows/s", "of the steps' time waited for rows"):
        table.add_column(heading, justify="left" if not heading else "right")
    ways = {
        "rows in memory": DataOptions(),
        "from files": DataOptions(memory_mb=0),
        "from files, --no-cache": DataOptions(memory_mb=0, cache=False),
    }
    for name, data in ways.items():
        options = TrainOptions(max_steps=steps, eval_every=steps, batch_size=batch_size, data=data)
        record = train(run, options, fresh=True, folder="input-rate").record
        spent = record["seconds"]
        rate = steps * batch_size / spent["steps"]
        share = spent["waiting for rows"] / spent["steps"]
        table.add_row(name, f"{rate:,.0f}", f"{share:.2%}")
    return table


if __name__ == "__main__":
    main()
