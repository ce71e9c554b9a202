"""How numbers are standardised, against all values of a column at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scales import offsets_and_divisors

from forebay.trainer.examples.split_reader import Examples
from forebay.trainer.examples.statistics import train_statistics


def examples_of(numbers: np.ndarray, weight: np.ndarray) -> Examples:
    rows = len(numbers)
    return Examples(
        numbers.astype(np.float32), np.zeros((rows, 0), np.int32), np.zeros((rows, 0), np.float32),
        np.zeros(rows, np.float32), weight.astype(np.float32), {},
    )  # fmt: skip


@given(st.data())
def test_columns_of_two_values_become_zero_and_one_and_others_keep_their_deviation(
    data: st.DataObject,
) -> None:
    rows, kinds = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 4))
    numbers = np.array(
        [data.draw(_columns(rows)) for _ in range(kinds)], np.float32
    ).T  # as the trainer has them
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows)))
    times[data.draw(st.integers(0, rows - 1))] = 1
    size = data.draw(st.integers(1, rows))
    parts = [examples_of(numbers[i : i + size], times[i : i + size]) for i in range(0, rows, size)]

    found = train_statistics(parts).numbers

    offset, divisor = offsets_and_divisors(np.repeat(numbers, times, axis=0))
    np.testing.assert_allclose(found.offset, offset, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.divisor, divisor, rtol=1e-6, atol=1e-9)


def _columns(rows: int) -> st.SearchStrategy[list[float]]:
    """Columns of a few different values each, so that constant ones and those of two are many."""
    values = st.lists(st.sampled_from([-3.5, 0.0, 0.25, 1.0, 36.5]), min_size=1, max_size=3)
    return values.flatmap(lambda few: st.lists(st.sampled_from(few), min_size=rows, max_size=rows))


@pytest.mark.parametrize("rare", [1, 3])
def test_an_indicator_that_is_rare_stays_as_it_is(rare: int) -> None:
    indicator = np.zeros((5_000, 1))
    indicator[:rare] = 1

    scale = train_statistics([examples_of(indicator, np.ones(5_000))]).numbers

    assert (scale.offset[0], scale.divisor[0]) == (0, 1)


def test_a_third_value_however_rare_makes_a_column_one_of_numbers() -> None:
    numbers = np.repeat([[0.0], [1.0]], 50_000, axis=0)
    numbers[0] = 0.5

    scale = train_statistics([examples_of(numbers, np.ones(len(numbers)))]).numbers

    assert scale.divisor[0] == pytest.approx(numbers.std(), rel=1e-9)
