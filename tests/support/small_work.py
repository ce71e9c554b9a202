"""A small table, its definition, and every command that writes something of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from verdicts import contents
from warm_commands import Warm

DEFINITION = """
import forebay as fb

small = fb.Dataset(
    name="small",
    columns={
        "id": fb.String(), "at": fb.Timestamp(), "shop": fb.String(), "amount": fb.Number(),
        "late": fb.Boolean(),
    },
    row_time="at",
    windows=[fb.Windowed("amount", key="shop", over="1d", ops=fb.mean())],
    features=[fb.Numeric("amount", scale="z_score"), fb.Categorical("shop", embed=2)],
    label=fb.BinaryClassification("late"),
    split=fb.HashSplit("id"),
    passthrough=["id"],
)
"""
SHORT = ["--max-steps", "20", "--eval-every", "10", "--batch-size", "32"]


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        arguments: what follows ``forebay``, in a folder that `lay_out` made.
        writes: the files and folders that it may write, below the folder.
        before: the commands that must have run before.
    """

    arguments: tuple[str, ...]
    writes: tuple[str, ...]
    before: tuple[str, ...] = ()


_PREPROCESS = ("preprocess", "small.py", "--input", "rows.csv", "--output", "run")
WRITERS: dict[str, Writer] = {
    "preprocess": Writer(_PREPROCESS, ("run",)),
    "preprocess --overwrite": Writer(
        (*_PREPROCESS, "--overwrite", "--gzip"), ("run",), ("preprocess",)
    ),
    "train": Writer(("train", "run", *SHORT), ("run",), ("preprocess",)),
    "train --fresh": Writer(
        ("train", "run", *SHORT, "--fresh", "--exporter", "best", "--exporter", "final"), ("run",),
        ("preprocess", "train"),
    ),
    "evaluate": Writer(
        ("evaluate", "run", "--slice", "shop_id"), ("run/evaluation",), ("preprocess", "train")
    ),
    "sweep": Writer(
        ("sweep", "run", *SHORT, "--trials", "2", "--search", "learning-rate", "1e-3..1e-2"),
        ("run/sweep",), ("preprocess",),
    ),
    "lr-find": Writer(
        ("lr-find", "run", "--steps", "100"), ("run/learning-rate",), ("preprocess",)
    ),
    "report": Writer(("report", "run", "--plot", "report.png"), ("report.png",), ("preprocess",)),
    "explain": Writer(
        ("explain", "small.py", "--input", "rows.csv", "--row", "id=o7", "--plot", "explain.png"),
        ("explain.png",),
    ),
    "predict": Writer(
        ("predict", "--model", "run/model", "rows.jsonl", "--output", "answers.jsonl"),
        ("answers.jsonl",), ("preprocess", "train"),
    ),
    "init": Writer(("init", "rows.csv", "--output", "drafted.py", "--overwrite"), ("drafted.py",)),
}  # fmt: skip


def lay_out(folder: Path) -> None:
    """Writes the table, its definition, requests, and files that no command may touch."""
    folder.mkdir(exist_ok=True)
    (folder / "small.py").write_text(DEFINITION)
    rows = [
        f"o{i},2024-01-{i % 28 + 1:02d}T0{i % 9}:00:00Z,{'abcde'[i % 5]},{i * 7 % 31}.5,{i % 3 % 2}"
        for i in range(300)
    ]
    (folder / "rows.csv").write_text("\n".join(["id,at,shop,amount,late", *rows]))
    request = {"id": "o1", "shop": "a", "amount": 1.5}
    (folder / "rows.jsonl").write_text(f"{json.dumps(request)}\n" * 50)
    for name in ("precious.txt", "mine/examples/part-00000", "mine/manifest.json"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text("precious")


class Places:
    """Folders in which a command can be run, made of what earlier commands made.

    Args:
        folder: where they lie.
        warm: runs the commands.
    """

    def __init__(self, folder: Path, warm: Warm) -> None:
        self._folder, self._warm = folder, warm

    def of(self, name: str, at: Path | None = None) -> Path:
        """A new folder for one of the `WRITERS`, in place of the last one."""
        place = at or self._folder / "place"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._whole(WRITERS[name].before), place, symlinks=True)
        return place

    def _whole(self, names: tuple[str, ...]) -> Path:
        whole = self._folder / ("after " + ", ".join(names))
        if whole.exists():
            return whole
        if not names:
            lay_out(whole)
            return whole
        shutil.copytree(self._whole(names[:-1]), whole)
        done = self._warm.run(WRITERS[names[-1]].arguments, cwd=whole)
        assert done.status == 0, done
        return whole


def protected(place: Path, name: str) -> dict[str, bytes | None]:
    """What a command may not change: all but what it writes."""
    kept = WRITERS[name].writes
    return {
        path: content
        for path, content in contents(place).items()
        if not any(path == each or path.startswith(f"{each}/") for each in kept)
    }
