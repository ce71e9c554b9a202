"""Parts of dates and times as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from forebay.transforms.definition.columns import Column, Date, Timestamp
from forebay.transforms.definition.features.on_column import Embed, OnColumn
from forebay.transforms.errors import Problem
from forebay.transforms.zones import is_zone

CALENDAR_SIZES = {
    "minute_of_hour": 60, "minute_of_day": 1_440, "hour_of_day": 24, "hour_of_week": 168,
    "day_of_week": 7, "day_of_month": 31, "day_of_year": 366, "week_of_year": 53, "month": 12,
    "quarter": 4, "is_weekend": 2,
}  # fmt: skip
CYCLES = (
    "minute_of_hour", "hour_of_day", "hour_of_week", "day_of_week", "day_of_month", "day_of_year",
    "month",
)  # fmt: skip
# Parts that a Date has not.
CLOCK_PARTS = ("minute_of_hour", "minute_of_day", "hour_of_day", "hour_of_week")


@dataclass(frozen=True)
class Calendar(OnColumn):
    """A part of an instant's local date and time: its id counts from 0; missing is the last id.

    Attributes:
        column: a Timestamp or Date column.
        part: ``minute_of_hour`` (60), ``minute_of_day`` (1,440), ``hour_of_day`` (24),
            ``hour_of_week`` (168, Monday's first is 0), ``day_of_week`` (7, Monday is 0),
            ``day_of_month`` (31, the first is 0), ``day_of_year`` (366, 1 January is 0),
            ``week_of_year`` (53, of ISO 8601, week 1 is 0), ``month`` (12, January is 0),
            ``quarter`` (4, January is in 0) or ``is_weekend`` (2, Saturday and Sunday are 1).
        tz: the IANA zone of the clock that is read; its transitions travel in the graph.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        name: the output's name; None: ``<column>_<part>``.
    """

    part: Literal[
        "minute_of_hour", "minute_of_day", "hour_of_day", "hour_of_week", "day_of_week",
        "day_of_month", "day_of_year", "week_of_year", "month", "quarter", "is_weekend",
    ] = "hour_of_day"  # fmt: skip
    tz: str = "UTC"
    embed: Embed = None
    name: str | None = None

    kinds = (Timestamp, Date)
    crossable = True

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """Tells which part is taken."""
        return self.part

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        yield from _part_problems(self, where, columns)


@dataclass(frozen=True)
class Cyclic(OnColumn):
    """A part of an instant's local date and time as a point on a circle: two numbers, sin and cos.

    23:59 lies beside 0:00 then, and December beside January. The angle is 2π times the part's
    place in its cycle: hours of a day and of a week, and minutes of an hour, to the microsecond
    (13:30 is 13.5 of 24); days and months whole, of the length of their own month and year. A
    missing instant is the circle's centre, (0, 0), where no instant is.

    Attributes:
        column: a Timestamp or Date column.
        part: ``minute_of_hour``, ``hour_of_day``, ``hour_of_week``, ``day_of_week``,
            ``day_of_month``, ``day_of_year`` or ``month``; all begin where `Calendar` counts 0.
        tz: the IANA zone of the clock that is read; its transitions travel in the graph.
        name: what the outputs' names begin with; None: ``<column>_<part>``.
    """

    part: Literal[
        "minute_of_hour", "hour_of_day", "hour_of_week", "day_of_week", "day_of_month",
        "day_of_year", "month",
    ] = "hour_of_day"  # fmt: skip
    tz: str = "UTC"
    name: str | None = None

    kinds = (Timestamp, Date)

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """Tells which part is taken."""
        return self.part

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the sine and the cosine."""
        return (f"{self.output}_sin", f"{self.output}_cos")

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        yield from _part_problems(self, where, columns)


def _part_problems(
    feature: Calendar | Cyclic, where: str, columns: Mapping[str, Column]
) -> Iterator[Problem]:
    if feature.part in CLOCK_PARTS and isinstance(columns.get(str(feature.column)), Date):
        yield Problem(
            f"{where}.part", feature.part, f"{feature.column} is a Date, which has no clock",
            "use a part such as day_of_week",
        )  # fmt: skip
    if not is_zone(feature.tz):
        yield Problem(
            f"{where}.tz", feature.tz, "not a time zone of the IANA database",
            "write a name such as 'America/New_York'",
        )  # fmt: skip
