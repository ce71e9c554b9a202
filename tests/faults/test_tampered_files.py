"""`unexpected` is for our own bugs: no file that was tampered with makes a command say it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tampering import FAULTS, Point, drawn, files_of, readers, restore, write_rows
from verdicts import Draw, wrong_with

from forebay.cli import COMMANDS, main

# Reads neither a run nor a model, or such as are on Google Cloud.
READS_NONE = {"init", "jobs", "vertex", "cost"}


class Place:
    """A trained run, whole, and a copy that is tampered with."""

    def __init__(self, trained: Path, folder: Path) -> None:
        self.whole, self.run, self.made = trained, folder / "run", folder / "made"
        self.rows = folder / "rows.csv"
        write_rows(self.rows)
        shutil.copytree(trained, self.run)
        self.readers = readers(self.run, self.rows, self.made)

    def run_command(self, name: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
        """The exit status of one of the readers, and what it says on standard error."""
        capfd.readouterr()
        status = main([*name.split(), *self.readers[name]])
        return status, capfd.readouterr().err

    def said(self, point: Point, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
        """The exit status of a command after a fault, and what it says on standard error."""
        FAULTS[point.fault](self.run / point.file)
        try:
            return self.run_command(point.command, capfd)
        finally:
            restore(self.run, self.whole)
            shutil.rmtree(self.made, ignore_errors=True)


@pytest.fixture(scope="module")
def place(trained_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(trained_binary, tmp_path_factory.mktemp("faults"))


def test_every_command_is_here(place: Place) -> None:
    assert {name.split()[0] for name in place.readers} | READS_NONE == COMMANDS.keys()


def test_every_command_succeeds_on_a_run_that_is_whole(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in place.readers:
        status, said = place.run_command(name, capfd)
        assert (status, wrong_with(status, said)) == (0, ""), (name, said)
        restore(place.run, place.whole)
        shutil.rmtree(place.made, ignore_errors=True)


def model_of(place: Place) -> str:
    (found,) = [name for name in files_of(place.run) if name.endswith("assets.extra/forebay.json")]
    return found


RECORDS = {
    "report": "manifest.json",
    "explain": "definition.json",
    "evaluate": "training/model.json",
    "predict": "assets.extra/forebay.json",
}


# Without a training's record the newest export is measured: no refusal, and seconds.
REFUSED = [(c, fault) for c in RECORDS for fault in FAULTS if (c, fault) != ("evaluate", "gone")]


@pytest.mark.parametrize(("command", "fault"), REFUSED)
def test_a_record_that_is_none_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], command: str, fault: str
) -> None:
    name = RECORDS[command]
    if name.startswith("assets.extra"):
        name = model_of(place)
    status, said = place.said(Point(command, name, fault), capfd)
    assert not wrong_with(status, said)
    if fault == "one bit flipped" and status == 0:
        return  # it fell into what is there for people only, or made another valid record
    assert status == 2
    assert os.path.basename(name) in said


@pytest.mark.parametrize("command", ["train", "sweep", "lr-find", "evaluate", "preprocess"])
@pytest.mark.parametrize(
    "name", ["manifest.json", "definition.json", "transform_fn/saved_model.pb"]
)
def test_every_reader_of_a_run_refuses_one_with_other_bytes(
    place: Place, capfd: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    status, said = place.said(Point(command, name, "half of it"), capfd)
    assert not wrong_with(status, said)
    assert status == 2
    assert name in said


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_no_file_of_a_run_makes_a_command_say_unexpected(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    draw, found, statuses = Draw("tampered files", 0.1), {}, [0, 0, 0]
    drawing = drawn(place.whole, sorted(place.readers), draw.seed)
    for _, point in zip(draw.points(), drawing, strict=False):
        status, said = place.said(point, capfd)
        wrong = wrong_with(status, said)
        if wrong:
            found[point] = wrong
        else:
            statuses[status] += 1
    with capfd.disabled():
        print(f"\n{draw}; statuses 0, 1, 2: {statuses}")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
