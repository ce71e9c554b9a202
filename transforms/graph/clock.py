"""Clocks and calendars inside the transform graph, on int64 tensors of microseconds."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from forebay.transforms.durations import DAY_US, duration_us
from forebay.transforms.zones import zone_table

HOUR_US, MINUTE_US = duration_us("1h"), duration_us("1m")
WEEK_US = 7 * DAY_US
# The cycle that a part of the clock begins anew with, and what it counts.
_CLOCK_PARTS = {
    "minute_of_hour": (HOUR_US, MINUTE_US),
    "minute_of_day": (DAY_US, MINUTE_US),
    "hour_of_day": (DAY_US, HOUR_US),
    "hour_of_week": (WEEK_US, HOUR_US),
}
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONDAY_US = 3 * DAY_US  # 1970-01-01 was a Thursday


def local_time_us(instants_us: tf.Tensor, zone: str) -> tf.Tensor:
    """Returns the zone's clock readings at the given instants, int64 (batch,) microseconds.

    The zone's transitions from 1900 to 2100 become constants of the graph.
    """
    table = zone_table(zone)
    transitions = tf.constant(table.transitions_us.astype(np.int64))
    period = tf.searchsorted(transitions, instants_us, side="right")
    return instants_us + tf.gather(tf.constant(table.offsets_us.astype(np.int64)), period)


def part_of(local_us: tf.Tensor, part: str) -> tf.Tensor:
    """Returns a part of clock readings, int64 (batch,) from 0.

    Args:
        local_us: int64 (batch,), microseconds since 1970-01-01 00:00 on the clock.
        part: one that `Calendar` takes.
    """
    if part in _CLOCK_PARTS:
        cycle_us, step_us = _CLOCK_PARTS[part]
        return tf.math.floordiv(_since_start(local_us, cycle_us), step_us)
    days = tf.math.floordiv(local_us, DAY_US)
    match part:
        case "day_of_week":
            return _weekday(days)
        case "is_weekend":
            return tf.cast(_weekday(days) >= 5, tf.int64)
        case "week_of_year":
            # A week of ISO 8601 belongs to the year that its Thursday is in.
            thursdays = days - _weekday(days) + 3
            return tf.math.floordiv(_day_of_year(thursdays), 7)
        case "day_of_year":
            return _day_of_year(days)
    date = _civil(days)
    if part == "quarter":
        return tf.math.floordiv(date.month, 3)
    return date.day if part == "day_of_month" else date.month


def turn_of(local_us: tf.Tensor, part: str) -> tf.Tensor:
    """Returns how far clock readings are in a cycle, float64 (batch,) in [0, 1).

    Args:
        local_us: int64 (batch,), microseconds since 1970-01-01 00:00 on the clock.
        part: one that `Cyclic` takes.
    """
    if part in _CLOCK_PARTS:
        cycle_us, _ = _CLOCK_PARTS[part]
        return tf.cast(_since_start(local_us, cycle_us), tf.float64) / cycle_us
    days = tf.math.floordiv(local_us, DAY_US)
    if part == "day_of_week":
        return tf.cast(_weekday(days), tf.float64) / 7
    date = _civil(days)
    if part == "month":
        return tf.cast(date.month, tf.float64) / 12
    start = _new_year(date.year)
    year_days = _new_year(date.year + 1) - start
    if part == "day_of_year":
        return tf.cast(days - start, tf.float64) / tf.cast(year_days, tf.float64)
    leap_day = tf.cast(tf.equal(date.month, 1), tf.int64) * (year_days - 365)
    month_days = tf.gather(tf.constant(_MONTH_DAYS, tf.int64), date.month) + leap_day
    return tf.cast(date.day, tf.float64) / tf.cast(month_days, tf.float64)


def _since_start(local_us: tf.Tensor, cycle_us: int) -> tf.Tensor:
    """Microseconds since the hour, the day or the week began."""
    shifted = local_us + _MONDAY_US if cycle_us == WEEK_US else local_us
    return tf.math.floormod(shifted, cycle_us)


def _weekday(days: tf.Tensor) -> tf.Tensor:
    return tf.math.floormod(days + 3, 7)


class _Civil(NamedTuple):
    """Dates, int64 (batch,) each: the year, and the month and the day from 0."""

    year: tf.Tensor
    month: tf.Tensor
    day: tf.Tensor


def _civil(days: tf.Tensor) -> _Civil:
    """Turns days since 1970-01-01 into dates.

    Years are counted from 1 March, so that the leap day is the last day of its year (Howard
    Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
    """
    from_march = days + 719_468
    era, days_of_era = tf.math.floordiv(from_march, 146_097), tf.math.floormod(from_march, 146_097)
    year_of_era = tf.math.floordiv(
        days_of_era
        - tf.math.floordiv(days_of_era, 1_460)
        + tf.math.floordiv(days_of_era, 36_524)
        - tf.math.floordiv(days_of_era, 146_096),
        365,
    )
    day_of_year = days_of_era - (
        365 * year_of_era + tf.math.floordiv(year_of_era, 4) - tf.math.floordiv(year_of_era, 100)
    )
    month_from_march = tf.math.floordiv(5 * day_of_year + 2, 153)
    day = day_of_year - tf.math.floordiv(153 * month_from_march + 2, 5)
    month = tf.math.floormod(month_from_march + 2, 12)
    return _Civil(400 * era + year_of_era + tf.cast(month < 2, tf.int64), month, day)


def _new_year(year: tf.Tensor) -> tf.Tensor:
    """Days from 1970-01-01 to 1 January, the 306th day from 1 March (days_from_civil)."""
    past = year - 1
    leap_days = (
        tf.math.floordiv(past, 4) - tf.math.floordiv(past, 100) + tf.math.floordiv(past, 400)
    )
    return 365 * past + leap_days + 306 - 719_468


def _day_of_year(days: tf.Tensor) -> tf.Tensor:
    return days - _new_year(_civil(days).year)
