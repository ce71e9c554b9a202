"""Durations as people write them (``90s``, ``1h``, ``7d``) and as whole microseconds."""

import re

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
UNBOUNDED = "unbounded"
DURATION_CURE = (
    "write a whole number and a unit out of us, ms, s, m, h, d, w, such as '90s' or '1h'"
)


def parse_duration(text: str) -> int | None:
    """Reads a duration.

    Args:
        text: a whole number followed by one of us, ms, s, m, h, d, w.

    Returns:
        Microseconds, or None where the text is no duration.
    """
    match = re.fullmatch(r"(\d+)(us|ms|s|m|h|d|w)", text) if isinstance(text, str) else None
    return int(match[1]) * _UNIT_US[match[2]] if match else None


def duration_us(text: str) -> int:
    """Reads a duration that a validated definition holds, in microseconds."""
    microseconds = parse_duration(text)
    if microseconds is None:
        raise ValueError(f"{text!r} is not a duration; {DURATION_CURE}")
    return microseconds
