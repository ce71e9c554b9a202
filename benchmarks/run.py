"""Forebay beside its peers: the same examples from the same rows, whole commands, one run.

    make bench
    make bench ARGS="--years 1 10 100 --peers forebay polars"

Every contender reads the same CSV files and writes three splits of TFRecords, with statistics of
train only; what they wrote is compared with Forebay's. Start-up and imports count for all. The
input is read once before each run, so that all find it in the page cache. Outputs are deleted once
they are compared. Results, with a plot, go to benchmarks/results/.
"""

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from compare import Comparison, compare, keep_one_in, load
from contenders import CONTENDERS, COURSE, FOREBAY, ROOT, Contender, environment, forebay
from outcomes import Outcome
from processes import Limits, measure, work_folder
from report import print_comparison, print_size, print_steady, write_results
from rich.console import Console

from forebay.console.words import counted

GIB = 1 << 30
# Seen on one year of flights: what Forebay has on the disk at the end, with what its pipelines hand
# each other (which `forebay preprocess` foretells itself); peers write the examples alone.
BYTES_PER_ROW = 1_750
# What prepare.py writes.
ROWS_A_YEAR, INPUT_BYTES_PER_ROW = 336_776, 93
# The course's way is first tried on so many rows, then on this many times more, down to so few.
PROBES = (2_000, 12_000)
COMPILED_ROWS = 60_000
GREATEST_GROWTH, LEAST_GROWTH = 3.0, 1.3


@dataclass(frozen=True)
class Bench:
    """What all runs share.

    Attributes:
        args: the options.
        work: the folder of data and outputs, removed at the end.
        console: where progress goes.
    """

    args: argparse.Namespace
    work: Path
    console: Console

    @property
    def out(self) -> Path:
        """Where the contender under way writes; what it leaves beside goes with the parent."""
        return self.work / "run" / "out"

    @property
    def limits(self) -> Limits:
        """What a command may take."""
        args = self.args
        return Limits(args.timeout_seconds, args.memory_gib * GIB, self.work)


def main() -> int:
    args = _arguments()
    console = Console(width=140)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.work) as folder:
        bench = Bench(args, Path(folder), console)
        if lack := lack_of_room(args.years[-1], shutil.disk_usage(folder).free, folder):
            console.print(lack, markup=False)
        for years in args.years:
            found = _size(bench, years, first=years == args.years[0])
            print_size(console, found)
            for outcome in found:
                print_comparison(console, outcome)
            outcomes += found
    print_steady(console, outcomes)
    for path in write_results(outcomes, vars(args), args.output):
        console.print(f"wrote {path}")
    return 0


