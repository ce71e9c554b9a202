"""Instants as text."""

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant(micros: int) -> str:
    """Writes microseconds since 1970-01-01 UTC as RFC 3339."""
    return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def instant_us(text: str) -> int:
    """Reads an ISO 8601 date or instant as microseconds since 1970-01-01 UTC."""
    read = dt.datetime.fromisoformat(text)
    if read.tzinfo is None:
        read = read.replace(tzinfo=dt.UTC)
    return (read - _EPOCH) // dt.timedelta(microseconds=1)
