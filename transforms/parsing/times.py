"""Columns of text read as days and instants."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import Date, Timestamp, formats
from forebay.transforms.definition.time_formats import directives, parse_time
from forebay.transforms.parsing.casts import (
    BLANKS,
    BoolArray,
    CastColumn,
    Fault,
    by_distinct,
    cast_text,
    exact_integer,
    faults_of,
    read_integers,
    to_mask,
    try_cast,
    without,
)
from forebay.transforms.zones import local_to_utc

_CLOCK = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
UNIT_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
FIRST_US = (dt.datetime.min - _EPOCH) // _MICROSECOND
LAST_US = (dt.datetime.max - _EPOCH) // _MICROSECOND
_DAY_US = 86_400_000_000
_FIRST_DAY, _LAST_DAY = FIRST_US // _DAY_US, LAST_US // _DAY_US
_FAR = "outside the years 1 to 9999"
# What C's strptime is asked for, and how Python's reads it; the rest is left to Python's.
_DIRECTIVES = {
    "Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "(1[0-2]|0?[1-9])", "b": "", "B": "",
    "d": "(3[01]|[12][0-9]|0?[1-9]| [1-9])", "H": "(2[0-3]|[01]?[0-9])", "M": "[0-5]?[0-9]",
    "S": "[0-5]?[0-9]", "I": "(1[0-2]|0?[1-9])", "p": "(AM|PM)", "%": "%",
}  # fmt: skip
_PART = re.compile(r"%(.)|(\s+)|(.)", re.DOTALL)
_NUMBERS = frozenset("YymdHMSI")
_DIGITS_NEXT = re.compile(rf"%[{''.join(_NUMBERS)}]|[0-9]")
_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_HOUR = r"([01][0-9]|2[0-3])"
_TIME = _HOUR + r"(:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?)?"
_OFFSET = rf"(Z|[+-]{_HOUR}(:?[0-5][0-9])?)"
_DATE_TEXT = f"^{_DAY}$"
_CLOCK_TEXT = f"^{_DAY}([ T]{_TIME})?$"
_INSTANT_TEXT = f"^{_DAY}[ T]{_TIME}{_OFFSET}$"


def read_dates(text: pa.StringArray, column: Date) -> CastColumn:
    """Reads days, date32."""
    if column.format is None:
        values, failing = cast_text(text, pa.date32(), _DATE_TEXT)
        problems = faults_of((failing, "not a date written YYYY-MM-DD"))
    else:
        clocks, instants, failing = _read_formats(text, column, with_offset=False)
        values = _merge(clocks, instants).cast(pa.date32(), safe=False)
        problems = faults_of((failing, f"not a date written {' or '.join(formats(column))}"))
    far = _outside(values.view(pa.int32()), _FIRST_DAY, _LAST_DAY)
    return CastColumn(without(values, far), problems + faults_of((far, _FAR)))


def read_timestamps(text: pa.StringArray, column: Timestamp) -> CastColumn:
    """Reads instants, timestamps in microseconds UTC.

    ISO text is ``YYYY-MM-DD``, then, after a blank or T, ``hh``, ``hh:mm`` or ``hh:mm:ss`` with
    a fraction, cut to microseconds, then ``Z``, ``UTC`` or an offset ``±hh``, ``±hhmm``,
    ``±hh:mm``. Numbers of a ``unit`` may have a fraction of whole microseconds.
    """
    if column.unit is not None:
        return _read_unit(text, column.unit)
    if column.format is None:
        clocks, instants, failing = _read_iso(text)
        written = "in ISO 8601, such as 2013-01-31 09:30:00"
    else:
        clocks, instants, failing = _read_formats(text, column, with_offset=True)
        written = " or ".join(formats(column))
    problems = faults_of((failing, f"not a time written {written}"))
    if clocks is not None and column.tz != "UTC":
        clocks, more = _to_instants(clocks, column)
        problems += more
    values = _merge(clocks, instants)
    far = _outside(values.view(pa.int64()), FIRST_US, LAST_US)
    return CastColumn(without(values, far), problems + faults_of((far, _FAR)))


def read_instants(values: pa.TimestampArray, column: Timestamp) -> CastColumn:
    """Takes instants of any unit, or, of a type without a zone, clock readings in the column's.

    Nanoseconds are cut to microseconds, as the digits of a text are.
    """
    counts, problems = _in_microseconds(values.view(pa.int64()), values.type.unit)
    if values.type.tz is None and column.tz != "UTC":
        counts, more = _to_instants(counts.view(_CLOCK), column)
        counts, problems = counts.view(pa.int64()), problems + more
    far = _outside(counts, FIRST_US, LAST_US)
    return CastColumn(without(counts, far).view(_INSTANT), problems + faults_of((far, _FAR)))


def read_counts(values: pa.Array, unit: str) -> CastColumn:
    """Takes numbers of a unit since 1970-01-01 UTC, of which a fraction is exact to the µs."""
    if pa.types.is_signed_integer(values.type):
        counts, problems = _in_microseconds(values.cast(pa.int64()), unit)
        return CastColumn(counts.view(_INSTANT), problems)
    return _read_unit(values.cast(pa.string()), unit)


def read_days(values: pa.Array) -> CastColumn:
    """Takes days, or clock readings at midnight."""
    if pa.types.is_date32(values.type):
        far = _outside(values.view(pa.int32()), _FIRST_DAY, _LAST_DAY)
        return CastColumn(without(values, far), faults_of((far, _FAR)))
    unit = "ms" if pa.types.is_date64(values.type) else values.type.unit
    counts, problems = _in_microseconds(values.view(pa.int64()), unit)
    valid, us = to_mask(counts.is_valid()), counts.fill_null(0).to_numpy()
    within = valid & (us % _DAY_US != 0)
    days = pa.array((us // _DAY_US).astype(np.int32), mask=~valid | within).view(pa.date32())
    return CastColumn(days, problems + faults_of((within, "a time of day, and no day")))


def _in_microseconds(counts: pa.Int64Array, unit: str) -> tuple[pa.Int64Array, list[Fault]]:
    if unit == "ns":
        cut = np.floor_divide(counts.fill_null(0).to_numpy(), 1000)
        return pa.array(cut, mask=~to_mask(counts.is_valid())), []
    scale = UNIT_US[unit]
    far = _outside(counts, -(-FIRST_US // scale), LAST_US // scale)
    return pc.multiply(without(counts, far), scale), faults_of((far, _FAR))


def _merge(clocks: pa.Array | None, instants: pa.Array | None) -> pa.Array:
    """Joins clock readings of UTC with instants; each is null where the other has a value."""
    if clocks is None:
        return instants
    if instants is None:
        return clocks.view(_INSTANT)
    return pc.coalesce(clocks.view(_INSTANT), instants)


def _to_instants(clocks: pa.Array, column: Timestamp) -> tuple[pa.Array, list[Fault]]:
    """Turns clock readings of the column's zone into instants."""
    valid = to_mask(clocks.is_valid())
    local_us = clocks.view(pa.int64()).fill_null(0).to_numpy()
    found = local_to_utc(local_us, column.tz)
    instants = found.latest_us if column.ambiguous == "latest" else found.earliest_us
    rejected = np.zeros(len(valid), np.bool_)
    twice = found.ambiguous & valid if column.ambiguous == "reject" else rejected
    never = found.nonexistent & valid if column.nonexistent == "reject" else rejected
    problems = faults_of(
        (twice, f"shown twice by the clocks of {column.tz} (set back)"),
        (never, f"never shown by the clocks of {column.tz} (set forward)"),
    )
    return pa.array(instants, pa.int64(), mask=~valid | twice | never).view(_CLOCK), problems


