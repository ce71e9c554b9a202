"""Rows per second of `forebay preprocess` in steady state, and the memory of its processes.

Runs the whole command on the shipped flights definition twice: on one year of flights and on ten
(the same flights, their years shifted). The difference of the two leaves start-up, imports and
fixed costs out: (rows₂ - rows₁) / (t₂ - t₁).

    make bench
    .venv/bin/python benchmarks/preprocess_throughput.py --years 1 10 --repeats 3
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import Measured, measure
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
DEFINITION = ROOT / "examples/flights/flights.py:departure"
GIB = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, nargs=2, default=(1, 10), metavar=("FEW", "MANY"))
    parser.add_argument("--repeats", type=int, default=1, help="runs of each size; medians count")
    args = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for years in args.years:
            data = Path(folder, f"{years}-years")
            prepare = [sys.executable, str(ROOT / "examples/flights/prepare.py")]
            subprocess.run([*prepare, str(data), "--years", str(years)], check=True)
            results.append(_median_run(data, Path(folder, "run"), args.repeats))
    _print(results)


def _median_run(data: Path, run: Path, repeats: int) -> tuple[int, Measured]:
    """Runs the command on a folder of CSV files; returns records read and medians."""
    command = [
        sys.executable, "-m", "forebay.cli", "preprocess", str(DEFINITION),
        "--input", str(data / "*.csv"), "--output", str(run), "--overwrite",
    ]  # fmt: skip
    runs = [measure(command) for _ in range(repeats)]
    rows = json.loads((run / "manifest.json").read_text())["rows_read"]
    return rows, Measured(
        statistics.median(found.wall_s for found in runs),
        statistics.median(found.cpu_s for found in runs),
        max(found.peak_bytes for found in runs),
    )


def _print(results: list[tuple[int, Measured]]) -> None:
    table = Table(title="forebay preprocess, flights at departure")
    for heading in ("rows", "seconds", "rows/s, whole command", "CPU/wall", "peak memory"):
        table.add_column(heading, justify="right")
    for rows, found in results:
        table.add_row(
            f"{rows:,}",
            f"{found.wall_s:.1f}",
            f"{rows / found.wall_s:,.0f}",
            f"{found.cpu_s / found.wall_s:.2f}",
            f"{found.peak_bytes / GIB:.2f} GiB",
        )
    console = Console()
    console.print(table)
    (few, first), (many, second) = results
    steady = (many - few) / (second.wall_s - first.wall_s)
    console.print(f"steady state: {steady:,.0f} rows/s")


if __name__ == "__main__":
    main()
