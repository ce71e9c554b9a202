"""System calls that change the disk, of which one fails: the n-th of some work.

Python asks its audit hooks before each of its own calls, and a hook that raises makes it fail.
A limit on the size of files fails what writes too much, in libraries that are not Python, too.
"""

from __future__ import annotations

import functools
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}


class _Failing:
    """Which call fails next."""

    is_armed = False
    only_one = threading.Lock()
    left = 0
    number = 0
    event = ""

    @classmethod
    def meet(cls, event: str) -> None:
        if not cls.is_armed:
            return
        with cls.only_one:
            cls.left -= 1
            fails = cls.left == -1
        if fails:
            cls.event = event
            raise OSError(cls.number, os.strerror(cls.number))


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in CHANGES:
        _Failing.meet(event)
    elif event == "open" and isinstance(arguments[2], int):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes and arguments[0] != os.devnull:
            _Failing.meet(event)


def _fsync(opened: int) -> None:
    """Fails or does nothing: no power is cut here, and a disk takes its time."""
    _Failing.meet("fsync")


@functools.cache
def _look() -> None:
    """Begins to look at the calls of this process; there is no way back."""
    sys.addaudithook(_hook)


def install(patch: pytest.MonkeyPatch) -> None:
    """Lets calls of this process be counted; of flushing there is no event to look at."""
    _look()
    patch.setattr(os, "fsync", _fsync)


@contextmanager
def failing(call: int, number: int) -> Iterator[Callable[[], str]]:
    """Lets a call fail inside.

    Args:
        call: which, from 0.
        number: the error's.

    Yields:
        Tells what kind of call has failed; nothing: fewer were made.
    """
    _Failing.left, _Failing.number, _Failing.event = call, number, ""
    _Failing.is_armed = True
    try:
        yield lambda: _Failing.event
    finally:
        _Failing.is_armed = False


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Lets no file of this process become larger inside than some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
