"""Every place that writes, with every call of the machine that it makes failing there once.

What is written is whole or as it was before, nothing else is touched, nothing is left in the
making, one line says why, and the same work succeeds afterwards.
"""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from failing_calls import failing, install, largest_file
from killed_publication import NEW, OLD, manifest_of, write_run
from verdicts import contents, wrong_with

from forebay.console.command_line import tell_failure
from forebay.console.machine import full_disk_told
from forebay.pipelines.sinks import run_folder as sinks
from forebay.storage import folders
from forebay.storage.locks import locked, occupied
from forebay.storage.named_files import write_whole
from forebay.storage.names import LOCK_NAME
from forebay.storage.run import files, publish
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import Checkpoint, TrainingState

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EMFILE)
LONG = b"x" * 3_000
Work = Callable[[Path], None]


def write(place: Path) -> None:
    folders.write(str(place), "evaluation/test.json", LONG)


def write_json(place: Path) -> None:
    files.write_json(str(place), "sweep/sweep.json", {"a": "x" * 3_000})


def move(place: Path) -> None:
    folders.move(str(place), "examples/train/part-00001", "evaluation/test.json")


def remove(place: Path) -> None:
    folders.remove(str(place), ["examples/train/part-00000", "definition.json"])


def check(place: Path) -> None:
    files.check_outputs(str(place), ["sweep/a", "evaluation/test.json"], into=["export/b"])


def hold(place: Path) -> None:
    with locked(str(place), "new/held"), locked(str(place), shared=True):
        pass


def clean(place: Path) -> None:
    with occupied(str(place), "training"):
        pass


def export(place: Path) -> None:
    with files.in_the_making(str(place), "model") as made:
        for name in ("saved_model.pb", "variables/index", "assets.extra/forebay.json"):
            files.write_bytes(str(place), f"{made}/{name}", LONG)
        files.rename_folder(str(place), made, "model/2")


def discard(place: Path) -> None:
    files.discard_folder(str(place), "model/1")


def keep_checkpoint(place: Path) -> None:
    found = Checkpoint(TrainingState(), {}, [np.zeros(500)], [], [])
    checkpoint.save(str(place), "training/checkpoint.npz", found)


def name_a_file(place: Path) -> None:
    write_whole(str(place / "answers"), LONG, "--output", [str(place / "definition.json")])


def replace_a_run(place: Path) -> None:
    sinks.prepare_output(str(place), overwrite=True)
    with sinks.staging(str(place), overwrite=True) as staged:
        for name, content in NEW.items():
            sinks.write_file(f"{staged.folder}/{name}", [content])
        sinks.publish(staged, str(place), manifest_of(NEW), overwrite=True)


def make_a_run(place: Path) -> None:
    run = place / "deep/run"
    sinks.prepare_output(str(run), overwrite=False)
    with sinks.staging(str(run), overwrite=False) as staged:
        for name, content in NEW.items():
            sinks.write_file(f"{staged.folder}/{name}", [content])
        sinks.publish(staged, str(run), manifest_of(NEW), overwrite=False)


WORKS: tuple[Work, ...] = (
    write, write_json, move, remove, check, hold, clean, export, discard, keep_checkpoint,
    name_a_file, replace_a_run, make_a_run,
)  # fmt: skip
REMOVALS = {"os.remove", "os.rmdir"}
LEFT = "training/.forebay-0123456789abcdef.tmp"
OTHERS = {
    "evaluation/test.json": b"older", "answers": b"older", "training/checkpoint.npz": b"older",
    "model/1/saved_model.pb": b"model", "notes.txt": b"mine", LEFT: b"half",
}  # fmt: skip


def files_in(place: Path) -> dict[str, bytes]:
    """Its files, but for locks, which mean nothing when nobody holds them."""
    found = contents(place).items()
    return {n: c for n, c in found if c is not None and not n.endswith(LOCK_NAME)}


def in_the_making(name: str) -> bool:
    return any(part.startswith(".forebay-") for part in name.split("/"))


