"""A disk that is full, at every command that writes: on a small file system of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_disk import Disk, small_disk
from small_work import WRITERS, protected
from trials import Trials
from verdicts import Draw, wrong_with
from warm_commands import Warm


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with small_disk(tmp_path_factory.mktemp("disk") / "small") as small:
        yield small


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    folder = tmp_path_factory.mktemp("full")
    with Warm(folder) as warm:
        yield Trials(folder, warm)


def wrong_when_full(trials: Trials, disk: Disk, name: str, left: int, what: str) -> str:
    """Runs a command with some bytes left for it, and again with plenty; what is wrong."""
    trials.seconds(name)
    place = trials.places.of(name, disk.folder / "place" if what == "output" else None)
    before = protected(place, name)
    (disk.folder / "tmp").mkdir(exist_ok=True)
    disk.leave(left)
    temporary = {"TMPDIR": str(disk.folder / "tmp")} if what == "temporary files" else {}
    done = trials.warm.run(WRITERS[name].arguments, cwd=place, **temporary)
    disk.grow()
    wrong = wrong_with(done.status, done.err)
    if done.status and not wrong and "no space left on device" not in done.err:
        wrong = f"{done.status}: {done.err}"
    return (
        wrong
        or trials.wrong_files(name, place, before, is_done=done.status == 0)
        or trials.wrong_again(name, place)
    )


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_a_full_disk_loses_nothing(
    trials: Trials, disk: Disk, capfd: pytest.CaptureFixture[str]
) -> None:
    draw, found = Draw("full disks", 0.2), {}
    for name in draw.rounds(WRITERS):
        left = int(2 ** draw.random.uniform(0, 22))
        what = draw.random.choice(["output", "output", "temporary files"])
        wrong = wrong_when_full(trials, disk, name, left, what)
        if wrong:
            found[name, left, what] = wrong
    with capfd.disabled():
        print(f"\n{draw}")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
