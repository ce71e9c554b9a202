"""Changes of the whole process that work in several threads may want at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import TypeVar

T = TypeVar("T")


def shared(
    change: Callable[[], AbstractContextManager[T]],
) -> Callable[[], AbstractContextManager[T]]:
    """Lets the first that wants a change make it, and the last that is done with it take it back.

    Made and taken back by each, it would stay for good where two overlap: the second finds what the
    first has put there, and puts that back when it is the last to leave.

    Args:
        change: makes it when entered and takes it back when left, perhaps in another thread. It is
            not told what is raised inside.
    """
    lock = threading.Lock()
    inside = 0
    made: AbstractContextManager[T]
    given: T

    @wraps(change)
    @contextmanager
    def entered() -> Iterator[T]:
        nonlocal inside, made, given
        with lock:
            if not inside:
                made = change()
                given = made.__enter__()
            inside += 1
        try:
            yield given
        finally:
            with lock:
                inside -= 1
                if not inside:
                    made.__exit__(None, None, None)

    return entered
