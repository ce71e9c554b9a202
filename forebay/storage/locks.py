"""Folders that one process at a time may change."""

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from forebay.console.machine import failure_of
from forebay.console.terminal import note
from forebay.storage import folders
from forebay.storage.entries import temporaries
from forebay.storage.names import LOCK_NAME, is_remote
from forebay.transforms.errors import RunFolderError, reason

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def locked(
    folder: str, name: str = "", *, shared: bool = False, wait: bool = False
) -> Iterator[None]:
    """Holds a folder, by an empty file in it that is gone afterwards.

    On an object store nothing is locked.

    Args:
        folder: a folder on a local disk.
        name: the folder below it to hold, which is made, and removed again if it stays empty;
            empty: the folder itself.
        shared: whether others may hold it too, who share it.
        wait: whether to wait for whoever holds it.

    Raises:
        RunFolderError: another process holds it, or it cannot be locked.
    """
    if is_remote(folder):
        yield
        return
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    path = os.path.join(folder, name, LOCK_NAME)
    made: list[str] = []
    while True:  # until it is the one that others see: who held it removes it
        made = folders.make(folder, name) or made
        lock = _acquire(path, how, is_made=bool(name))
        if lock is not None:
            break
    try:
        yield
    finally:
        _release(path, lock, shared)
        folders.remove_empty(folder, made)


@contextmanager
def occupied(folder: str, name: str, *, wait: bool = False) -> Iterator[None]:
    """Holds a folder alone, as `locked` does, without what killed processes left in the making."""
    with locked(folder, name, wait=wait):
        if not is_remote(folder):
            clean(folder, temporaries(folder, name), name)
        yield


def clean(folder: str, left: Sequence[str], name: str = "") -> None:
    """Removes what killed processes left in the making, and says so; for who holds it.

    Args:
        folder: a folder on a local disk.
        left: the names below it of what is left.
        name: the folder below it that is held; empty: the folder itself.
    """
    for each in left:
        folders.remove_temporary(folder, each)
    if left:
        place = os.path.join(folder, name) if name else folder
        note(f"removed what a killed process left unfinished in {place}: {', '.join(left)}")


def _acquire(path: str, how: int, is_made: bool) -> int | None:
    """Opens and locks a file; None: it, or a folder made for it, was gone by then."""
    place = os.path.dirname(path)
    lock = None
    try:
        lock = os.open(path, _OPEN, 0o666)
        found = os.fstat(lock)
        if not stat.S_ISREG(found.st_mode) or found.st_size:
            raise _unlockable(path, "it is not a lock of ours")
        fcntl.flock(lock, how)
        if _is_at(path, lock):
            kept, lock = lock, None
            return kept
        return None
    except BlockingIOError:
        raise RunFolderError(
            f"another process is writing {place}; wait for it, or choose another folder"
        ) from None
    except OSError as error:
        if isinstance(error, FileNotFoundError) and is_made:
            return None
        raise failure_of(error, path) or _unlockable(path, reason(error)) from error
    finally:
        if lock is not None:
            os.close(lock)


def _release(path: str, lock: int, shared: bool) -> None:
    try:
        if shared:  # the last of them removes it
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, lock):
            os.unlink(path)
    except OSError:
        pass  # others hold it, or the folder is gone
    finally:
        os.close(lock)


def _is_at(path: str, lock: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(lock))
    except FileNotFoundError:
        return False


def _unlockable(path: str, why: str) -> RunFolderError:
    return RunFolderError(
        f"{path} cannot be locked ({why}); move it away, or choose another folder"
    )
