"""Formats of dates and times: which ``strptime`` formats can be read."""

import datetime as dt
import re
from collections.abc import Iterator

from forebay.transforms.errors import Problem

_CURE = "write such as '%Y-%m-%d %H:%M:%S'"
_DIRECTIVES = frozenset("aAbBcdfGHIjmMpSuUVwWxXyYz%")
# What other tools read, and how it is written here.
_CURES = {
    "": "write %% for a percent sign",
    "-": "leave out the '-': %m and %d read 1 and 01 alike",
    "#": "leave out the '#': %m and %d read 1 and 01 alike",
    "D": "write %m/%d/%y",
    "e": "write %d, which reads 1 and 01 alike",
    "F": "write %Y-%m-%d",
    "h": "write %b",
    "k": "write %H, which reads 1 and 01 alike",
    "L": "write %f, which reads fractions of a second of up to six digits",
    "l": "write %I, which reads 1 and 01 alike",
    "Q": "write %f, which reads fractions of a second of up to six digits",
    "R": "write %H:%M",
    "s": "set unit='s' instead of a format",
    "T": "write %H:%M:%S",
    "Z": "write the name itself, such as 'UTC', and set tz=; or %z for an offset such as +01:00",
}
_SAMPLE = dt.datetime(2013, 11, 30, 22, 46, 59, 987654, dt.UTC)


def directives(format: str) -> tuple[str, ...]:
    """Returns the letters of a format's directives, in order; ``%%`` is one, too."""
    return tuple(re.findall(r"%(.?)", format, re.DOTALL))


def parse_time(text: str, format: str) -> dt.datetime:
    """Reads a text as Python's ``strptime`` does; a date without a year is one of 1900.

    Python's own default is deprecated from 3.13 on.

    Raises:
        ValueError: it is not a time of the format.
    """
    letters = set(directives(format))
    if "d" in letters and not letters & set("YyGcx"):
        return dt.datetime.strptime(f"1900 {text}", f"%Y {format}")
    return dt.datetime.strptime(text, format)


def format_problems(format: str, where: str) -> Iterator[Problem]:
    """Yields what keeps a format from being read; ``where`` is its path in the definition.

    The name of a zone, as ``%Z`` reads it, is refused: what instant it means, and whether it is
    read at all, depends on the machine.
    """
    found = directives(format)
    others = [letter for letter in dict.fromkeys(found) if letter not in _DIRECTIVES]
    for letter in others:
        is_zone = letter == "Z"
        cause = "%Z reads a zone's name and forgets it" if is_zone else f"no directive '%{letter}'"
        yield Problem(where, format, cause, _CURES.get(letter, _CURE))
    if others:
        return
    if not set(found) - {"%"}:
        yield Problem(where, format, "without a directive it reads no time", _CURE)
        return
    try:
        parse_time(_SAMPLE.strftime(format), format)
    except (ValueError, OverflowError, re.error) as error:
        yield Problem(where, format, f"reads no time ({error})", _CURE)
