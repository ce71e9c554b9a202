"""Commands that are killed at any moment: nothing is lost, and the same command again succeeds."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_work import WRITERS, Places, protected
from verdicts import Draw, wrong_with
from warm_commands import Done, Warm

from forebay.storage.run.run_folder import open_run

PROMPTLY = 2.0


class Killed:
    """Runs commands and kills them; tells what is not as it must be afterwards."""

    def __init__(self, folder: Path, warm: Warm) -> None:
        self._warm, self.places = warm, Places(folder, warm)
        self._seconds: dict[str, float] = {}

    def seconds(self, name: str) -> float:
        """How long a command takes."""
        if name not in self._seconds:
            place = self.places.of(name)
            begun = time.monotonic()
            assert self._warm.run(WRITERS[name].arguments, cwd=place).status == 0
            self._seconds[name] = time.monotonic() - begun
        return self._seconds[name]

    def wrong_after(self, name: str, kind: signal.Signals, after: float) -> str:
        """Kills a command after a share of its time, and runs it again; what is wrong then."""
        wait = after * self.seconds(name)
        place = self.places.of(name)
        had_run = (place / "run/manifest.json").exists()
        before = protected(place, name)
        process = self._warm.start(WRITERS[name].arguments, cwd=place)
        time.sleep(wait)
        os.kill(process, kind)
        sent = time.monotonic()
        done = self._warm.wait()
        late = time.monotonic() - sent
        left = [path.name for path in place.rglob(".forebay-*.tmp")]
        again = self._again(name, place, had_run)
        changed = sorted(
            path
            for path, content in (protected(place, name).items() ^ before.items())
            if "/.forebay" not in path
        )
        told = "a killed process left" in again or "cut off" in again
        return "; ".join(
            what
            for what, is_so in {
                _wrong_end(done, kind): True,
                f"{late:.1f} s until its end": kind is signal.SIGINT and late > PROMPTLY,
                f"changed {changed}": bool(changed),
                again: again.startswith("again: "),
                f"silent on {left}: {again}": bool(left) and not told,
                "leaves its own in the making": any(place.rglob(".forebay-*.tmp")),
                "leaves a lock": any(place.rglob(".forebay.lock")),
            }.items()
            if what and is_so
        )

    def _again(self, name: str, place: Path, had_run: bool) -> str:
        """What the command says when it is run again; what is wrong begins with ``again: ``."""
        said = ""
        if had_run:
            try:
                open_run(str(place / "run"))
            except Exception as error:
                return f"again: the older run: {error!r}"
        overwrite = ("--overwrite",) if (place / "run/manifest.json").exists() else ()
        arguments = WRITERS[name].arguments + (overwrite if name == "preprocess" else ())
        done = self._warm.run(arguments, cwd=place)
        said += done.err
        wrong = wrong_with(done.status, done.err)
        return f"again: {done.status}, {wrong or said}" if wrong or done.status else said


def _wrong_end(done: Done, kind: signal.Signals) -> str:
    """What is wrong with the end of a killed command; it may have ended before."""
    if done.status == 0 or (kind is signal.SIGKILL and done.status == -signal.SIGKILL):
        return ""
    is_told = done.err.endswith("interrupted\n") and done.err.count("interrupted") == 1
    if kind is signal.SIGINT and done.status == 130 and is_told and "Traceback" not in done.err:
        return ""
    return f"ends with {done.status}: {done.err[-600:]}"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("kills")
    with Warm(folder) as warm:
        yield Killed(folder, warm)


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_what_is_killed_loses_nothing(killed: Killed, capfd: pytest.CaptureFixture[str]) -> None:
    draw, found = Draw("kills", 0.4), {}
    for _ in draw.points():
        name = draw.random.choice(list(WRITERS))
        kind = draw.random.choice([signal.SIGKILL, signal.SIGINT])
        after = draw.random.random()
        wrong = killed.wrong_after(name, kind, after)
        if wrong:
            found[name, kind.name, after] = wrong
    with capfd.disabled():
        print(f"\n{draw}")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
