"""What can become of a file of a run or a model, and what every command says then."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from made_runs import EMPTY_LINE, TRAINED

_HEAD = "trip_id,left_at,day,line,wagons,express,distance,guess,start_s,stop_s,delay,late"
# Some rows of the made-up trips, as a table.
TRIPS = "\n".join([
    _HEAD,
    *(
        f"trip-{i},2020-09-13T12:{i:02d}:00Z,2020-09-13,red,3,true,{i}.5,1,{i},{i + 9},{i % 7},"
        f"{i % 2}"
        for i in range(60)
    ),
])  # fmt: skip

Fault = Callable[[Path], None]


def _becomes(content: bytes) -> Fault:
    return lambda path: _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FAULTS: dict[str, Fault] = {
    "gone": lambda path: path.unlink(),
    "empty": _becomes(b""),
    "half of it": _half,
    "one bit flipped": _flipped,
    "an empty list": _becomes(b"[]"),
    "an empty object": _becomes(b"{}"),
    "another object": _becomes(b'{"a": 1}'),
    "nested deeply": _becomes(b"[" * 100_000 + b"]" * 100_000),
    "not UTF-8": _becomes(b'{"\xff\xfe": "\xe9"}'),
    "a folder": _folder,
}


def write_rows(path: Path) -> None:
    """Writes a table, and beside it a line for a served model."""
    path.write_text(TRIPS)
    path.with_suffix(".jsonl").write_text(EMPTY_LINE)


def readers(run: Path, rows: Path, scratch: Path) -> dict[str, list[str]]:
    """Arguments of every command that reads a run or a model, after its name and first option."""
    short = ["--max-steps", "20", "--eval-every", "20", "--batch-size", "128"]
    definition, table = str(run / "definition.json"), ["--input", str(rows)]
    return {
        "train": [str(run), *TRAINED],
        "train --fresh": [str(run), *short],
        "evaluate": [str(run)],
        "sweep": [str(run), *short, "--trials", "1", "--search", "learning-rate", "1e-3..1e-2"],
        "lr-find": [str(run), "--steps", "100"],
        "predict": ["--model", str(run / "model"), str(rows.with_suffix(".jsonl"))],
        "report": [str(run)],
        "check": [definition, *table],
        "explain": [definition, *table, "--row", "trip_id=trip-1"],
        "preprocess": [definition, *table, "--output", str(scratch), "--transform-fn", str(run)],
    }


@dataclass(frozen=True)
class Point:
    """One of the `readers`, after one fault of one file, by its name below the run."""

    command: str
    file: str
    fault: str


def files_of(run: Path) -> list[str]:
    """All files of a run, of its training and of its models, but the locks."""
    return sorted(
        path.relative_to(run).as_posix()
        for path in run.rglob("*")
        if path.is_file() and path.name != ".forebay.lock"
    )


def drawn(run: Path, commands: list[str], seed: int) -> Iterator[Point]:
    """Every point there is, in an order that a seed draws."""
    points = [Point(c, f, fault) for c in commands for f in files_of(run) for fault in FAULTS]
    random.Random(seed).shuffle(points)
    yield from points


def restore(run: Path, whole: Path) -> None:
    """Makes a run what it was."""
    shutil.rmtree(run)
    shutil.copytree(whole, run)