def lack_of_room(years: int, free: int, folder: str) -> str | None:
    """Says that a disk has no room for flights of so many years; None: it has."""
    needed = years * ROWS_A_YEAR * (INPUT_BYTES_PER_ROW + BYTES_PER_ROW)
    if free >= needed:
        return None
    return (
        f"{folder}: {counted(years, 'year')} of flights need {needed / GIB:.1f} GiB there, and "
        f"{free / GIB:.1f} GiB are free: commands that do not fit will be skipped; free some "
        "there, or name another folder with --work"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [contender.name for contender in CONTENDERS]
    parser.add_argument("--years", type=int, nargs="+", default=[1, 10], help="sizes, in years")
    parser.add_argument("--peers", nargs="+", choices=names, default=names, metavar="PEER",
                        help=", ".join(names))  # fmt: skip
    parser.add_argument("--repeats", type=int, default=1, help="runs of each; the median counts")
    parser.add_argument("--limit-seconds", type=float, default=600,
                        help="the course's way gets as many rows as fit into this")  # fmt: skip
    parser.add_argument("--timeout-seconds", type=float, default=3600, help="for any one run")
    parser.add_argument("--memory-gib", type=float, default=16, help="for any one run")
    parser.add_argument("--work", type=work_folder, help="where data and outputs go while it runs")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results")
    args = parser.parse_args()
    args.years = sorted(set(args.years))
    return args


def _size(bench: Bench, years: int, first: bool) -> list[Outcome]:
    """Runs every contender on one size."""
    data = bench.work / "data"
    prepare = [sys.executable, str(ROOT / "examples/flights/prepare.py"), str(data)]
    subprocess.run([*prepare, "--years", str(years)], check=True, stdout=subprocess.DEVNULL)
    rows = _read_all(data)
    if first and FOREBAY.name in bench.args.peers:
        _compile(bench, data)
    outcomes: list[Outcome] = []
    for contender in CONTENDERS:
        if contender.name not in bench.args.peers:
            continue
        if contender is COURSE:
            outcome = _course(bench, data, rows, first)
        else:
            outcome = _run(bench, contender, data, rows, bench.args.repeats)
            reference = bench.work / FOREBAY.name
            outcome = replace(outcome, comparison=_compared(bench, outcome, reference, rows))
        bench.console.print(f"{rows:,} rows, {contender.title}: {outcome.summary}")
        outcomes.append(outcome)
    for path in (data, *bench.work.glob("*.parquet")):
        _delete(path)
    return outcomes


def _compile(bench: Bench, data: Path) -> None:
    """Lets Forebay compile its kernels, once for an environment: no size should pay for it."""
    part = bench.work / "part"
    head_rows(data, part, COMPILED_ROWS)
    # Windows that do not fit, for the kernels that put parts of them together.
    _succeed([*forebay(part, bench.out), "--window-memory-mb", "1"])
    _delete(part)
    _delete(bench.out.parent)


def _run(bench: Bench, contender: Contender, data: Path, rows: int, repeats: int = 1) -> Outcome:
    """Measures a contender; what it wrote stays in its folder."""
    outcome = Outcome(contender.name, contender.title, rows)
    if missing := contender.missing():
        return replace(outcome, status="skipped", note=missing)
    free, wanted = shutil.disk_usage(bench.work).free, rows * BYTES_PER_ROW
    if free < wanted:
        note = f"needs {wanted / GIB:.0f} GiB of disk, {free / GIB:.0f} GiB are free"
        return replace(outcome, status="skipped", note=note)
    out, runs = bench.out, []
    for _ in range(repeats):
        _delete(out.parent)
        out.mkdir(parents=True)
        _read_all(data)
        runs.append(measure(contender.command(data, out), bench.limits, environment()))
        if runs[-1].ended != "ok":
            break
    return outcome.measured(runs, out)


def _compared(bench: Bench, outcome: Outcome, reference: Path, rows: int) -> Comparison | None:
    """Samples what a contender wrote, deletes it, and compares it with the reference."""
    out, sample = bench.out, bench.work / outcome.name
    try:
        if outcome.status != "ok":
            return None
        _sample(out, keep_one_in(rows), sample)
    finally:
        _delete(out.parent)
    if sample == reference or not Path(f"{reference}.parquet").exists():
        return None
    return compare(load(reference), load(sample))


def _sample(out: Path, one_in: int, sample: Path) -> None:
    script = str(ROOT / "benchmarks/read_examples.py")
    _succeed([sys.executable, script, str(out), str(one_in), str(sample)])


def _succeed(command: list[str]) -> None:
    ended = measure(command, env=environment())
    if ended.ended != "ok":
        raise RuntimeError(f"{' '.join(command)} failed:\n{ended.output}")


def _course(bench: Bench, data: Path, rows: int, first: bool) -> Outcome:
    """Runs the course's way on as many rows as fit into its limit, once."""
    if not first:
        note = "see its rows/s at the smallest size"
        return Outcome(COURSE.name, COURSE.title, rows, note=note)
    part = bench.work / "part"
    outcome = _fitting_rows(bench, data, rows)
    fitting = outcome.rows
    if fitting < rows:
        limit = bench.args.limit_seconds
        outcome = replace(outcome, note=f"about as many rows as fit into {limit:,.0f} s")
    if outcome.status == "ok":
        _sample(bench.out, keep_one_in(fitting), bench.work / COURSE.name)
        _delete(bench.out)
        exact = measure(forebay(part, bench.out, "inspected"), bench.limits, environment())
        if exact.ended == "ok":
            _sample(bench.out, keep_one_in(fitting), bench.work / "exact")
            found = compare(load(bench.work / "exact"), load(bench.work / COURSE.name))
            outcome = replace(outcome, comparison=found)
    for folder in (part, bench.out.parent):
        _delete(folder)
    return outcome


def _fitting_rows(bench: Bench, data: Path, rows: int) -> Outcome:
    """Runs the course's way on as many rows as it gets through in its limit; they stay written.

    Its time grows faster than its rows, so it is tried on more and more of them; the power of
    the growth from the last try to this one says how many to try next.
    """
    limit, part = bench.args.limit_seconds, bench.work / "part"
    before: Outcome | None = None
    following = min(PROBES[0], rows)
    while True:
        head_rows(data, part, following)
        found = _run(bench, COURSE, part, following)
        if before is not None and (found.status != "ok" or found.wall_s > limit):
            head_rows(data, part, before.rows)
            return _run(bench, COURSE, part, before.rows)
        if found.status != "ok" or following == rows:
            return found
        growth = min(GREATEST_GROWTH, (0.9 * limit / found.wall_s) ** (1 / _power(before, found)))
        if growth < LEAST_GROWTH:
            return found
        following = min(rows, int(following * growth) if before else PROBES[1])
        before = found


def _power(before: Outcome | None, found: Outcome) -> float:
    """Returns how seconds grow with rows, as a power of them; 1 is the least."""
    if before is None:
        return 1.0
    return max(1.0, math.log(found.wall_s / before.wall_s) / math.log(found.rows / before.rows))


def head_rows(data: Path, part: Path, rows: int) -> None:
    """Copies the first rows of a folder of CSV files."""
    _delete(part)
    part.mkdir()
    for path in sorted(data.glob("flights*.csv")):
        with path.open("rb") as source, (part / path.name).open("wb") as target:
            target.write(source.readline())
            for line in source:
                if not rows:
                    return
                target.write(line)
                rows -= 1


def _read_all(data: Path) -> int:
    """Reads all files, so that the page cache holds them; returns the number of rows."""
    lines = 0
    for path in data.glob("flights*.csv"):
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                lines += block.count(b"\n")
        lines -= 1
    return lines


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
