"""Searches the property tests for failures, with examples drawn anew until the minutes are over.

python tests/fuzz.py MINUTES [FILES AND OPTIONS OF PYTEST]
"""

from __future__ import annotations

import secrets
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parent
# Fewer seconds than it takes to collect the tests are not a round.
SHORTEST_ROUND_S = 30


def command(seed: int, arguments: list[str]) -> list[str]:
    """One round: every property test, with the examples of a seed."""
    files = [
        str(path.relative_to(TESTS.parent))
        for path in sorted(TESTS.rglob("test_*.py"))
        if "from hypothesis" in path.read_text("utf-8")
    ]
    return [
        sys.executable, "-m", "pytest", "-m", "hypothesis", "--hypothesis-profile=fuzz",
        f"--hypothesis-seed={seed}", "--exitfirst", "--quiet", "--numprocesses=auto",
        "--maxprocesses=4", "--dist=loadfile", *(arguments or files),
    ]  # fmt: skip


def run_round(seed: int, arguments: list[str], seconds: float) -> int | None:
    """Runs a round, and cuts it off after some seconds: pytest's exit status, None if cut."""
    process = subprocess.Popen(command(seed, arguments))
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()
        return None


def main(minutes: float, arguments: list[str]) -> int:
    """Runs rounds until the time is over or one fails; returns the exit status."""
    end, rounds, status = time.monotonic() + 60 * minutes, 0, 0
    while rounds == 0 or (status == 0 and end - time.monotonic() > SHORTEST_ROUND_S):
        seed = secrets.randbits(32)
        print(f"round {rounds + 1}: seed {seed}", flush=True)
        status = run_round(seed, arguments, end - time.monotonic())
        rounds += 1
    if status:
        again = shlex.join(["python", *command(seed, arguments)[1:]])
        print(f"round {rounds} failed; the same again: {again}")
        return status
    last = ", the last one cut off" if status is None else ""
    print(f"nothing failed in {minutes:g} minutes: {rounds} rounds{last}")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
