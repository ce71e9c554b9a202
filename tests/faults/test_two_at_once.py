"""Two commands on one run at once: one is stopped anywhere while the other replaces what it reads.

Each ends well or with one line; what is there afterwards is whole; and what was said to be done
is what it is without the other, before or after it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_work import SHORT, WRITERS, Places
from verdicts import Draw, contents, wrong_with
from warm_commands import Done, Warm, state

from forebay.storage.run.run_folder import open_run
from forebay.transforms.errors import ForebayError

STOPPED = {
    "evaluate": ("run/evaluation/test.json",), "predict": ("answers.jsonl",),
    "report": ("report.png",), "train": (), "train --fresh": (), "sweep": (), "lr-find": (),
}  # fmt: skip
REPLACES = {
    "preprocess": (
        "preprocess", "small.py", "--input", "other.csv", "--output", "run", "--overwrite",
    ),
    "train": ("train", "run", *SHORT, "--fresh", "--learning-rate", "0.05", "--keep", "1"),
    "evaluate": WRITERS["evaluate"].arguments,
}  # fmt: skip
# The stopped one may hold what the other waits for.
PATIENCE = 15.0


class Pair:
    """Two processes that run commands in one place."""

    def __init__(self, folder: Path, one: Warm, other: Warm) -> None:
        self._one, self._other, self._places = one, other, Places(folder, one)
        self._alone: dict[str, tuple[float, dict[str, bytes | None]]] = {}

    def place(self) -> Path:
        """A trained run, and the rows of another."""
        place = self._places.of("evaluate")
        rows = (place / "rows.csv").read_text().splitlines()
        (place / "other.csv").write_text("\n".join([rows[0], *rows[20:]]))
        return place

    def alone(self, name: str) -> tuple[float, dict[str, bytes | None]]:
        """How long a command takes when nothing happens, and what it writes."""
        if name not in self._alone:
            place, begun = self.place(), time.monotonic()
            done = self._one.run(WRITERS[name].arguments, cwd=place)
            assert done.status == 0, done
            self._alone[name] = time.monotonic() - begun, written(place, name)
        return self._alone[name]

    def wrong(self, name: str, other: str, after: float) -> tuple[str, tuple[int, int]]:
        """What is wrong where a command is stopped for another; and how both ended."""
        seconds, before = self.alone(name)
        place = self.place()
        process = self._one.start(WRITERS[name].arguments, cwd=place)
        time.sleep(after * seconds)
        os.kill(process, signal.SIGSTOP)
        second = self._other.start(REPLACES[other], cwd=place)
        end = time.monotonic() + PATIENCE
        while state(second) != "Z" and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process, signal.SIGCONT)
        done, replaced = self._one.wait(), self._other.wait()
        ended = (done.status, replaced.status)
        return self._wrong_after(place, name, before, done, replaced), ended

    def _wrong_after(
        self, place: Path, name: str, before: dict[str, bytes | None], done: Done, replaced: Done
    ) -> str:
        for one in (done, replaced):
            wrong = wrong_with(one.status, one.err)
            if wrong or "make the run anew" in one.err or "train or export anew" in one.err:
                return wrong or f"blames the files: {one.err}"
        if done.status and replaced.status:
            return f"both fail: {done.err} {replaced.err}"
        left = [path.name for path in place.rglob(".forebay*")]
        try:
            run = open_run(str(place / "run"))
            run.verify(run.manifest.files)
        except ForebayError as error:
            return f"the run: {error}"
        if left:
            return f"leaves {left}"
        result = written(place, name)
        if done.status or result == before:
            return ""
        self._one.run(WRITERS[name].arguments, cwd=place)
        return "" if result == written(place, name) else "made of both"


def written(place: Path, name: str) -> dict[str, bytes | None]:
    return {each: contents(place).get(each) for each in STOPPED[name]}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("two")
    for name in ("one", "other"):
        (folder / name).mkdir()
    with Warm(folder / "one") as one, Warm(folder / "other") as other:
        yield Pair(folder, one, other)


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_two_at_once_lose_nothing(pair: Pair, capfd: pytest.CaptureFixture[str]) -> None:
    draw, found, ends = Draw("two at once", 0.1), {}, dict[str, int]()
    for name in draw.rounds(STOPPED):
        other = draw.random.choice(list(REPLACES))
        after = draw.random.random()
        wrong, ended = pair.wrong(name, other, after)
        ends[str(ended)] = ends.get(str(ended), 0) + 1
        if wrong:
            found[name, other, after] = wrong
    with capfd.disabled():
        print(f"\n{draw}; statuses {json.dumps(ends)}")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
