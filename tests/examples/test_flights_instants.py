"""The instants that the flights example derives, on flights made for the purpose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

MINUTE = dt.timedelta(minutes=1)
SUMMER = {"year": 2013, "month": 6, "day": 1, "dep_delay": None, "arr_delay": None}


Derived = Callable[[pa.RecordBatch], pa.RecordBatch]
Instants = Callable[[Mapping[str, Any]], dict[str, Any]]


def batch_of(flights: ModuleType, *rows: Mapping[str, Any]) -> pa.RecordBatch:
    columns = {
        name: pa.array([row[name] for row in rows], kind.arrow_type)
        for name, kind in flights.departure.columns.items()
        if all(name in row for row in rows)
    }
    return pa.RecordBatch.from_pydict(columns)


@pytest.fixture
def instants(flights: ModuleType, derived: Derived) -> Instants:
    def of_one_flight(row: Mapping[str, Any]) -> dict[str, Any]:
        return derived(batch_of(flights, {**SUMMER, **row})).to_pylist()[0]

    return of_one_flight


def flight(origin: str, sched_dep_time: int, dest: str, sched_arr_time: int, **other: Any) -> Any:
    return {
        "origin": origin,
        "sched_dep_time": sched_dep_time,
        "dest": dest,
        "sched_arr_time": sched_arr_time,
        **other,
    }


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("row", "sched_dep_ts", "sched_arr_ts"),
    [
        pytest.param(
            flight("JFK", 2250, "BOS", 2400), "2013-06-02 02:50", "2013-06-02 04:00", id="2400"
        ),
        pytest.param(
            flight("JFK", 2250, "BOS", 0), "2013-06-02 02:50", "2013-06-02 04:00", id="0000"
        ),
        pytest.param(
            flight("JFK", 2400, "BOS", 110),
            "2013-06-02 04:00",
            "2013-06-02 05:10",
            id="departure at 2400",
        ),
        pytest.param(
            flight("JFK", 2359, "SJU", 340), "2013-06-02 03:59", "2013-06-02 07:40", id="overnight"
        ),
        pytest.param(
            flight("JFK", 2359, "SJU", 445, month=1),
            "2013-01-02 04:59",
            "2013-01-02 08:45",
            id="overnight in winter, where only New York changes its clocks",
        ),
        pytest.param(
            flight("JFK", 1000, "HNL", 1500),
            "2013-06-01 14:00",
            "2013-06-02 01:00",
            id="eleven hours on a clock that shows five",
        ),
        pytest.param(
            flight("EWR", 600, "ORD", 555),
            "2013-06-01 10:00",
            "2013-06-01 10:55",
            id="lands earlier than it left, by the clocks",
        ),
        pytest.param(
            flight("EWR", 2330, "ORD", 2325),
            "2013-06-02 03:30",
            "2013-06-02 04:25",
            id="lands earlier, before midnight there and after midnight here",
        ),
        pytest.param(
            flight("EWR", 30, "ORD", 2345),
            "2013-06-01 04:30",
            "2013-06-01 04:45",
            id="lands on the day before",
        ),
        pytest.param(
            flight("JFK", 2145, "PBI", 34, month=3, day=9),
            "2013-03-10 02:45",
            "2013-03-10 05:34",
            id="before the clocks go forward",
        ),
        pytest.param(
            flight("JFK", 130, "PBI", 405, month=3, day=10),
            "2013-03-10 06:30",
            "2013-03-10 08:05",
            id="while the clocks go forward",
        ),
        pytest.param(
            flight("JFK", 30, "PBI", 230, month=3, day=10),
            "2013-03-10 05:30",
            "2013-03-10 07:30",
            id="arrival at a time never shown, moved forward by the gap",
        ),
        pytest.param(
            flight("JFK", 230, "PBI", 500, month=3, day=10),
            "2013-03-10 07:30",
            "2013-03-10 09:00",
            id="departure at a time never shown, moved forward by the gap",
        ),
        pytest.param(
            flight("JFK", 30, "PBI", 115, month=11, day=3),
            "2013-11-03 04:30",
            "2013-11-03 05:15",
            id="arrival at a time shown twice: the first",
        ),
        pytest.param(
            flight("JFK", 130, "PBI", 120, month=11, day=3),
            "2013-11-03 05:30",
            "2013-11-03 06:20",
            id="arrival at a time shown before departure and again after",
        ),
        pytest.param(
            flight("JFK", 130, "PBI", 130, month=11, day=3),
            "2013-11-03 05:30",
            "2013-11-03 06:30",
            id="arrival at the reading of the departure, shown again",
        ),
        pytest.param(
            flight("JFK", 2300, "PBI", 205, month=11, day=2),
            "2013-11-03 03:00",
            "2013-11-03 07:05",
            id="while the clocks go back",
        ),
        pytest.param(
            flight("JFK", 900, "BOS", 900),
            "2013-06-01 13:00",
            "2013-06-02 13:00",
            id="the same reading is a day later",
        ),
    ],
)
def test_scheduled_instants(
    instants: Instants, row: dict[str, Any], sched_dep_ts: str, sched_arr_ts: str
) -> None:
    found = instants(row)

    assert found["sched_dep_ts"] == utc(sched_dep_ts)
    assert found["sched_arr_ts"] == utc(sched_arr_ts)
    assert found["scheduled_minutes"] == (utc(sched_arr_ts) - utc(sched_dep_ts)) / MINUTE


def test_delays_move_the_instants_and_not_the_day(instants: Instants) -> None:
    found = instants(
        flight("JFK", 2359, "BOS", 105, dep_delay=14.0, arr_delay=-3.0, day=30, month=4)
    )

    assert found["flight_date"] == dt.date(2013, 4, 30)
    assert found["dep_ts"] == utc("2013-05-01 04:13")
    assert found["arr_ts"] == utc("2013-05-01 05:02")
    assert found["gained"] == -17.0
    assert found["late"] is False


@pytest.mark.parametrize(("delay", "late"), [(14.0, False), (15.0, True), (16.0, True)])
def test_late_is_fifteen_minutes_or_more(instants: Instants, delay: float, late: bool) -> None:
    found = instants(flight("JFK", 900, "BOS", 1010, dep_delay=0.0, arr_delay=delay))

    assert found["late"] is late


def test_a_cancelled_flight_has_a_schedule_and_nothing_else(instants: Instants) -> None:
    found = instants(flight("JFK", 900, "BOS", 1010))

    assert found["sched_dep_ts"] == utc("2013-06-01 13:00")
    assert found["sched_arr_ts"] == utc("2013-06-01 14:10")
    assert [found[name] for name in ("dep_ts", "arr_ts", "gained", "late")] == [None] * 4


def test_a_diverted_flight_has_left_and_has_no_arrival(instants: Instants) -> None:
    found = instants(flight("JFK", 900, "BOS", 1010, dep_delay=5.0))

    assert found["dep_ts"] == utc("2013-06-01 13:05")
    assert [found[name] for name in ("arr_ts", "gained", "late")] == [None] * 3


@pytest.mark.parametrize(
    ("row", "unknown"),
    [
        (flight("JFK", 900, "BOS", 1010, month=2, day=30), {"flight_date", "sched_dep_ts"}),
        (flight("JFK", 975, "BOS", 1010), {"sched_dep_ts"}),
        (flight("JFK", 900, "BOS", 1061), {"sched_arr_ts"}),
        (flight("JFK", 900, "XXX", 1010), {"sched_arr_ts"}),
        (flight("XXX", 900, "BOS", 1010), {"sched_dep_ts"}),
    ],
    ids=["30 February", "9:75", "10:61", "unknown destination", "unknown origin"],
)
def test_what_no_clock_shows_is_missing(
    instants: Instants, row: dict[str, Any], unknown: set[str]
) -> None:
    found = instants({**row, "dep_delay": 1.0, "arr_delay": 1.0})

    nulls = {name for name, value in found.items() if value is None}
    assert unknown <= nulls
    if "sched_dep_ts" in unknown:
        assert {"dep_ts", "sched_arr_ts"} <= nulls
    assert {"arr_ts", "scheduled_minutes"} <= nulls


def test_one_bad_row_leaves_the_others_alone(
    flights: ModuleType, derived: Derived, instants: Instants
) -> None:
    good = {**SUMMER, **flight("JFK", 900, "BOS", 1010)}
    bad = {**SUMMER, **flight("JFK", 900, "XXX", 1010)}

    found = derived(batch_of(flights, good, bad, good)).to_pylist()

    assert found[0] == found[2] == instants(good)
    assert found[1]["sched_arr_ts"] is None


def test_an_empty_batch_gives_empty_columns(flights: ModuleType, derived: Derived) -> None:
    row = {**SUMMER, **flight("JFK", 900, "BOS", 1010)}

    assert len(derived(batch_of(flights, row).slice(0, 0))) == 0
