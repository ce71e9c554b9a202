"""Values that a model takes and no window gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forebay as fb
from forebay.serving.doubts import Doubts

MISSING_INT = np.iinfo(np.int64).min
COUNT, LEAST, MOST = "events_count_1h_by_shop", "sold_min_1h_by_shop", "sold_max_1h_by_shop"
SPREAD, SINCE = "sold_std_1h_by_shop", "sold_seconds_since_last_1h_by_shop"
DEFINITION = fb.Dataset(
    name="shops",
    columns={"shop": fb.String(), "at": fb.Timestamp(), "sold": fb.Number()},
    row_time="at",
    windows=[
        fb.Windowed(key="shop", over="1h", ops=fb.count()),
        fb.Windowed("sold", key="shop", over="1h",
                    ops=[fb.min(), fb.max(), fb.std(), fb.seconds_since_last(default=-1.0)]),
    ],
    features=[*map(fb.Numeric, (COUNT, LEAST, MOST, SPREAD, SINCE)),
              fb.Calendar("at", "hour_of_day", tz="UTC")],
    label=fb.Regression("sold"),
    split=fb.HashSplit("shop"),
)  # fmt: skip
GOOD = {COUNT: 3.0, LEAST: -2.0, MOST: 5.0, SPREAD: 0.0, SINCE: 60.0, "at": 1_714_564_800_000_000}


def doubts(*rows: dict[str, Any]) -> dict[str, int]:
    arrays = {
        name: np.array([(GOOD | row)[name] for row in rows], np.int64 if name == "at" else "f4")
        for name in GOOD
    }
    return Doubts(DEFINITION).of(arrays)


def test_what_windows_give_is_not_doubted() -> None:
    missing = dict.fromkeys(GOOD, np.nan) | {"at": MISSING_INT}
    equal = {LEAST: 5.0, COUNT: 0.0}
    by_default = {SINCE: -1.0}

    assert doubts(GOOD, missing, equal, by_default) == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({COUNT: -1.0}, f"{COUNT} is below 0, which count never is"),
        ({COUNT: 2.5}, f"{COUNT} is no whole number, as count is"),
        ({SPREAD: -0.1}, f"{SPREAD} is below 0, which std never is"),
        ({SINCE: -2.0}, f"{SINCE} is below 0, which seconds_since_last never is"),
        ({LEAST: 6.0}, f"{LEAST} is above {MOST}"),
        ({"at": 1_714_564_800}, "at is within 48 days of 1970: are its numbers us?"),
        ({"at": 1_714_564_800_000}, "at is within 48 days of 1970: are its numbers us?"),
    ],
    ids=range(7),
)
def test_what_no_window_gives_is_counted(wrong: dict[str, Any], told: str) -> None:
    assert doubts(GOOD, wrong, wrong) == {told: 2}
