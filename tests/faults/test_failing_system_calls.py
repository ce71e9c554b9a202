"""Whole commands, of whose system calls one fails, in whatever library it is: by strace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest
from small_work import WRITERS, protected
from trials import Trials
from verdicts import Draw, wrong_with
from warm_commands import Done, Warm

CALLS = {
    "openat": 2_000, "write,writev,pwrite64": 500, "fsync,fdatasync": 30,
    "rename,renameat,renameat2": 30, "mkdir,mkdirat": 30, "unlink,unlinkat,rmdir": 30,
}  # fmt: skip
ERRORS = ("ENOSPC", "EIO", "EACCES")


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder = tmp_path_factory.mktemp("strace")
    with Warm(folder) as warm:
        yield Trials(folder, warm)


def run_failing(warm: Warm, arguments: tuple[str, ...], inject: str, **options: object) -> Done:
    """Runs a command of which a call fails, as strace's ``inject`` has it."""
    process = warm.start(arguments, stopped=True, **options)  # type: ignore[arg-type]
    calls = inject.partition(":")[0]
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(process), "-o", os.devnull, "-e", f"trace={calls}",
         "-e", f"inject={inject}"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    while "attached" not in (line := tracer.stderr.readline()):
        assert line, "strace cannot trace here"
    os.kill(process, signal.SIGCONT)
    done = warm.wait()
    tracer.communicate()
    return done


def wrong_when_failing(trials: Trials, name: str, inject: str) -> str:
    """Runs a command of which a call fails, and again; what is wrong."""
    trials.seconds(name)
    place = trials.places.of(name)
    before = protected(place, name)
    done = run_failing(trials.warm, WRITERS[name].arguments, inject, cwd=place)
    return (
        wrong_with(done.status, done.err)
        or trials.wrong_files(name, place, before, is_done=done.status == 0)
        or trials.wrong_again(name, place)
    )


@pytest.mark.faults
@pytest.mark.timeout(0)  # its own bound is FAULTS_MINUTES
def test_a_failing_call_loses_nothing(trials: Trials, capfd: pytest.CaptureFixture[str]) -> None:
    draw, found = Draw("failing system calls", 0.2), {}
    for name in draw.rounds(WRITERS):
        calls = draw.random.choice(list(CALLS))
        when = int(CALLS[calls] ** draw.random.random())
        inject = f"{calls}:error={draw.random.choice(ERRORS)}:when={when}"
        wrong = wrong_when_failing(trials, name, inject)
        if wrong:
            found[name, inject] = wrong
    with capfd.disabled():
        print(f"\n{draw}")
    assert not found, "\n".join(f"{point}: {wrong}" for point, wrong in found.items())