def _read_iso(
    text: pa.StringArray,
) -> tuple[pa.Array | None, pa.Array | None, BoolArray | None]:
    """Reads ISO text: clock readings, instants (None: there are none) and the failing cells."""
    clocks = try_cast(text, _CLOCK)
    if clocks is not None:
        return clocks, None, None
    instants = try_cast(text, _INSTANT)
    if instants is not None:
        return None, instants, None
    plain = pc.utf8_trim(text, BLANKS)
    plain = pc.replace_substring_regex(plain, r"(:[0-9]{2}\.[0-9]{6})[0-9]+", r"\1")
    plain = pc.replace_substring_regex(plain, r"([0-9]) ?(UTC|[Zz])$", r"\1Z")
    plain = pc.replace_substring_regex(plain, r"(:[0-9.]+) ([+-][0-9:]+)$", r"\1\2")
    zoned = to_mask(pc.match_substring_regex(plain, _INSTANT_TEXT))
    clocks, unread = cast_text(without(plain, zoned), _CLOCK, _CLOCK_TEXT)
    instants, unread_zoned = cast_text(without(plain, ~zoned), _INSTANT, _INSTANT_TEXT)
    failing = [mask for mask in (unread, unread_zoned) if mask is not None]
    return clocks, instants, np.logical_or.reduce(failing) if failing else None


def _read_unit(text: pa.StringArray, unit: str) -> CastColumn:
    """Reads counts of a unit since 1970-01-01 UTC."""
    counts, problems = read_integers(text)
    values, found = _in_microseconds(counts, unit)
    scale = UNIT_US[unit]
    if problems:  # fractions, and what is too large
        unread = np.logical_or.reduce([mask for mask, _ in problems])
        exact, failing = by_distinct(
            without(text, ~unread), lambda cell: exact_integer(cell, scale)
        )
        beyond = _outside(exact, FIRST_US, LAST_US)
        values = pc.coalesce(values, without(exact, beyond))
        count = f"not a count of {unit} since 1970-01-01, exact to the microsecond"
        found += faults_of((failing, count), (beyond, _FAR))
    return CastColumn(values.view(_INSTANT), found)


