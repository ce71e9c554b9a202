"""Beam's local workers hand over whole elements only.

Where Beam's local runner works in threads, each worker's output has a second thread that sends what
the buffer holds, once a second. It does not ask whether the worker is in the middle of an element:
the runner then gets its beginning and, in the next message, its end, and what is written between
the sending and the emptying of the buffer is lost. Read as elements, such bytes fail, or never end
and fill the memory. Without the clock, buffers are sent by their size, between two elements, as
Beam does it everywhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from apache_beam.runners.portability.fn_api_runner import worker_handlers


@contextmanager
def sent_whole() -> Iterator[None]:
    """Lets pipelines that run inside send their buffers between elements, not by the clock.

    The option of the workers' environment takes no zero, and the runner's own buffers have none.
    """
    kept = worker_handlers.DATA_BUFFER_TIME_LIMIT_MS
    worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = 0
    try:
        yield
    finally:
        worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = kept
