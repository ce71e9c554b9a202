"""Measures the kernels of windows alone: one hour of 300 keys' events, for each operator.

python benchmarks/window_kernels.py [EVENTS]

Every event asks. Seconds are the processor's, the least of three times; the memory is that of the
whole process at the end.
"""

import resource
import sys
import time

import numpy as np

from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate, Operation

KEYS, SPAN_S, HOUR_US = 300, 30 * 86_400, 3_600_000_000
OPERATIONS: dict[str, tuple[Operation, ...]] = {
    "mean": ("mean",),
    "std": ("std",),
    "skew": ("skew",),
    "seven together": ("mean", "std", "skew", "count", "min", "max", "quantile"),
    "decayed_mean": ("decayed_mean",),
}


def make_tables(events: int) -> tuple[Events, Requests]:
    """Returns events in no order, and what they ask."""
    rng = np.random.default_rng(1)
    key, row = rng.integers(0, KEYS, events), np.arange(events)
    times = rng.integers(0, SPAN_S, events) * 1_000_000
    there = np.ones(events, bool)
    values = {"x": Values(rng.normal(100, 20, events), there)}
    return Events(key, times, there, row, values), Requests(key, times, row)


def measure(events: int) -> dict[str, float]:
    """Returns the seconds that operations take, by name."""
    told, asking = make_tables(events)
    found = {}
    for name, operations in OPERATIONS.items():
        wanted = [Aggregate(op, "x", HOUR_US, half_life_us=HOUR_US) for op in operations]
        aggregate(*make_tables(9), wanted)  # compiles
        seconds = []
        for _ in range(3):
            started = time.process_time()
            aggregate(told, asking, wanted)
            seconds.append(time.process_time() - started)
        found[name] = min(seconds)
    return found


def main(events: int) -> None:
    """Prints a line for each."""
    for name, seconds in measure(events).items():
        print(f"{name:16s} {seconds:.2f} s")
    print(f"{'memory':16s} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
