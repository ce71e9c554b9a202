"""Publishes a made-up run over another and dies before the n-th change of the disk, for every n.

Run as a script, without threads, so that it can fork: prints what each death left as JSON lines.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from forebay.storage import folders
from forebay.storage.entries import entries_below, temporaries
from forebay.storage.locks import locked
from forebay.storage.names import LOCK_NAME, is_temporary, temporary_name
from forebay.storage.run import publish
from forebay.storage.run.checksums import file_entry
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.storage.run.manifest import Manifest

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}
# Two runs that share some names, and have some of their own.
OLD = {
    "definition.json": b"old", "occupancy.json": b"old", "examples/train/part-00000": b"old train",
    "examples/train/part-00001": b"old only", "examples/eval/part-00000": b"old eval",
    "transform_fn/assets/old_vocabulary": b"old only", "transform_fn/saved_model.pb": b"old graph",
}  # fmt: skip
NEW = {
    "definition.json": b"new", "examples/train/part-00000": b"new train",
    "examples/test/part-00000": b"new only", "transform_fn/saved_model.pb": b"new graph",
    "transform_fn/assets/new/vocabulary": b"new only", "rejects/part-00000.jsonl": b"new only",
}  # fmt: skip
# What is the trainer's or the user's.
OTHERS = {
    "model/1/saved_model.pb": b"model", "training/model.json": b"{}", "notes.txt": b"mine",
    "export/best/1/saved_model.pb": b"model", "evaluation/test.json": b"{}",
    "sweep/sweep.json": b"{}", "learning-rate/rates.json": b"{}",
}  # fmt: skip


def manifest_of(files: dict[str, bytes]) -> Manifest:
    entries = {name: file_entry(content) for name, content in files.items()}
    return Manifest(
        "d", "0", "2026-01-01T00:00:00Z", {}, (), 0, {}, {}, {}, {}, 0, 0, None, None, (), {},
        entries,
    )  # fmt: skip


def write_run(run: Path, files: dict[str, bytes]) -> None:
    run.mkdir(exist_ok=True)
    for name, content in files.items():
        folders.write(str(run), name, content)
    folders.write(str(run), MANIFEST_NAME, manifest_of(files).to_json().encode())


def replace(run: Path) -> None:
    """Does what `pipelines.sinks.run_folder.staging` and `publish` do around a pipeline."""
    with locked(str(run)):
        publish.settle(str(run))
        publish.check_target(str(run), overwrite=True)
        staged = temporary_name()
        folders.make(str(run), staged)
        for name, content in NEW.items():
            path = run / staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (run / staged / "temporary").mkdir()
        publish.publish(str(run), staged, manifest_of(NEW), overwrite=True)


def settle(run: Path) -> None:
    publish.settle_leftovers(str(run))


def dies(work: Callable[[Path], None], run: Path, change: int) -> bool:
    """Does some work in a process that dies before its change of that number, if it has so many."""
    child = os.fork()
    if child == 0:
        left = [change]

        def hook(event: str, args: tuple[object, ...]) -> None:
            is_new_file = event == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT
            if event in CHANGES or is_new_file:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)

        sys.addaudithook(hook)
        with contextlib.redirect_stderr(io.StringIO()):
            work(run)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, 9):
        raise SystemExit(f"status {status} at change {change}")
    return status == 9


def found(run: Path) -> dict[str, object]:
    """What a reader finds: which run, if one; what else is in its folders; whose files are gone."""
    files = {
        entry.name: (run / entry.name).read_bytes()
        for entry in entries_below(str(run))
        if entry.is_file and not any(map(is_temporary, entry.name.split("/")))
    }
    text = files.pop(MANIFEST_NAME, None)
    listed = None if text is None else Manifest.from_json(text.decode(), "").files
    kinds = {"old": manifest_of(OLD).files, "new": manifest_of(NEW).files}
    name = next((kind for kind, entries in kinds.items() if entries == listed), None)
    there = {n: file_entry(c) for n, c in files.items() if listed and n in listed}
    return {
        "run": name if there == listed else "none" if text is None else "a false one",
        "beside": sorted(files.keys() - OTHERS.keys() - {LOCK_NAME} - set(listed or ())),
        "lost": [n for n, content in OTHERS.items() if files.get(n) != content],
    }


def main(folder: Path) -> None:
    kills = 0
    while True:
        run = folder / f"run-{kills}"
        write_run(run, OLD)
        for name, content in OTHERS.items():
            folders.write(str(run), name, content)
        died = dies(replace, run, kills)
        after = found(run)
        again = 0
        # The next one dies too, at each of its changes, and the one after it.
        copies = folder / "copies"
        seconds = []
        while died and after["run"] == "none" and kills % 3 == 0:
            copy = copies / str(again)
            shutil.copytree(run, copy, symlinks=True)
            if not dies(settle, copy, again):
                break
            with contextlib.redirect_stderr(io.StringIO()):
                settle(copy)
            seconds.append(found(copy))
            again += 1
        shutil.rmtree(copies, ignore_errors=True)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            settle(run)
        left = temporaries(str(run))
        print(
            json.dumps(
                {"kill": kills, "died": died, "after": after, "settled": found(run), "left": left,
                 "seconds": seconds, "said": said.getvalue()}
            )
        )  # fmt: skip
        if not died:
            return
        kills += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
