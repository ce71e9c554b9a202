"""What other packages log while we use them: less of it, or in other words."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def logs_filtered(
    names: Sequence[str], keeps: Callable[[logging.LogRecord], bool]
) -> Iterator[None]:
    """Lets loggers pass the records of which a filter says so; it may put them in other words.

    Args:
        names: the loggers', ``""`` for the root's.
        keeps: tells whether a record is logged.
    """
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(keeps)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keeps)
