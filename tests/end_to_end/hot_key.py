"""Windows over a table whose events are mostly one key's: memory and processor time, as JSON.

python hot_key.py FOLDER ROWS MEMORY_BYTES
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.options.pipeline_options import PipelineOptions
from numba.core.event import install_recorder

from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.transforms.definition.columns import Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import count, last, mean, std
from forebay.transforms.definition.windows.windowed import Windowed

BATCH_ROWS = 1 << 16
SECOND_US = 1_000_000
WARM_UP_ROWS, WARM_UP_BYTES = 60_000, 1 << 20
OVER = ("1m", "7d", "90d", "unbounded")

DATASET = Dataset(
    name="hot",
    columns={"asked": Timestamp(), "shop": String(), "price": Number(), "known": Timestamp()},
    row_time="asked",
    windows=[
        Windowed("price", key="shop", over=OVER, ops=[count(), mean(), std(), last()]),
        Windowed("price", key="shop", over=OVER, ops=mean(), available_at="known", lag="1s"),
    ],
    features=[Numeric("price_mean_7d_by_shop")],
    label=Regression("price"),
    split=HashSplit("shop"),
)


def make_batch(number: int, rows: int) -> Iterator[pa.RecordBatch]:
    """One batch of a year of events in no order; half of them are of one shop."""
    rng = np.random.default_rng(number)
    n = min(BATCH_ROWS, rows - number * BATCH_ROWS)
    asked = rng.integers(0, 365 * 86_400, n) * SECOND_US
    shop = np.where(rng.random(n) < 0.5, 0, rng.integers(1, 50_000, n))
    names = np.char.add("shop ", np.arange(50_000).astype(str))
    yield pa.RecordBatch.from_pydict(
        {
            "asked": pa.array(asked).cast(Timestamp.arrow_type),
            "shop": pa.array(names).take(pa.array(shop)),
            "price": rng.normal(100, 20, n),
            "known": pa.array(asked + rng.integers(0, 7_200, n) * SECOND_US).cast(
                Timestamp.arrow_type
            ),
            ROW: np.arange(n) + number * BATCH_ROWS,
        }
    )


def summarise(element: tuple[int, pa.RecordBatch]) -> str:
    """Rows and sums of a shard, to see that all was done."""
    _, batch = element
    names = [name for name in batch.schema.names if name.startswith("price_")]
    return json.dumps({"rows": len(batch)} | {n: pc.sum(batch[n]).as_py() for n in names})


def resident_bytes(field: str) -> int:
    """Resident memory of this process: ``VmRSS``, or ``VmHWM``, the most that it was."""
    status = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in status)
    return int(fields[field].split()[0]) << 10


def run(folder: Path, rows: int, memory_bytes: int) -> list[dict[str, float]]:
    """Computes the windows; returns what `summarise` says of each shard."""
    temporary, out = folder / "temporary", folder / "out"
    temporary.mkdir(parents=True)
    batches = -(-rows // BATCH_ROWS)

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(range(batches), reshuffle=False)
            | beam.FlatMap(make_batch, rows).with_output_types(pa.RecordBatch)
            | AddWindows(
                DATASET, str(temporary), shards=-(-rows // 100_000), key_partitions=8,
                memory_bytes=memory_bytes,
            )
            | beam.Map(summarise)
            | beam.io.WriteToText(str(out / "shard"))
        )  # fmt: skip

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    return [json.loads(line) for path in out.iterdir() for line in path.read_text().splitlines()]


def main(folder: str, rows: int, memory_bytes: int) -> None:
    """Warms up, runs, and prints what came out, and what it took beyond the warm-up."""
    # Loads everything and compiles the kernels, those that put slices together among them: a
    # compiler takes more memory than the windows.
    run(Path(folder) / "small", WARM_UP_ROWS, WARM_UP_BYTES)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    before, started = resident_bytes("VmRSS"), time.process_time()
    with install_recorder("numba:compile") as compiled:
        shards = run(Path(folder) / "large", rows, memory_bytes)
    taken = resident_bytes("VmHWM") - before
    totals = {name: sum(shard[name] for shard in shards) for name in shards[0]}
    seconds = time.process_time() - started
    found = {"taken_bytes": taken, "compiled": len(compiled.buffer), "seconds": seconds}
    print(json.dumps({**found, **totals}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
