"""Parts of dates and times as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from transforms.columns import Column, Date, Timestamp
from transforms.errors import Problem
from transforms.features.on_column import Embed, OnColumn, embed_problems
from transforms.zones import is_zone

CALENDAR_SIZES = {"hour_of_day": 24, "day_of_week": 7, "day_of_month": 31, "month": 12}


@dataclass(frozen=True)
class Calendar(OnColumn):
    """A part of an instant's local date and time: its id counts from 0; missing is the last id.

    Attributes:
        column: a Timestamp or Date column.
        part: ``hour_of_day`` (24), ``day_of_week`` (7, Monday is 0), ``day_of_month`` (31, the
            first is 0) or ``month`` (12, January is 0).
        tz: the IANA zone of the clock that is read; its transitions travel in the graph.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        name: the output's name; None: ``<column>_<part>``.
    """

    part: Literal["hour_of_day", "day_of_week", "day_of_month", "month"] = "hour_of_day"
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
        yield from embed_problems(self.embed, where)
        if self.part not in CALENDAR_SIZES:
            yield Problem(
                f"{where}.part",
                self.part,
                "no such part",
                f"use one of {', '.join(CALENDAR_SIZES)}",
            )
        if not is_zone(self.tz):
            yield Problem(
                f"{where}.tz", self.tz, "not a time zone of the IANA database",
                "write a name such as 'America/New_York'",
            )  # fmt: skip
