"""A run on a Flink cluster of this machine beside the local one: time, processor, bytes shuffled.

    make bench-flink
    make bench-flink ARGS="--folder data/flights10"

The cluster is that of `make flink`: a job manager, two task managers, a pool of Python workers.
What each way writes is compared, to the checksum of every file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/engines")]

from flink_cluster import JOB_SERVER, MASTER, PROCESSES, TASK_MANAGERS, WORKERS  # noqa: E402
from processes import processor_seconds  # noqa: E402
from same_runs import DEFINITION, WEATHER, content, some_flights  # noqa: E402

from forebay.pipelines.cost.trial import Trial, measure  # noqa: E402
from forebay.pipelines.runners.flink.cluster import Cluster  # noqa: E402

FLINK = (
    "--on", "flink", "--flink-master", MASTER, "--flink-workers", WORKERS,
    "--flink-job-server", str(JOB_SERVER),
)  # fmt: skip
# The cluster's processes, by what they are counted as.
KINDS = {"Flink": ("job-manager", *TASK_MANAGERS), "Python workers": ("workers",)}
HEADS = (
    "", "rows", "seconds", "processor s", "of the command", *KINDS, "were started",
    "by Flink, MB", "by files, MB", "between, MB",
)  # fmt: skip
CLUSTER = Cluster(MASTER)


@dataclass(frozen=True)
class Measured:
    """What one run took.

    Attributes:
        way: how it was made.
        seconds: how long the command took, start and end included.
        trial: what the command itself took, its job server included, and the files between steps.
        cluster_seconds: processor time of the cluster, by kind of process.
        flink_bytes: what Flink moved between tasks.
        workers: how many Python workers were started.
    """

    way: str
    seconds: float
    trial: Trial
    cluster_seconds: dict[str, float]
    flink_bytes: int
    workers: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path,
                        help="flights and weather as examples/flights/prepare.py writes them "
                        "(default: 20,000 flights)")  # fmt: skip
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], metavar="N",
                        help="on how many of the cluster's machines it runs")  # fmt: skip
    parser.add_argument("--times", type=int, default=1, help="how often each is measured")
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
    """Makes a run, and compares it with the first that was made."""
    run, first = folder / f"run {len(list(folder.glob('run *')))}", folder / "run 0"
    jobs, started = {job.id for job in CLUSTER.jobs()}, started_workers()
    before, begun = cluster_seconds(), time.monotonic()
    trial = measure([*command, "--output", str(run)], str(folder / "trial.json"))
    seconds, after = time.monotonic() - begun, cluster_seconds()
    assert content(run) == content(first), f"{way}: another run than the local one"
    new = [job.id for job in CLUSTER.jobs() if job.id not in jobs]
    spent = {kind: after[kind] - before[kind] for kind in KINDS}
    return Measured(
        way, seconds, trial, spent, sum(map(bytes_between, new)), started_workers() - started
    )


def cluster_seconds() -> dict[str, float]:
    ids = PROCESSES.ids()
    return {
        kind: sum(processor_seconds(ids[name]) for name in names) for kind, names in KINDS.items()
    }


def bytes_between(job: str) -> int:
    """Returns how many bytes a job's tasks have sent to each other."""
    vertices = CLUSTER._ask(f"/v1/jobs/{job}")["vertices"]
    return sum(int(one["metrics"]["write-bytes"]) for one in vertices)


def started_workers() -> int:
    return PROCESSES.log("workers").read_text().count(": process ")


def figures(one: Measured) -> Iterator[str]:
    trial, spent = one.trial, one.cluster_seconds.values()
    yield from (one.way, f"{trial.rows:,}", f"{one.seconds:.1f}")
    yield from (f"{each:.1f}" for each in (trial.cpu_seconds + sum(spent), trial.cpu_seconds))
    yield from (f"{each:.1f}" for each in spent)
    yield f"{one.workers}"
    for size in (one.flink_bytes, trial.shuffle_bytes, trial.between_bytes):
        yield f"{size / 1e6:,.1f}"


def line(words: Iterable[str]) -> str:
    first, *others = words
    return f"{first:18}" + "".join(f"{word:>15}" for word in others)


if __name__ == "__main__":
    main()
