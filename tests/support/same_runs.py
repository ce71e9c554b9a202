"""The flights, preprocessed by the command on any engine; and whether two runs are the same."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLIGHTS = ROOT / "data/flights/flights.csv"
WEATHER = ROOT / "data/flights/weather.csv"
DEFINITION = ROOT / "examples/flights/flights.py"
ROWS = 20_000
# So that the last of them is in December.
_EVERY = 16


def some_flights(folder: Path, rows: int = ROWS) -> Path:
    """Writes flights of the whole year, and a row that is a reject, to a file."""
    path = folder / "flights.csv"
    with FLIGHTS.open() as source, path.open("w") as sink:
        sink.write(next(source))
        sink.writelines(itertools.islice(source, 0, rows * _EVERY, _EVERY))
        sink.write("not,a,flight\n")
    return path


def raising(folder: Path, said: str) -> Path:
    """Writes the flights' definition with a function that raises an exception of Python's own."""
    path = folder / "flights.py"
    source = DEFINITION.read_text()
    begin = "def departure_times(flights: pa.RecordBatch) -> Arrays:\n"
    assert begin in source
    path.write_text(source.replace(begin, f"{begin}    raise LookupError({said!r})\n"))
    (folder / "airport_zones.csv").write_bytes(
        DEFINITION.with_name("airport_zones.csv").read_bytes()
    )
    return path


def command(
    flights: Path, run: Path, flags: Sequence[str] = (), definition: Path = DEFINITION
) -> list[str]:
    """Returns the words of a preprocess."""
    return [
        sys.executable, "-m", "forebay", "preprocess", f"{definition}:departure",
        "--input", str(flights), "--source", f"weather={WEATHER}", "--output", str(run), *flags,
    ]  # fmt: skip


def preprocessed(flights: Path, run: Path, flags: Sequence[str] = ()) -> Path:
    """Preprocesses the flights."""
    done = subprocess.run(command(flights, run, flags), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return run


def content(run: Path) -> dict[str, object]:
    """Returns what a run's manifest says of its content, each file's size and checksum included.

    What is left out tells when and how fast the run was made, and the graph's own bytes: they have
    the name of the folder it was made in, and nodes in the order of Python's hashes, so that no two
    local runs have the same. What the graph makes, the examples, vocabularies and statistics, is
    compared.
    """
    manifest = json.loads((run / "manifest.json").read_text())
    for name in ("fingerprint.pb", "saved_model.pb"):
        del manifest["files"][f"transform_fn/{name}"]
    return {name: value for name, value in manifest.items() if name not in _OF_THE_MAKING}


_OF_THE_MAKING = ("created", "seconds")
