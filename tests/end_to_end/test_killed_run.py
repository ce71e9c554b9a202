"""What a run leaves when it is killed, and what the next one makes of that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tensorflow as tf

from forebay.cli import main
from forebay.storage.run.run_folder import open_run
from forebay.transforms.errors import RunFolderError

DEFINITION = """
from forebay.transforms.definition.columns import Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit

killed_orders = Dataset(
    name="orders",
    columns={"id": String(), "amount": Number(), "paid": Number()},
    features=[Numeric("amount")],
    label=Regression("paid"),
    split=HashSplit("id"),
)
"""
LINES = ["id,amount,paid", *(f"o{i},{i / 7:.3f},{i % 2}" for i in range(200))]
Wait = Callable[[Path, subprocess.Popen[bytes]], None]


@dataclass(frozen=True)
class Place:
    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "out" / "run.v1"

    @property
    def staging(self) -> Path:
        """Where the run is made."""
        (folder,) = self.run.glob(".forebay-*.tmp")
        return folder

    @property
    def arguments(self) -> list[str]:
        files = ["--input", str(self.folder / "orders.csv"), "--output", str(self.run)]
        return [str(self.folder / "killed_orders.py"), *files]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "orders.csv").write_text("\n".join(LINES))
    (folder / "killed_orders.py").write_text(DEFINITION)
    return Place(folder)


@pytest.fixture(scope="module")
def stopped(place: Place, wait_for: Wait) -> Iterator[subprocess.Popen[bytes]]:
    """A run stopped half-way: its rows are read, its examples not yet written."""
    command = [sys.executable, "-m", "forebay", "preprocess", *place.arguments]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        wait_for(place.run / ".forebay-*.tmp" / "temporary" / "ingested.json", process)
        os.kill(process.pid, signal.SIGSTOP)
        yield process
        process.kill()


@pytest.fixture(scope="module")
def refusal(place: Place, stopped: subprocess.Popen[bytes]) -> tuple[int, str]:
    """What a second run says while the first is under way."""
    assert stopped.poll() is None
    command = [sys.executable, "-m", "forebay", "preprocess", *place.arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def killed(place: Place, stopped: subprocess.Popen[bytes], refusal: tuple[int, str]) -> Place:
    """The place after the first run was killed."""
    stopped.kill()
    assert stopped.wait() == -signal.SIGKILL
    return place


@pytest.fixture(scope="module")
def next_run(killed: Place) -> Place:
    """The place after a next run."""
    command = [sys.executable, "-m", "pipelines.preprocess", *killed.arguments, "--json"]
    left = killed.staging.name
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"removed what a killed process left unfinished in {killed.run}: {left}" in done.stderr
    assert json.loads(done.stdout) == json.loads((killed.run / "manifest.json").read_text("utf-8"))
    return killed


def test_a_second_run_of_the_same_folder_is_refused(place: Place, refusal: tuple[int, str]) -> None:
    status, said = refusal

    assert status == 2
    # TensorFlow greets on standard error when the module itself is run.
    assert said.splitlines()[-1] == (
        f"error: another process is writing {place.run}; wait for it, or choose another folder"
    )


def test_a_killed_run_is_no_run(killed: Place) -> None:
    left = killed.staging
    assert any(left.rglob("train-*.arrow"))
    assert not list(killed.run.parent.rglob("manifest.json"))
    with pytest.raises(RunFolderError, match=r"manifest|is not there"):
        open_run(str(left))


def test_the_next_run_succeeds_and_removes_what_was_left(next_run: Place) -> None:
    run = open_run(str(next_run.run))

    assert sum(run.manifest.rows.values()) == len(LINES) - 1
    assert [path.name for path in next_run.run.parent.iterdir()] == ["run.v1"]
    found = {path.relative_to(next_run.run).as_posix() for path in next_run.run.rglob("*.*")}
    assert found == {*run.manifest.files, "manifest.json"}


def test_overwriting_replaces_the_run_and_keeps_its_models(next_run: Place) -> None:
    kept = ["model/1700000000/saved_model.pb", "training/best.keras", "evaluation/test.json"]
    for name in kept:
        path = next_run.run / name
        path.parent.mkdir(parents=True)
        path.write_text(name)
    before = open_run(str(next_run.run)).manifest

    status = main(
        ["preprocess", *next_run.arguments, "--overwrite", "--gzip", "--shards", "2", "--json"]
    )

    after = open_run(str(next_run.run)).manifest
    assert status == 0
    assert after.rows == before.rows
    assert [(next_run.run / name).read_text() for name in kept] == kept
    assert not set(kept) & set(after.files)
    on_disk = [path.name for path in sorted((next_run.run / "examples" / "train").iterdir())]
    assert on_disk == ["part-00000.tfrecord.gz", "part-00001.tfrecord.gz"]
    names = [str(next_run.run / name) for name in after.examples("train")]
    assert sum(1 for _ in tf.data.TFRecordDataset(names, "GZIP")) == after.rows["train"]
