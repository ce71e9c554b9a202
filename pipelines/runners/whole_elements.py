"""Beam's local workers hand over whole elements only.

Where Beam's local runner works in threads, each worker's output has a second thread that sends what
the buffer holds, once a second. It does not ask whether the worker is in the middle of an element:
the runner then gets its beginning and, in the next message, its end, and what is written between
the sending and the emptying of the buffer is lost. Read as elements, such bytes fail, or never end
and fill the memory. Without the clock, buffers are sent by their size, between two elements, as
Beam does it everywhere else.
"""

from apache_beam.runners.portability.fn_api_runner import worker_handlers


def send_whole_elements() -> None:
    """Has Beam's local workers of this process send their buffers by size, from now on.

    The option of the workers' environment takes no zero, and the runner's own buffers have none.
    For good, since pipelines may run beside each other.
    """
    worker_handlers.DATA_BUFFER_TIME_LIMIT_MS = 0
