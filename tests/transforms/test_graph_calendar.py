"""Calendar parts in the graph, against datetime."""

import datetime as dt

import numpy as np
import pytest
import tensorflow as tf

from transforms.graph.calendar import local_time_us, part_of
from transforms.zones import utc_to_local

EPOCH = dt.datetime(1970, 1, 1)
PARTS = {
    "hour_of_day": lambda t: t.hour,
    "day_of_week": lambda t: t.weekday(),
    "day_of_month": lambda t: t.day - 1,
    "month": lambda t: t.month - 1,
}


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


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
def test_clocks_in_the_graph_are_those_of_the_pipeline(zone: str) -> None:
    times = instants()
    found = local_time_us(tf.constant(times), zone).numpy()
    assert found.tolist() == utc_to_local(times, zone).tolist()
