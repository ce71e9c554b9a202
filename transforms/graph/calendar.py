"""Calendar arithmetic inside the transform graph, on int64 tensors of microseconds."""

import numpy as np
import tensorflow as tf

from transforms.durations import DAY_US, duration_us
from transforms.features import Calendar
from transforms.features.calendar import CALENDAR_SIZES
from transforms.graph.ids import Ids, with_missing
from transforms.graph.missing import is_missing
from transforms.zones import zone_table

HOUR_US = duration_us("1h")


def calendar_ids(feature: Calendar, column: tf.Tensor, *, is_date: bool) -> Ids:
    """Returns the ids of a part of dates (int64 days) or of instants (int64 microseconds)."""
    missing = is_missing(column)
    known = tf.where(missing, tf.zeros_like(column), column)
    local_us = known * DAY_US if is_date else local_time_us(known, feature.tz)
    return with_missing(part_of(local_us, feature.part), CALENDAR_SIZES[feature.part], missing)


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
        part: ``hour_of_day``, ``day_of_week`` (Monday is 0), ``day_of_month`` or ``month``.
    """
    days = tf.math.floordiv(local_us, DAY_US)
    if part == "hour_of_day":
        return tf.math.floordiv(local_us - days * DAY_US, HOUR_US)
    if part == "day_of_week":
        return tf.math.floormod(days + 3, 7)  # 1970-01-01 was a Thursday
    day_of_month, month = _civil(days)
    return day_of_month if part == "day_of_month" else month


def _civil(days: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Turns days since 1970-01-01 into (day of month, month), both from 0.

    Years are counted from 1 March, so that the leap day is the last day of its year (Howard
    Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
    """
    days_of_era = tf.math.floormod(days + 719_468, 146_097)
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
    day_of_month = day_of_year - tf.math.floordiv(153 * month_from_march + 2, 5)
    return day_of_month, tf.math.floormod(month_from_march + 2, 12)
