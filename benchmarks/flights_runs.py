"""The run folders of the flights example that benchmarks train on, made where they are missing."""

import subprocess
import sys
from pathlib import Path

from forebay.storage.run.run_folder import RunFolder, open_run

ROOT = Path(__file__).resolve().parents[1]
DAY = "flight_date"


def flights_run(
    name: str, runs: Path = ROOT / "runs", data: Path = ROOT / "data/flights"
) -> RunFolder:
    """Opens the run of a definition of the flights example.

    Args:
        name: the definition's name in ``examples/flights/flights.py``.
        runs: where run folders are, each under its definition's name.
        data: where ``flights.csv`` and ``weather.csv`` are.
    """
    folder = runs / name
    if not (folder / "manifest.json").exists():
        definition = f"{ROOT}/examples/flights/flights.py:{name}"
        files = ["--input", f"{data}/flights.csv", "--source", f"weather={data}/weather.csv"]
        command = [sys.executable, "-m", "forebay", "preprocess", definition]
        subprocess.run([*command, *files, "--output", str(folder)], check=True)
    return open_run(str(folder))
