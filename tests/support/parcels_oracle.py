"""Made-up parcels, weather and prices, and the windows that each parcel must get.

The definition is tests/end_to_end/parcels.py; nothing here reads it.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import naive_versions
import naive_windows as naive
from naive_versions import Version

MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
START = dt.datetime(2024, 3, 30, 20, 0, tzinfo=dt.UTC)  # clocks in Berlin jump in that night
BERLIN = ZoneInfo("Europe/Berlin")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SKIES = ("rain", "sun", "fog", "")

Row = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """What was written: the rows of each table as they must be read, and the files."""

    parcels: list[Row]
    weather: list[Row]
    prices: list[Row]
    folder: Path

    @property
    def options(self) -> list[str]:
        """The options of a command that reads the tables."""
        return [
            "--input", str(self.folder / "parcels.csv"),
            "--source", f"weather={self.folder / 'weather-*.csv'}",
            "--source", f"prices={self.folder / 'prices.csv'}",
        ]  # fmt: skip


def make_tables(folder: Path, seed: int = 11) -> Tables:
    """Makes the tables, with missing cells everywhere and rejects in each."""
    chance = random.Random(seed)
    parcels = [_parcel(chance, i) for i in range(300)]
    weather = [_holey(chance, _observation(chance), ("at", "known", "temp", "wind"))
               for _ in range(260)]  # fmt: skip
    prices = [_holey(chance, _price(chance), ("id", "at", "known", "depot", "price", "gone"))
              for _ in range(240)]  # fmt: skip
    _write(folder / "parcels.csv", parcels, ",", _plain, ["x,1,,,,,,,,"])
    half = len(weather) // 2
    bad = ["1;30.03.2024 21:00;;99;1;sun", "1;soon;;1;1;sun"]
    _write(folder / "weather-1.csv", weather[:half], ";", _berlin, bad)
    _write(folder / "weather-2.csv", weather[half:], ";", _berlin, [])
    _write(folder / "prices.csv", prices, ",", _plain, ["p1,,,1,cheap,"])
    return Tables(parcels, weather, prices, folder)


def expected(tables: Tables) -> dict[int, dict[str, Any]]:
    """The windowed values of each parcel that has a time, by its row number."""
    found: dict[int, dict[str, Any]] = {
        parcel["row"]: {} for parcel in tables.parcels if parcel["at"] is not None
    }
    for names, events, column, key, window_us, lag_us, late, ops, own in _windows(tables):
        for parcel in tables.parcels:
            if parcel["at"] is None:
                continue
            seen = naive_versions.known_at(
                naive_versions.without_own(events, parcel["parcel"] if own else None),
                parcel["at"] if late else 2**62, column,
            )  # fmt: skip
            request = naive.Request(_code(parcel[key] if key else 0), parcel["at"], parcel["row"])
            window = naive.seen(seen, request, window_us, lag_us, late)
            for name, op in zip(names, ops, strict=True):
                found[parcel["row"]][name] = _aggregate(window, op, column)
    return found


def _aggregate(window: list[naive.Event], op: str, column: str | None) -> Any:
    if column == "sky":  # text: the latest that there is
        told = [(event.time, event.values["sky"]) for event in window if event.values["sky"]]
        return max(told)[1] if told else None
    return naive.aggregate(window, op, column)


def _windows(tables: Tables) -> list[tuple[Any, ...]]:
    """Each window: names, versions, column, row key, width, lag, availability, operations, own."""
    weather = _events(tables.weather, "station", "at", "known")
    rain = [v for v in weather if v.event.values["sky"] == "rain"]
    sun = [v for v in weather if v.event.values["sky"] == "sun"]
    unkeyed = {sky: [_keyless(v) for v in found] for sky, found in (("rain", rain), ("sun", sun))}
    always = [_always(v) for v in weather]
    prices = _events(tables.prices, "depot", "at", "known", "id", "gone")
    parcels = _events(tables.parcels, "depot", "at", "told", own=True)
    told = _events(tables.parcels, "hub", "seen", "told", "parcel", "void", own=True)
    found = [
        (_names("weather_temp_{}_2h_by_station_for_depot", "last", "mean", "count"),
         weather, "temp", "depot", 2 * HOUR_US, 0, True, ("last", "mean", "count"), False),
        (["weather_felt_max_6h_lag_30m_where_sky_eq_rain_by_station_for_depot"],
         [_always(v) for v in rain], "felt", "depot", 6 * HOUR_US, 30 * MINUTE_US, False, ("max",),
         False),
        (["weather_sky_last_unbounded_by_station_for_depot"],
         always, "sky", "depot", None, 0, False, ("last",), False),
        (_names("weight_{}_3h_by_depot", "sum", "count"),
         [_always(v) for v in parcels], "weight", "depot", 3 * HOUR_US, 0, False,
         ("sum", "count"), False),
    ]  # fmt: skip
    for sky, events in unkeyed.items():
        name = f"weather_events_count_1h_where_sky_eq_{sky}"
        found.append(
            ([name], [_always(v) for v in events], None, None, HOUR_US, 0, False, ("count",), False)
        )
    for width, text in ((3 * HOUR_US, "3h"), (None, "unbounded")):
        names = _names(f"prices_price_{{}}_{text}_by_depot", "last", "sum", "count")
        ops = ("last", "sum", "count")
        found.append((names, prices, "price", "depot", width, 0, True, ops, False))
    for hours, text in ((2, "2h"), (24, "1d")):
        names = _names(f"weight_{{}}_{text}_by_hub", "mean", "count")
        ops = ("mean", "count")
        found.append((names, told, "weight", "hub", hours * HOUR_US, 0, True, ops, True))
    return found


def _names(pattern: str, *ops: str) -> list[str]:
    return [pattern.format(op) for op in ops]


def _events(
    rows: Sequence[Row], key: str, at: str, known: str, id: str | None = None,
    gone: str | None = None, *, own: bool = False,
) -> list[Version]:  # fmt: skip
    found = [
        Version(
            naive.Event(_code(row[key]), row[at], row["row"] if own else -1 - i, row, row[known]),
            row[id] if id else None,
            bool(gone and row[gone]),
        )
        for i, row in enumerate(rows)
    ]
    return found


def _always(version: Version) -> Version:
    """As the event is to windows that declare no availability."""
    event = version.event
    return Version(naive.Event(event.key, event.time, event.row, event.values, -(2**62)), None)


def _keyless(version: Version) -> Version:
    event = version.event
    return Version(naive.Event(0, event.time, event.row, event.values, event.available_at), None)


def _code(key: int | str | None) -> int | None:
    return sum(map(ord, key)) if isinstance(key, str) else key


def _moment(chance: random.Random) -> int:
    start = int(START.timestamp()) * 1_000_000
    return start + 10 * MINUTE_US * chance.randrange(120) + chance.choice((0, 0, 0, MINUTE_US))


def _parcel(chance: random.Random, i: int) -> Row:
    at = _moment(chance)
    row = {
        "row": i,
        "parcel": chance.randrange(200),
        "at": at,
        "seen": at + chance.randrange(-90, 20) * MINUTE_US,
        "told": at + chance.randrange(-60, 400) * MINUTE_US,
        "depot": chance.choice((1, 1, 1, 2, 2, 3)),
        "hub": chance.choice("ABB"),
        "weight": round(chance.gauss(9, 3), 2),
        "void": chance.random() < 0.2,
        "days": round(chance.uniform(1, 9), 3),
    }
    return _holey(chance, row, ("parcel", "at", "seen", "told", "depot", "hub", "weight", "void"))


def _observation(chance: random.Random) -> Row:
    at = int(START.timestamp() * 1e6) + 10 * MINUTE_US * chance.randrange(120)
    row = {
        "station": chance.choice((1, 1, 2, 3)),
        "at": at,
        "known": at + chance.choice((0, 50, 70, 110, -10)) * MINUTE_US,
        "temp": round(chance.gauss(10, 9), 1),
        "wind": chance.randrange(20),
        "sky": chance.choice(SKIES) or None,
    }
    return row


def _price(chance: random.Random) -> Row:
    at = _moment(chance)
    return {
        "id": f"p{chance.randrange(60)}",
        "at": at,
        "known": at + 10 * MINUTE_US * chance.randrange(0, 40),
        "depot": chance.choice((1, 1, 2, 3)),
        "price": round(chance.uniform(1, 5), 2),
        "gone": chance.random() < 0.2,
    }


def _holey(chance: random.Random, row: Row, names: Sequence[str]) -> Row:
    """Leaves cells out, and adds what is derived."""
    row = row | {name: None for name in names if chance.random() < 0.05}
    if "temp" in row:
        known = row["temp"] is not None and row["wind"] is not None
        row["felt"] = row["temp"] - row["wind"] if known else None
    return row


def _plain(row: Row) -> Mapping[str, Any]:
    return {
        name: _instant(value).isoformat() if name in ("at", "seen", "told", "known") and value else
        value for name, value in row.items()
    }  # fmt: skip


def _berlin(row: Row) -> Mapping[str, Any]:
    at, known = row["at"], row["known"]
    cells = {name: value for name, value in row.items() if name != "felt"}
    clock = at is not None and _instant(at).astimezone(BERLIN).strftime("%d.%m.%Y %H:%M")
    return cells | {"at": clock or None, "known": None if known is None else known // 1_000_000}


def _instant(micros: int) -> dt.datetime:
    return EPOCH + dt.timedelta(microseconds=micros)


def _write(
    path: Path, rows: Sequence[Row], delimiter: str, text: Callable[[Row], Mapping[str, Any]],
    bad: Sequence[str],
) -> None:  # fmt: skip
    cells = [text(row) for row in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(cells[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(cells)
        file.write("".join(f"{line}\n" for line in bad))
