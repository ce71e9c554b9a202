"""Where a training keeps the parsed rows of a split that is too large for memory."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from forebay.trainer.workers.shares import Worker


@contextmanager
def rows_folder(folder: str, worker: Worker) -> Iterator[str]:
    """Yields an empty folder on a local disk, which is removed with what is in it.

    Beside the examples there is room for it: parsed rows take a small part of what they take. What
    a training that was killed has left there is removed by the next.

    Args:
        folder: the folder that the training writes. Where it is on no local disk, the system's
            place for temporary files is used.
        worker: whose rows they are.
    """
    if "://" in folder:
        with tempfile.TemporaryDirectory(prefix="forebay-rows-") as path:
            yield path
        return
    path = os.path.join(folder, f"rows-{worker.index}")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
