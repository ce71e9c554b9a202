"""The flights, preprocessed by the command on any engine; and whether two runs are the same."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.dataset as pa_dataset

ROOT = Path(__file__).resolve().parents[2]
FLIGHTS = ROOT / "data/flights/flights.csv"
WEATHER = ROOT / "data/flights/weather.csv"
DEFINITION = ROOT / "examples/flights/flights.py"
ROWS = 20_000
NEW = 2_000
# So that the last of them is in December.
_EVERY = 16


class Answers(NamedTuple):
    """What was answered, in the order of the rows; what was not; and how much of each."""

    predictions: pa.Table
    rejects: list[dict[str, object]]
    counts: dict[str, object]


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
    """Preprocesses the flights, from a working folder that no worker is in."""
    words = command(flights, Path(run.name), flags)
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=run.parent)
    assert done.returncode == 0, done.stderr
    return run


def trained(run: Path, folder: Path) -> Path:
    """Trains a copy of a run for a few steps; returns where its models are."""
    copy = shutil.copytree(run, folder / "trained")
    words = [sys.executable, "-m", "forebay", "train", str(copy), "--max-steps", "50"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return copy / "model"


def answered(model: Path, flights: Path, folder: Path, flags: Sequence[str] = ()) -> Answers:
    """Has the last of some flights answered, which the windows see the others of."""
    new = folder.with_name(f"{folder.name}.csv")
    head, *lines = flights.read_text().splitlines(keepends=True)
    new.write_text("".join([head, *lines[-NEW:]]))
    words = [
        sys.executable, "-m", "forebay", "predict", "--model", str(model),
        "--definition", f"{DEFINITION}:departure", "--input", str(new), "--history", str(flights),
        "--source", f"weather={WEATHER}", "--output", f"{folder.name}/", *flags,
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "counts.json",
        "predictions",
        "rejects",
    ]
    rejects = [path.read_text() for path in sorted((folder / "rejects").iterdir())]
    return Answers(
        pa_dataset.dataset(sorted((folder / "predictions").iterdir())).to_table(),
        [{**json.loads(line), "source": ""} for text in rejects for line in text.splitlines()],
        json.loads((folder / "counts.json").read_text()),
    )


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
