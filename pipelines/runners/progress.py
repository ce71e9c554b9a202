"""What a run tells while it works: bars on a terminal, a line for each step elsewhere.

Progress is read off the files that the steps write, which asks nothing of the runner.
"""

import glob
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from forebay.console.terminal import screen, tell

_POLL_SECONDS = 0.5


@contextmanager
def progress(step: str, pattern: str, total: int) -> Iterator[None]:
    """Shows a step's progress on standard error.

    Args:
        step: its name.
        pattern: matches the local files that the step finishes; elsewhere than on a local disk
            nothing matches, and the bar shows the time only.
        total: how many of them there will be, at most.
    """
    console = screen(stderr=True)
    if not console.is_terminal:
        started = time.monotonic()
        yield
        tell(f"{step}: {time.monotonic() - started:.1f} s")
        return
    columns = (TextColumn(step), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task, done = bar.add_task(step, total=None), threading.Event()

        def poll() -> None:
            while not done.wait(_POLL_SECONDS):
                if found := len(glob.glob(pattern)):
                    bar.update(task, total=max(total, found), completed=found)

        poller = threading.Thread(target=poll, daemon=True)
        poller.start()
        try:
            yield
            bar.update(task, total=1, completed=1)
        finally:
            done.set()
            poller.join()
