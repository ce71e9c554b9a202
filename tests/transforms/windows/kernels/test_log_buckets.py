"""Logarithmic buckets."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.windows.kernels.log_buckets import from_buckets, to_buckets

finite = st.floats(allow_nan=False, allow_infinity=False)
accuracies = st.sampled_from([0.001, 0.01, 0.1, 0.5, 0.99])


@given(st.lists(finite, min_size=1), accuracies)
def test_a_bucket_stands_for_its_numbers_within_the_accuracy(
    values: list[float], accuracy: float
) -> None:
    numbers = np.array(values)
    error = np.abs(from_buckets(to_buckets(numbers, accuracy), accuracy) - numbers)
    subnormal = np.abs(numbers) < 4 * sys.float_info.min
    bound = accuracy * np.abs(numbers) * (1 + 1e-12)
    assert np.all(error <= bound + np.where(subnormal, 5e-324, 0))


@given(st.lists(finite, min_size=2), accuracies)
def test_buckets_ascend_with_the_numbers_and_mirror_them(
    values: list[float], accuracy: float
) -> None:
    numbers = np.sort(values)
    buckets = to_buckets(numbers, accuracy)
    assert np.all(buckets[1:] >= buckets[:-1])
    np.testing.assert_array_equal(to_buckets(-numbers, accuracy), -buckets)
    again = to_buckets(from_buckets(buckets, accuracy), accuracy)
    normal = np.abs(numbers) > sys.float_info.min
    np.testing.assert_array_equal(again[normal], buckets[normal])


def test_neighbours_at_a_bound_are_in_order() -> None:
    powers = np.ldexp(1.0, np.arange(-1022, 1024))
    below = np.nextafter(powers, 0)
    assert np.all(to_buckets(below, 0.01) < to_buckets(powers, 0.01))


def test_zero_is_its_own_bucket() -> None:
    numbers = np.array([0.0, -0.0, 5e-324, -5e-324])
    assert to_buckets(numbers, 0.01).tolist() == [0, 0, 1, -1]
    assert from_buckets(np.array([0, 1, -1]), 0.01).tolist() == [0.0, 5e-324, -5e-324]


def test_the_greatest_numbers_have_finite_representatives() -> None:
    numbers = np.array([sys.float_info.max, -sys.float_info.max])
    assert np.all(np.isfinite(from_buckets(to_buckets(numbers, 0.3), 0.3)))


@pytest.mark.parametrize("accuracy", [0.0, 1e-7, 1.0, float("nan")])
def test_accuracy_out_of_range_is_refused(accuracy: float) -> None:
    with pytest.raises(ValueError, match=r"accuracy .*: give 1e-06 or more, and less than 1"):
        to_buckets(np.zeros(1), accuracy)
