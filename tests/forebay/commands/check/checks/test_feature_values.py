"""Features are told apart by check as the transform graph tells them apart."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forebay.commands.check.checks.feature_values import ids_of_features
from forebay.transforms.definition.columns import Date, Number, Timestamp
from forebay.transforms.definition.derived_numbers import (
    Difference,
    Elapsed,
    Euclidean,
    Haversine,
    Ratio,
)
from forebay.transforms.definition.features import Calendar, Cyclic, Numeric
from forebay.transforms.definition.features.calendar import CALENDAR_SIZES, CLOCK_PARTS, CYCLES
from forebay.transforms.graph.clock import local_time_us, part_of, turn_of
from forebay.transforms.graph.derived_numbers import operand
from forebay.transforms.graph.inputs import Inputs

ZONE = "America/New_York"
INSTANTS = st.lists(
    st.integers(-2_000_000_000_000_000, 4_000_000_000_000_000), min_size=1, max_size=30
)
PLACES = st.lists(
    st.tuples(*(st.floats(-80, 80, allow_subnormal=False) for _ in range(4))),
    min_size=1,
    max_size=30,
)
NAMES = ("a", "b", "c", "d")


def numbers_of_groups(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


def read(feature: Calendar | Cyclic, instants: list[int]) -> np.ndarray:
    rows = pa.record_batch({"at": pa.array(instants, pa.timestamp("us", "UTC"))})
    (found,) = ids_of_features((feature,), rows).values()
    return found


@pytest.mark.parametrize("part", CALENDAR_SIZES)
@settings(max_examples=25)
@given(instants=INSTANTS)
def test_parts_of_the_clock(part: str, instants: list[int]) -> None:
    found = read(Calendar("at", part=part, tz=ZONE), instants)

    expected = part_of(local_time_us(tf.constant(instants, tf.int64), ZONE), part)
    np.testing.assert_array_equal(found, numbers_of_groups(expected.numpy()))


@pytest.mark.parametrize("part", [part for part in CYCLES if part in CLOCK_PARTS])
@settings(max_examples=25)
@given(instants=INSTANTS)
def test_places_on_the_circle(part: str, instants: list[int]) -> None:
    found = read(Cyclic("at", part=part, tz=ZONE), instants)

    turns = turn_of(local_time_us(tf.constant(instants, tf.int64), ZONE), part)
    np.testing.assert_array_equal(found, numbers_of_groups(turns.numpy()))


@pytest.mark.parametrize(
    "derived", [Difference("a", "b"), Ratio("a", "b"), Euclidean(*NAMES), Haversine(*NAMES)]
)
@settings(max_examples=25)
@given(places=PLACES)
def test_numbers_of_numbers(
    derived: Difference | Ratio | Euclidean | Haversine, places: list[tuple[float, ...]]
) -> None:
    columns = dict(zip(NAMES, np.array(places).T, strict=True))
    (found,) = ids_of_features((Numeric(derived),), pa.record_batch(columns)).values()

    exact = {name: tf.constant(column) for name, column in columns.items()}
    there = operand(derived, Inputs({}, exact, {name: Number() for name in NAMES})).numpy()
    assume(np.isfinite(there).all())  # or it is imputed
    order = np.argsort(found, kind="stable")
    np.testing.assert_array_less(-1e-9, np.diff(there[order]))


@settings(max_examples=25)
@given(instants=INSTANTS, day=st.integers(-10_000, 10_000))
def test_elapsed_times(instants: list[int], day: int) -> None:
    days = pa.array([day] * len(instants), pa.int32())
    rows = pa.record_batch(
        {"day": days.cast(pa.date32()), "at": pa.array(instants, pa.timestamp("us", "UTC"))}
    )
    derived = Elapsed("day", "at", unit="hours")
    (found,) = ids_of_features((Numeric(derived),), rows).values()

    exact = {"day": tf.cast(days.to_numpy(), tf.int64), "at": tf.constant(instants, tf.int64)}
    there = operand(derived, Inputs({}, exact, {"day": Date(), "at": Timestamp()}))
    np.testing.assert_array_equal(found, numbers_of_groups(there.numpy()))
