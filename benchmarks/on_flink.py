"""A run on a Flink cluster of this machine beside the local one: time, processor, bytes shuffled.

    make bench-flink
    make bench-flink ARGS="--folder data/flights10 --bytes"

The cluster is that of `make flink`: a job manager, two task managers, a pool of Python workers.
What each way writes is compared, to the checksum of every file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/engines")]

from flink_cluster import JOB_SERVER, MASTER, PROCESSES, TASK_MANAGERS, WORKERS  # noqa: E402
from processes import processor_seconds  # noqa: E402
from same_runs import DEFINITION, WEATHER, content, some_flights  # noqa: E402

from forebay.pipelines.cost.trial import measure  # noqa: E402
from forebay.pipelines.runners.flink.cluster import Cluster  # noqa: E402

FLINK = (
    "--on", "flink", "--flink-master", MASTER, "--flink-workers", WORKERS,
    "--flink-job-server", str(JOB_SERVER),
)  # fmt: skip
# The cluster's processes, by what they are counted as.
KINDS = {"Flink": ("job-manager", *TASK_MANAGERS), "Python workers": ("workers",)}
HEADS = (
    "", "rows", "seconds", "processor s", "of the command", *KINDS, "were started", "stages",
    "by Flink, MB",
)  # fmt: skip
BYTES = ("", "by files, MB", "between, MB")
CLUSTER = Cluster(MASTER)


@dataclass(frozen=True)
class Measured:
    """What one run took.

    Attributes:
        way: how it was made.
        rows: how many were read.
        seconds: how long the command took, start and end included.
        command_seconds: processor time of the command, its job server included.
        cluster_seconds: processor time of the cluster, by kind of process.
        flink_bytes: what Flink moved between tasks.
        workers: how many Python workers were started.
        stages: how many stages Flink made of each of its jobs.
    """

    way: str
    rows: int
    seconds: float
    command_seconds: float
    cluster_seconds: dict[str, float]
    flink_bytes: int
    workers: int
    stages: list[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path,
                        help="flights and weather as examples/flights/prepare.py writes them "
                        "(default: 20,000 flights)")  # fmt: skip
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], metavar="N",
                        help="on how many of the cluster's machines it runs")  # fmt: skip
    parser.add_argument("--times", type=int, default=1, help="how often each is measured")
    parser.add_argument(
        "--bytes",
        action="store_true",
        help="run each once more, and count the files between its steps",
    )
    args = parser.parse_args()
    ways = {"local": (), **{
        f"Flink, {n} worker{'s' * (n > 1)}": (*FLINK, "--flink-parallelism", str(n))
        for n in args.workers
    }}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="on-flink-", dir=args.folder) as name:
        folder = Path(name)
        tables = list(words(args.folder, folder))
        print(line(HEADS))
        for way, flags in list(ways.items()) * args.times:
            print(line(figures(measured(way, [*tables, *flags], folder))), flush=True)
        if args.bytes:
            print(line(BYTES))
            for way, flags in ways.items():
                print(line(between(way, [*tables, *flags], folder)), flush=True)


def words(given: Path | None, folder: Path) -> Iterator[str]:
    """Yields the definition and its tables, as words of a command."""
    yield f"{DEFINITION}:departure"
    yield "--input"
    if given is None:
        yield str(some_flights(folder))
        weathers = [WEATHER]
    else:
        yield from map(str, sorted(given.glob("flights*.csv")))
        weathers = sorted(given.glob("weather*.csv"))
    for weather in weathers:
        yield from ("--source", f"weather={weather}")


def measured(way: str, command: list[str], folder: Path) -> Measured:
    """Makes a run, and compares it with the first that was made; one of the others is kept."""
    first, run = folder / "first", folder / "run"
    if not first.exists():
        run = first
    jobs, started = {job.id for job in CLUSTER.jobs()}, started_workers()
    before, used, begun = cluster_seconds(), children_seconds(), time.monotonic()
    said = [sys.executable, "-m", "forebay", "preprocess", *command]
    said += ["--output", str(run), "--overwrite", "--quiet"]
    subprocess.run(said, check=True, stdout=subprocess.DEVNULL)
    seconds, command_seconds = time.monotonic() - begun, children_seconds() - used
    after = cluster_seconds()
    assert content(run) == content(first), f"{way}: another run than the local one"
    found = sorted(CLUSTER.jobs(), key=lambda job: job.started)
    new = [job.id for job in found if job.id not in jobs]
    return Measured(
        way,
        json.loads((run / "manifest.json").read_text())["rows_read"],
        seconds,
        command_seconds,
        {kind: after[kind] - before[kind] for kind in KINDS},
        sum(map(bytes_between, new)),
        started_workers() - started,
        [len(stages_of(job)) for job in new],
    )


def between(way: str, command: list[str], folder: Path) -> Iterator[str]:
    """Yields the megabytes of the files through which a run's rows go."""
    run = folder / "run"
    trial = measure([*command, "--output", str(run), "--overwrite"], str(folder / "trial.json"))
    yield way
    for size in (trial.shuffle_bytes, trial.between_bytes):
        yield f"{size / 1e6:,.1f}"


def children_seconds() -> float:
    """Returns the processor time of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cluster_seconds() -> dict[str, float]:
    ids = PROCESSES.ids()
    return {
        kind: sum(processor_seconds(ids[name]) for name in names) for kind, names in KINDS.items()
    }


def bytes_between(job: str) -> int:
    """Returns how many bytes a job's tasks have sent to each other."""
    return sum(int(stage["metrics"]["write-bytes"]) for stage in stages_of(job))


def stages_of(job: str) -> list[Any]:
    """Returns what Flink tells of a job's stages, its vertices."""
    return list(CLUSTER._ask(f"/v1/jobs/{job}")["vertices"])


def started_workers() -> int:
    return PROCESSES.log("workers").read_text().count(": process ")


def figures(one: Measured) -> Iterator[str]:
    spent = one.cluster_seconds.values()
    yield from (one.way, f"{one.rows:,}", f"{one.seconds:.1f}")
    yield from (f"{each:.1f}" for each in (one.command_seconds + sum(spent), one.command_seconds))
    yield from (f"{each:.1f}" for each in spent)
    stages = " + ".join(map(str, one.stages)) or "-"
    yield from (f"{one.workers}", stages, f"{one.flink_bytes / 1e6:,.1f}")


def line(words: Iterable[str]) -> str:
    first, *others = words
    return f"{first:18}" + "".join(f"{word:>15}" for word in others)


if __name__ == "__main__":
    main()
