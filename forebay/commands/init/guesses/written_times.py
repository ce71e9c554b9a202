"""In which formats days and instants are written, where it is not ISO 8601."""

import re

from forebay.transforms.definition.columns import Column, Date, Timestamp

# Months before days, for want of a better reason, where a file's days are all up to 12.
_DAY_FORMATS = (
    "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%Y.%m.%d", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%m/%d/%y",
    "%d/%m/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y",
    "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%A, %B %d, %Y",
)  # fmt: skip
_MONTH_FORMATS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y")
_INSTANT_FORMATS = (
    "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S %z", "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%M%S%z",
)  # fmt: skip
_CLOCK = re.compile(
    r"(, |[ T])[0-9]{1,2}(?P<part>[:.])[0-9]{2}((?P=part)[0-9]{2})?(\.[0-9]+)?( ?[AaPp][Mm])?$"
)


def written_like(text: str) -> list[Date | Timestamp]:
    """Returns the kinds of columns to try where a text is one of a column's."""
    clock = _clock_format(text)
    instants = [Timestamp(format=format) for format in _INSTANT_FORMATS]
    if clock:
        days = ("%Y-%m-%d", "%Y%m%d", *_DAY_FORMATS)
        return [*(Timestamp(format=day + clock) for day in days), *instants]
    return [*(Date(format=format) for format in (*_DAY_FORMATS, *_MONTH_FORMATS)), *instants]


def is_of_months(column: Column) -> bool:
    """Tells whether a column's cells name months, which are read as their first days."""
    return isinstance(column, Date | Timestamp) and column.format in _MONTH_FORMATS


def _clock_format(text: str) -> str:
    """Returns the format of the clock at the end of a text, with what parts it from the day."""
    found = _CLOCK.search(text)
    if found is None:
        return ""
    apart, part, seconds, fraction, half = found.groups()
    hour = f"{apart}{'%I' if half else '%H'}{part}%M"
    half_format = half[:-2] + "%p" if half else ""
    return hour + (f"{part}%S" if seconds else "") + (".%f" if fraction else "") + half_format