def _outside(values: pa.Array, first: int, last: int) -> BoolArray | None:
    """Returns the mask of the integers outside the limits, or None."""
    limits = pc.min_max(values)
    low, high = limits["min"].as_py(), limits["max"].as_py()
    if low is None or (low >= first and high <= last):
        return None
    return to_mask(pc.or_(pc.less(values, first), pc.greater(values, last)))


def _read_formats(
    text: pa.StringArray, column: Timestamp | Date, *, with_offset: bool
) -> tuple[pa.Array | None, pa.Array | None, BoolArray | None]:
    """Reads text by the first format that does, as `_read_iso` returns it."""
    clocks: pa.Array | None = None
    instants: pa.Array | None = None
    failing: BoolArray | None = None
    for format in formats(column):
        left = text if failing is None else without(text, ~failing)
        readings, failing = _read_format(left, format, with_offset=with_offset)
        if with_offset and "z" in directives(format):
            zoned = readings.view(_INSTANT)
            instants = zoned if instants is None else pc.coalesce(instants, zoned)
        else:
            clocks = readings if clocks is None else pc.coalesce(clocks, readings)
        if failing is None or not failing.any():
            break
    return clocks, instants, failing


def _read_format(
    text: pa.StringArray, format: str, *, with_offset: bool
) -> tuple[pa.Array, BoolArray | None]:
    """Reads text as Python's ``strptime`` does.

    Args:
        text: the cells.
        format: the format.
        with_offset: whether an offset read by %z is taken off the clock reading.

    Returns:
        the readings, timestamps in microseconds without zone, and the failing cells.
    """
    text = pc.utf8_trim(text, BLANKS)
    letters = set(directives(format))

    def read(cell: str) -> int | None:
        return _python_us(cell, format, with_offset=with_offset)

    if not letters <= _DIRECTIVES.keys():
        counts, failing = by_distinct(text, read)
        return counts.view(_CLOCK), failing
    values = pc.strptime(text, format=format, unit="s", error_is_null=True).cast(_CLOCK)
    is_read = to_mask(values.is_valid())
    doubtful = is_read & ~to_mask(pc.match_substring_regex(text, _pattern(format, parted=True)))
    if not is_read.all():
        doubtful |= ~is_read & to_mask(pc.match_substring_regex(text, _pattern(format)))
    doubtful |= to_mask(pc.less(values, pa.scalar(dt.datetime(1000, 1, 1), _CLOCK)))
    if "d" in letters:  # C turns 30 February into 2 March
        few = to_mask(pc.less_equal(pc.day(values), 3)) & ~doubtful
        written = pc.strftime(values.filter(pa.array(few)).cast(pa.timestamp("s")), format=format)
        doubtful[few] = ~to_mask(pc.equal(written, text.filter(pa.array(few))))
    if doubtful.any():
        checked, _ = by_distinct(without(text, ~doubtful), read)
        values = pc.if_else(pa.array(doubtful), checked.view(_CLOCK), values)
    failing = to_mask(text.is_valid()) & ~to_mask(values.is_valid())
    return values, failing


@functools.cache
def _pattern(format: str, *, parted: bool = False) -> str:
    """Returns what Python's ``strptime`` reads by a format, as a regular expression.

    C's reads more: blanks anywhere, months in full for %b, one digit for %y, years of three.

    Args:
        format: the format.
        parted: whether only texts are meant of which the digits can be parted in one way: numbers
            that touch others have all of their digits. C takes as many as there are for the
            first, where Python leaves some for those that follow.
    """
    months = {"b": calendar.month_abbr, "B": calendar.month_name}
    pattern, follows_number = "", False
    for part in _PART.finditer(format):
        letter, blanks, other = part.groups()
        if letter:
            read = _DIRECTIVES[letter] or f"({'|'.join(map(re.escape, months[letter][1:]))})"
            touches = follows_number or _DIGITS_NEXT.match(format, part.end())
            pattern += read.replace("?", "") if parted and touches else read
        else:
            pattern += r"\s+" if blanks else re.escape(other)
        follows_number = letter in _NUMBERS
    return f"(?i)^{pattern}$"


def _python_us(cell: str, format: str, *, with_offset: bool) -> int | None:
    try:
        moment = parse_time(cell, format)
        offset = (moment.utcoffset() if with_offset else None) or dt.timedelta(0)
        return (moment.replace(tzinfo=None) - offset - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
