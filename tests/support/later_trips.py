"""Trips of a table, earlier ones and new ones that hold what cannot be read."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping
from typing import Any

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
LINES = ("red", "green")


def trip(number: int, **more: Any) -> dict[str, Any]:
    """One trip, as a file has it: one every ten minutes, the lines in turn."""
    left = NOON + dt.timedelta(minutes=10 * number)
    return {
        "trip_id": f"t{number}", "left_at": left.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "day": "2024-05-01", "line": LINES[number % 2], "wagons": 4 + number % 3,
        "express": "true", "distance": 100.5 + number, "guess": 3.25, "start_s": 1.5,
        "stop_s": 2.5, "delay": "", "late": "",
    } | more  # fmt: skip


def text(rows: list[Mapping[str, Any]]) -> str:
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


EARLIER = [trip(i, delay=float(i * 7 % 11)) for i in range(12)]
# The second has a label that is none; the third, an event of others' windows, a measure that is
# none; the fourth, a distance that is none, on which its answer depends.
LATER = [
    trip(13),
    trip(12, delay="n/a"),
    trip(14, late="perhaps"),
    trip(15, distance="far"),
]
