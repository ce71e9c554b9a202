"""Commands that are killed at any moment: nothing is lost, and the same command again succeeds."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from small_work import WRITERS, protected
from trials import Trials
from verdicts import Draw
from warm_commands import Done, Warm

PROMPTLY = 2.0


def wrong_after_kill(trials: Trials, name: str, kind: signal.Signals, after: float) -> str:
    """Kills a command after a share of its time, and runs it again; what is wrong then."""
    wait = after * trials.seconds(name)
    place = trials.places.of(name)
    before = protected(place, name)
    process = trials.warm.start(WRITERS[name].arguments, cwd=place)
    time.sleep(wait)
    os.kill(process, kind)
    sent = time.monotonic()
    done = trials.warm.wait()
    late = time.monotonic() - sent
    if kind is signal.SIGINT and late > PROMPTLY:
        return f"takes {late:.1f} s to its end"
    return (
        _wrong_end(done, kind)
        or trials.wrong_files(name, place, before, is_done=done.status == 0)
        or trials.wrong_again(name, place)
    )


def _wrong_end(done: Done, kind: signal.Signals) -> str:
    """What is wrong with the end of a killed command; it may have ended before."""
    if done.status == 0 or (kind is signal.SIGKILL and done.status == -signal.SIGKILL):
        return ""
    is_told = done.err.endswith("interrupted\n") and done.err.count("interrupted") == 1
    if kind is signal.SIGINT and done.status == 130 and is_told and "Traceback" not in done.err:
        return ""
    return f"ends with {done.status}: {done.err[-600:]}"


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    folder = tmp_path_factory.mktemp("kills")
    with Warm(folder) as warm:
        yield Trials(folder, warm)


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_what_is_killed_loses_nothing(trials: Trials, capfd: pytest.CaptureFixture[str]) -> None:
    draw, found = Draw("kills", 0.3), {}
    for name in draw.rounds(WRITERS):
        kind = draw.random.choice([signal.SIGKILL, signal.SIGINT])
        after = draw.random.random()
        wrong = wrong_after_kill(trials, name, kind, after)
        if wrong:
            found[name, kind.name, after] = wrong
    with capfd.disabled():
        print(f"\n{draw}")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
