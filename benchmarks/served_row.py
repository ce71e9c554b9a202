"""Measures one row's way through the served graph of an exported model.

    python benchmarks/served_row.py RUN/model [CALLS]

Side by side in one run, in turns: a function that adds one number, the graph with the signature as
it is held by `forebay predict`, of tensors and of arrays, the same signature called by the names of
its inputs, as `tf.saved_model.load` gives it, and the transformation alone, both ways. The row is
one of those that exporting tries a model with.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from forebay.storage.run.exported import of_newest
from forebay.storage.run.loaded_model import HeldSignature
from forebay.trainer.export.probes import probe_rows

CALLS, TURNS, WARM_UP = 2_000, 20, 50


@tf.function
def trivial(x: tf.Tensor) -> tf.Tensor:
    """What calling any function costs."""
    return x + 1.0


def main(path: str, calls: int) -> None:
    """Prints the median and the 95th percentile of each, in microseconds."""
    exported, loaded = of_newest(path, lambda found: (found, tf.saved_model.load(found.path)))
    rows = probe_rows(exported.definition)
    arrays = {name: values[1:2] for name, values in rows.items()}
    tensors = {name: tf.constant(values) for name, values in arrays.items()}
    served, transform = (
        loaded.signatures[name] for name in ("serving_default", "transform_features")
    )
    held, held_transform, one = HeldSignature(served), HeldSignature(transform), tf.constant([1.0])
    ways: dict[str, Callable[[], object]] = {
        "trivial tf.function": lambda: trivial(one),
        "served graph, held": lambda: held(tensors),
        "the same, of arrays": lambda: held(arrays),
        "the same, by name": lambda: served(**tensors),
        "transform alone, held": lambda: held_transform(tensors),
        "the same, by name ": lambda: transform(**tensors),
    }
    _print(measured(ways, calls), f"{len(tensors)} inputs, one row, {calls:,} calls")


def measured(ways: dict[str, Callable[[], object]], calls: int) -> dict[str, list[float]]:
    """Calls each in turns; returns its microseconds, ascending."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        for _ in range(WARM_UP):
            call()
    for (name, call), _ in itertools.product(list(ways.items()) * TURNS, range(calls // TURNS)):
        started = time.perf_counter_ns()
        call()
        found[name].append((time.perf_counter_ns() - started) / 1e3)
    return {name: sorted(times) for name, times in found.items()}


def _print(times: dict[str, list[float]], title: str) -> None:
    table = Table(title=title, title_justify="left")
    for heading in ("µs", "least", "p50", "p95"):
        table.add_column(heading, justify="left" if heading == "µs" else "right")
    for name, found in times.items():
        shares = (found[0], found[len(found) // 2], found[len(found) * 95 // 100])
        table.add_row(name, *(f"{share:,.0f}" for share in shares))
    Console(width=100).print(table)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else CALLS)
