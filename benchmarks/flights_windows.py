"""Measures the windows of the benchmark's flights alone, on one core.

    python benchmarks/flights_windows.py DATA

DATA is the folder of flights that ``examples/flights/prepare.py DATA`` makes. Printed are windowed
values by second of the processor, the most of several times.
"""

import os
import sys
import time

import numpy as np
import pyarrow as pa
from contenders import ROOT

from forebay.pipelines.sources.batches import BatchReader
from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import find_files
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

MAX_RECORD_BYTES = 1 << 20
TIMES = 7


def with_windows(dataset: Dataset, rows: pa.Table) -> pa.Table:
    """Adds the windowed columns, as one partition of keys."""
    batch = rows.combine_chunks().to_batches()[0]
    for group in window_groups(dataset):
        events = pa.Table.from_batches([group.events(batch)])
        requests = pa.Table.from_batches([group.requests(batch)])
        values = compute(group, events, requests)
        order = np.argsort(values[ROW].to_numpy())
        found = values[ROW].to_numpy()[order]
        place = np.minimum(np.searchsorted(found, batch[ROW].to_numpy()), len(found) - 1)
        missing = found[place] != batch[ROW].to_numpy()
        index = pa.array(order[place], mask=missing)
        for kind in group.schema:
            rows = rows.append_column(kind.name, values[kind.name].cast(kind.type).take(index))
    return rows


def main(data: str) -> None:
    """Prints what was measured."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    dataset = load_definition(f"{ROOT}/benchmarks/peers/flights.py:benchmark")
    (file,) = [open_csv(file, dataset) for file in find_files([f"{data}/flights*.csv"])]
    reader = BatchReader(dataset, MAX_RECORD_BYTES)
    rows = pa.Table.from_batches([reader.read(file, chunk).rows for chunk in reader.chunks(file)])
    with_windows(dataset, rows.slice(0, 1_000))  # compiles
    seconds = []
    for _ in range(TIMES):
        started = time.process_time()
        with_windows(dataset, rows)
        seconds.append(time.process_time() - started)
    values = len(rows) * len(dataset.windowed_columns)
    print(
        f"{values:,} windowed values of {len(rows):,} rows in {min(seconds):.2f} s of one core: "
        f"{values / min(seconds) / 1e6:.2f} million/s"
    )


if __name__ == "__main__":
    main(sys.argv[1])
