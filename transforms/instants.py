"""Instants as text."""

import datetime as dt

import numpy as np

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment(micros: int) -> dt.datetime:
    """Returns microseconds since 1970-01-01 UTC as a datetime in UTC."""
    return _EPOCH + dt.timedelta(microseconds=micros)


def instant(micros: int, timespec: str = "auto") -> str:
    """Writes microseconds since 1970-01-01 UTC as RFC 3339.

    Years that it does not have are written as ISO 8601 does, negative or of more digits, and
    those instants to the second.

    Args:
        micros: the instant.
        timespec: the last part written, such as ``seconds``, as `datetime.isoformat` takes it;
            ``auto``: the last that is not 0.
    """
    try:
        return moment(micros).isoformat(timespec=timespec).replace("+00:00", "Z")
    except OverflowError:  # before the year 1 or after 9999
        return f"{np.datetime64(micros // 10**6, 's')}Z"


def instant_us(text: str) -> int:
    """Reads an ISO 8601 date or instant as microseconds since 1970-01-01 UTC."""
    read = dt.datetime.fromisoformat(text)
    if read.tzinfo is None:
        read = read.replace(tzinfo=dt.UTC)
    return (read - _EPOCH) // dt.timedelta(microseconds=1)