class Place:
    """A run and what else may be there, as it is before some work and after it."""

    def __init__(self, folder: Path) -> None:
        self.path, self._whole = folder / "place", folder / "whole"
        write_run(self._whole, OLD)
        for name, content in OTHERS.items():
            (self._whole / name).parent.mkdir(parents=True, exist_ok=True)
            (self._whole / name).write_bytes(content)
        self.before = files_in(self._whole)
        self._done: dict[Work, dict[str, bytes]] = {}

    def anew(self) -> Path:
        """The place as it is before."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self._whole, self.path)
        return self.path

    def done(self, work: Work) -> dict[str, bytes]:
        """The files that are there when some work is done."""
        if work not in self._done:
            work(self.anew())
            clean_all(self.path)
            self._done[work] = files_in(self.path)
        return self._done[work]

    def wrong_after_failure(self, work: Work, error: Exception, *, removing: bool) -> str:
        """What is not as it must be where some work has failed; nothing: all is."""
        status, said = told(error)
        wrong = wrong_with(status, said)
        if wrong or not status:
            return f"says {said!r}"
        after, done = files_in(self.path), self._done[work]
        left = [name for name in after if in_the_making(name) and name != LEFT]
        # What the next command finishes: a publication, of which there is no manifest meanwhile,
        # and the removal of what is out of sight already.
        is_begun = work in (replace_a_run, make_a_run, discard) and bool(left)
        for name in after.keys() | self.before.keys() | done.keys():
            allowed = [self.before.get(name), done.get(name)]
            allowed += [None] if is_begun and name == MANIFEST_NAME else []
            if not in_the_making(name) and after.get(name) not in allowed:
                return f"{name} is {after.get(name)!r}"
        if left and not removing and not is_begun:
            return f"leaves {left}"
        clean_all(self.path)
        if files_in(self.path) != done:
            work(self.path)
            clean_all(self.path)
        return "" if files_in(self.path) == done else f"then leaves {sorted(files_in(self.path))}"


def clean_all(place: Path) -> None:
    """What the next command does that holds the place."""
    for run in (place / "deep/run", place):
        if run.exists():
            publish.settle_leftovers(str(run))
            with locked(str(run)):
                publish.settle(str(run))


def told(error: Exception) -> tuple[int, str]:
    """The status that a command ends with, and what it says."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            with full_disk_told("."):
                raise error
        except Exception as last:
            status = tell_failure(last)
    return status, said.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield Place(tmp_path_factory.mktemp("calls"))


def failures(place: Place, work: Work, number: int, step: int = 1) -> tuple[int, dict[int, str]]:
    """How many calls some work makes, and what is wrong where each, or some, of them failed."""
    place.done(work)
    found: dict[int, str] = {}
    for call in range(0, 1_000, step):
        place.anew()
        try:
            with failing(call, number) as failed:
                work(place.path)
        except Exception as error:
            wrong = place.wrong_after_failure(work, error, removing=failed() in REMOVALS)
        else:
            if not failed():
                return call // step, found
            clean_all(place.path)
            is_done = files_in(place.path) == place.done(work)
            wrong = "" if is_done else f"says nothing and leaves {sorted(files_in(place.path))}"
        if wrong:
            found[call] = wrong
    raise AssertionError(f"{work.__name__} makes calls without end")


@pytest.mark.parametrize("work", WORKS)
def test_a_call_that_fails_loses_nothing(place: Place, work: Work) -> None:
    step = 5 if work in (replace_a_run, make_a_run) else 1  # `make faults` tries all
    calls, found = failures(place, work, errno.ENOSPC, step)
    assert calls > 0
    assert not found


@pytest.mark.parametrize("work", [write, write_json, export, keep_checkpoint, name_a_file])
def test_a_file_that_grows_too_large_loses_nothing(place: Place, work: Work) -> None:
    place.done(work)
    for size in (0, 1, 1_000, 2_999):
        place.anew()
        with pytest.raises(Exception) as caught, largest_file(size):  # noqa: PT011 - looked at
            work(place.path)
        assert not place.wrong_after_failure(work, caught.value, removing=False)  # type: ignore[arg-type]


@pytest.mark.faults
@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
def test_no_error_of_any_call_loses_anything(
    place: Place, number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    points, found = 0, {}
    for work in WORKS:
        calls, wrong = failures(place, work, number)
        points += calls
        found.update({(work.__name__, call): said for call, said in wrong.items()})
    with capfd.disabled():
        print(f"\nfailing calls, {errno.errorcode[number]}: {points:,} points tried")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
