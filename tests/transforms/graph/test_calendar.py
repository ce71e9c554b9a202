"""Calendar parts and cycles in the graph, against datetime."""

import calendar
import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from forebay.transforms.definition.features.calendar import CALENDAR_SIZES, CYCLES
from forebay.transforms.graph.clock import local_time_us, part_of, turn_of
from forebay.transforms.zones import utc_to_local

EPOCH = dt.datetime(1970, 1, 1)
PARTS: dict[str, Callable[[dt.datetime], int]] = {
    "minute_of_hour": lambda t: t.minute,
    "minute_of_day": lambda t: t.hour * 60 + t.minute,
    "hour_of_day": lambda t: t.hour,
    "hour_of_week": lambda t: t.weekday() * 24 + t.hour,
    "day_of_week": lambda t: t.weekday(),
    "day_of_month": lambda t: t.day - 1,
    "day_of_year": lambda t: t.timetuple().tm_yday - 1,
    "week_of_year": lambda t: t.isocalendar().week - 1,
    "month": lambda t: t.month - 1,
    "quarter": lambda t: (t.month - 1) // 3,
    "is_weekend": lambda t: t.strftime("%a") in ("Sat", "Sun"),
}
DAY = dt.timedelta(days=1)
CYCLE: dict[str, Callable[[dt.datetime], float]] = {
    "minute_of_hour": lambda t: (t - t.replace(minute=0, second=0, microsecond=0)) / DAY * 24,
    "hour_of_day": lambda t: (t - midnight(t)) / DAY,
    "hour_of_week": lambda t: (t - midnight(t) + t.weekday() * DAY) / (7 * DAY),
    "day_of_week": lambda t: t.weekday() / 7,
    "day_of_month": lambda t: (t.day - 1) / calendar.monthrange(t.year, t.month)[1],
    "day_of_year": lambda t: (t.timetuple().tm_yday - 1) / (365 + calendar.isleap(t.year)),
    "month": lambda t: (t.month - 1) / 12,
}


def midnight(t: dt.datetime) -> dt.datetime:
    return dt.datetime(t.year, t.month, t.day)


def instants() -> np.ndarray:
    random = np.random.default_rng(0)
    low, high = (int((dt.datetime(y, 1, 1) - EPOCH).total_seconds()) for y in (1900, 2100))
    drawn = random.integers(low, high, 5_000) * 1_000_000 + random.integers(0, 1_000_000, 5_000)
    days = np.arange("1999-12-25", "2001-03-05", dtype="M8[D]").astype("M8[us]").astype(np.int64)
    return np.concatenate([drawn, days, days - 1])


@pytest.mark.parametrize("part", list(PARTS))
def test_parts_are_those_of_datetime(part: str) -> None:
    times = instants()
    expected = [PARTS[part](EPOCH + dt.timedelta(microseconds=int(us))) for us in times]
    assert part_of(tf.constant(times), part).numpy().tolist() == expected
    assert 0 <= min(expected) <= max(expected) < CALENDAR_SIZES[part]


@pytest.mark.parametrize("part", list(CYCLE))
def test_cycles_are_those_of_datetime(part: str) -> None:
    times = instants()
    expected = [CYCLE[part](EPOCH + dt.timedelta(microseconds=int(us))) for us in times]
    np.testing.assert_allclose(turn_of(tf.constant(times), part), expected, rtol=0, atol=1e-15)


def test_every_part_has_an_oracle() -> None:
    assert list(PARTS) == list(CALENDAR_SIZES)
    assert list(CYCLE) == list(CYCLES)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
def test_clocks_in_the_graph_are_those_of_the_pipeline(zone: str) -> None:
    times = instants()
    found = local_time_us(tf.constant(times), zone).numpy()
    assert found.tolist() == utc_to_local(times, zone).tolist()
