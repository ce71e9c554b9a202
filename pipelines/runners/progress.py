"""What a run tells while it works: bars on a terminal, lines elsewhere.

Progress is read off the files that the steps write, which asks nothing of the runner.
"""

import glob
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from forebay.console.terminal import note, notes, shows_bars
from forebay.console.words import counted

_POLL_SECONDS = 0.5
_LINE_SECONDS = 30.0


@contextmanager
def progress(step: str, pattern: str, total: int, aside: str | None = None) -> Iterator[None]:
    """Shows a step's progress on standard error.

    Args:
        step: its name.
        pattern: matches the local files that the step finishes; elsewhere than on a local disk
            nothing matches, and only the time is shown.
        total: how many of them there will be, at most.
        aside: matches the local files that the step writes for itself until it can finish those:
            their size says that it gets on.
    """
    console = notes()
    shown = _bar(step, total) if shows_bars(console) else _lines(step, total)

    def look() -> None:
        show(len(glob.glob(pattern)), _set_aside(glob.glob(aside) if aside else []))

    with shown as show, _polled(look):
        yield


def _set_aside(paths: list[str]) -> str:
    """Says how much files hold; nothing where they hold nothing."""
    size = 0
    for path in paths:
        with suppress(FileNotFoundError):
            size += os.path.getsize(path)
    return f", {decimal(size)} set aside" if size else ""


@contextmanager
def _bar(step: str, total: int) -> Iterator[Callable[[int, str], None]]:
    columns = (
        TextColumn(step), BarColumn(), MofNCompleteColumn(),
        TextColumn("files{task.fields[aside]}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=notes()) as bar:
        task = bar.add_task(step, total=total, aside="")

        def show(found: int, aside: str) -> None:
            bar.update(task, total=max(total, found), completed=found, aside=aside)

        yield show
        done = int(bar.tasks[task].completed) or total
        bar.update(task, total=done, completed=done)


@contextmanager
def _lines(step: str, total: int) -> Iterator[Callable[[int, str], None]]:
    started = told = time.monotonic()

    def show(found: int, aside: str) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _LINE_SECONDS:
            told = now
            files = f"{found:,} of {counted(total, 'file')}{aside}"
            note(f"{step}: {files} after {now - started:.0f} s")

    yield show
    note(f"{step}: {time.monotonic() - started:.1f} s")


@contextmanager
def _polled(look: Callable[[], None]) -> Iterator[None]:
    """Looks again and again, in a thread of its own, until the work is done."""
    done = threading.Event()

    def poll() -> None:
        while not done.wait(_POLL_SECONDS):
            look()

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    try:
        yield
    finally:
        done.set()
        poller.join()
