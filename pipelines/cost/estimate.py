"""What many rows take, computed of what two runs of fewer took."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forebay.console.words import counted
from forebay.pipelines.cost.keys import LargestKey
from forebay.pipelines.cost.trial import Trial
from forebay.pipelines.job import KEY_PARTITION_BYTES, SHARD_BYTES
from forebay.pipelines.sources.text.input import STRETCH_BYTES

# Beside the memory of windows, a thread's rows in work, and Python with Beam and TensorFlow:
# docs/concepts/memory.md.
_BASE_BYTES, _IN_WORK_BYTES = 600 << 20, 80 << 20
_MB, _GB = 1e6, 1e9


@dataclass(frozen=True)
class Line:
    """A figure that grows with the rows.

    Attributes:
        what: which.
        unit: in which unit.
        measured: what each of the trials took.
        wanted: what the rows asked for take.
    """

    what: str
    unit: str
    measured: tuple[float, ...]
    wanted: float


@dataclass(frozen=True)
class Estimate:
    """What many rows take.

    Attributes:
        rows: how many.
        trials: what fewer took, the least first.
        lines: the figures that grow with the rows.
        start_vcpu_seconds: processor time that is paid whatever the rows, once for each process.
        worker_bytes: memory that a worker needs.
        shards: files per split, of which each is one piece of work.
        key_partitions: parts of the windows' keys.
        keys: the largest key of every group of windows.
    """

    rows: float
    trials: tuple[Trial, ...]
    lines: tuple[Line, ...]
    start_vcpu_seconds: float
    worker_bytes: int
    shards: int
    key_partitions: int
    keys: tuple[LargestKey, ...]

    @property
    def vcpu_seconds(self) -> float:
        """Processor time."""
        return self.lines[0].wanted


# What grows: its name, its unit, the trial's attribute, and what that is divided by.
_GROWING = (
    ("processor time", "vCPU-s", "cpu_seconds", 1.0),
    ("text read", "GB", "text_bytes", _GB),
    ("shuffled, written and read", "GB", "shuffle_bytes", _GB),
    ("files that it goes through", "files", "shuffle_files", 1.0),
    ("rows between the two jobs", "GB", "between_bytes", _GB),
    ("TFRecords", "GB", "output_bytes", _GB),
)


def estimated(
    trials: Sequence[Trial], keys: Sequence[LargestKey], rows: float, vcpus: int, memory_mb: int
) -> Estimate:
    """Computes what many rows take: each figure is a constant and so much for each row.

    Args:
        trials: two runs of different length, the shorter first.
        keys: the largest keys.
        rows: how many rows are asked about.
        vcpus: a worker's cores, on each of which a thread works.
        memory_mb: MiB that a thread may take for the events of windows.
    """
    first, second = trials
    lines = tuple(
        Line(what, unit, tuple(getattr(one, name) / scale for one in trials),
             max(0.0, _at(rows, first, second, name)) / scale)
        for what, unit, name, scale in _GROWING
    )  # fmt: skip
    text = _at(rows, first, second, "text_bytes")
    start = _at(0, first, second, "cpu_seconds")
    worker = _BASE_BYTES + vcpus * ((memory_mb << 20) + _IN_WORK_BYTES)
    own = _at(rows, first, second, "own_text_bytes")
    return Estimate(
        rows, tuple(trials), lines, max(0.0, start), worker,
        max(1, math.ceil(own / SHARD_BYTES)), max(1, math.ceil(text / KEY_PARTITION_BYTES)),
        tuple(keys),
    )  # fmt: skip


def _at(rows: float, first: Trial, second: Trial, name: str) -> float:
    """Returns where the line through two trials stands at some rows."""
    low, high = getattr(first, name), getattr(second, name)
    slope = (high - low) / (second.rows - first.rows)
    return float(low + slope * (rows - first.rows))


def bounds(estimate: Estimate) -> Iterator[str]:
    """Says, a line each, what bounds how many workers help."""
    rows = estimate.rows
    yield (
        f"transform and TFRecords: {counted(estimate.shards, 'shard')} a split, each one piece of "
        f"work of {estimate.trials[-1].largest_shard_bytes / _MB:,.1f} MB, the largest element"
    )
    yield f"reading: stretches of {STRETCH_BYTES >> 20} MiB of text; a file as gzip is one stretch"
    if estimate.keys:
        yield f"windows: {counted(estimate.key_partitions, 'part')} of the keys"
    for key in estimate.keys:
        name = f"{key.table}: {' + '.join(key.columns) or 'all events'}"
        if key.share is None:
            has = "a column of the key is made after reading, so no key was counted"
        else:
            events = key.share * rows * key.events / estimate.trials[-1].rows
            has = (
                f"the largest key, {key.value or 'the only one'}, has {key.share:.1%} of the "
                f"events, {events:,.0f}"
            )
        yield f"windows, {name}: {has}; " + (
            "a window without bound keeps a key's events on one worker"
            if key.is_unbounded
            else "a key's events are cut along time, and shared"
        )
