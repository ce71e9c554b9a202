"""What it costs that commands verify what they read, beside the whole commands.

Run on a trained run: ``python benchmarks/verification.py runs/demo``. Verification alone is the
least of five, the files in the machine's memory; a command is run once, in a process of its own.
The run stays as it is: commands work on another folder of the same files, beside it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from forebay.storage.run import files
from forebay.storage.run.exported import newest_model, read_exported
from forebay.storage.run.layout import EXAMPLES_FOLDER, MANIFEST_NAME, MODEL_FOLDER
from forebay.storage.run.run_folder import RunFolder, open_run

TIMES = 5
LATER = (f"{EXAMPLES_FOLDER}/", "rejects/")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a trained run")
    given = open_run(parser.parse_args().run)
    beside = Path(given.path).absolute().parent
    with tempfile.TemporaryDirectory(prefix="verification-", dir=beside) as folder:
        run = _of_same_files(given, f"{folder}/run")
        rows = Path(folder) / "rows.jsonl"
        rows.write_text("{}\n")
        commands = {
            "train": (("train", "eval"), ["train", run.path, "--no-export"]),
            "evaluate": (("test",), ["evaluate", run.path]),
            "predict": (None, ["predict", "--model", run.file(MODEL_FOLDER), str(rows)]),
        }
        print("| command | bytes verified | verification | the whole command |\n|---|---|---|---|")
        for name, (splits, arguments) in commands.items():
            size, verify = _verification(run, splits)
            alone = min(_seconds(verify) for _ in range(TIMES))
            whole = _seconds(partial(_command, arguments))
            print(f"| `{name}` | {size / 1e6:.1f} MB | {alone:.3f} s | {whole:.1f} s |")


def _of_same_files(run: RunFolder, folder: str) -> RunFolder:
    """Makes a run of links to a run's files, and to its models: trainings are not among them."""
    for name in (*run.manifest.files, MANIFEST_NAME):
        _link(run.file(name), f"{folder}/{name}")
    shutil.copytree(run.file(MODEL_FOLDER), f"{folder}/{MODEL_FOLDER}", copy_function=os.link)
    return open_run(folder)


def _link(path: str, to: str) -> None:
    os.makedirs(os.path.dirname(to), exist_ok=True)
    os.link(path, to)


def _verification(run: RunFolder, splits: tuple[str, ...] | None) -> tuple[int, Callable[[], None]]:
    """Returns how many bytes a command verifies, and what verifies them."""
    folder = run.path if splits else newest_model(run.file(MODEL_FOLDER))
    if splits is None:
        listed = dict(read_exported(folder)["files"])
    else:
        parts = tuple(f"{EXAMPLES_FOLDER}/{split}/" for split in splits)
        entries = run.manifest.files.items()
        listed = {n: e for n, e in entries if n.startswith(parts) or not n.startswith(LATER)}
    return sum(e.size for e in listed.values()), lambda: files.verify(folder, listed, "")


def _command(arguments: list[str]) -> None:
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-m", "forebay", *arguments]
    subprocess.run(command, stdout=quiet, stderr=quiet, check=False, env=os.environ)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
