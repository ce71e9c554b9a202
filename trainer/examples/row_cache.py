"""Where a training keeps the parsed rows of a split that is too large for memory."""

import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from forebay.storage import folders
from forebay.storage.names import is_remote, temporary_name


@contextmanager
def rows_folder(run: str, folder: str) -> Iterator[str]:
    """Yields an empty folder on a local disk, which is removed with what is in it.

    Beside the examples there is room for it: parsed rows take a small part of what they take. What
    a training that was killed has left there is removed by the next.

    Args:
        run: the run folder. Where it is on no local disk, the system's place for temporary files
            is used.
        folder: the folder below it that the training writes.
    """
    if is_remote(run):
        with tempfile.TemporaryDirectory(prefix="forebay-rows-") as path:
            yield path
        return
    name = posixpath.join(folder, temporary_name())
    folders.make(run, name)
    try:
        yield posixpath.join(run, name)
    finally:
        folders.remove_temporary(run, name)
