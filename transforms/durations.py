"""Durations as people write them (``90s``, ``1h``, ``7d``) and as whole microseconds."""

import re
from collections.abc import Iterator

from forebay.transforms.errors import Problem

SECOND_US = 1_000_000
_UNIT_US = {
    "us": 1,
    "ms": 1_000,
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3_600 * SECOND_US,
    "d": 86_400 * SECOND_US,
    "w": 7 * 86_400 * SECOND_US,
}
DAY_US = _UNIT_US["d"]
# Times are int64 microseconds, and so are their distances.
LONGEST_US = 2**63 - 1
UNBOUNDED = "unbounded"
_WRITTEN = re.compile(r"0*([0-9]+)(us|ms|s|m|h|d|w)")
_MOST_DIGITS = 19
DURATION_CURE = (
    "write a whole number and a unit out of us, ms, s, m, h, d, w, such as '90s' or '1h'"
)


def parse_duration(text: str) -> int | None:
    """Reads a duration.

    Args:
        text: a whole number followed by one of us, ms, s, m, h, d, w.

    Returns:
        Microseconds, up to `LONGEST_US`, or None where the text is not such a duration.
    """
    match = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if match is None or len(match[1]) > _MOST_DIGITS:
        return None
    microseconds = int(match[1]) * _UNIT_US[match[2]]
    return microseconds if microseconds <= LONGEST_US else None


def duration_problems(
    where: str, text: object, *, zero: bool = False, or_else: str = ""
) -> Iterator[Problem]:
    """Yields the mistake of a text that should be a duration.

    Args:
        where: the path of the field.
        text: what was found there.
        zero: whether no time at all will do.
        or_else: what else may stand there, for the cure.
    """
    read = parse_duration(text) if isinstance(text, str) else None
    if read or (zero and read == 0):
        return
    cause = "not a duration" if zero else "not a positive duration"
    if read is None and isinstance(text, str) and _WRITTEN.fullmatch(text):
        cause = f"longer than times can be apart ({LONGEST_US // DAY_US} days)"
    yield Problem(where, text, cause, DURATION_CURE + or_else)


def duration_us(text: str) -> int:
    """Reads a duration that a validated definition holds, in microseconds."""
    microseconds = parse_duration(text)
    if microseconds is None:
        raise ValueError(f"{text!r} is not a duration; {DURATION_CURE}")
    return microseconds
