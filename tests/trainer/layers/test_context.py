"""What a model is built of, whatever the numbers of its rows are."""

from __future__ import annotations

import warnings

import keras
import numpy as np

from forebay.trainer.examples.statistics import Scale
from forebay.trainer.layers.context import _standardise


def test_numbers_of_any_deviation_are_standardised_without_a_word() -> None:
    scale = Scale(np.array([0.0, 1.0]), np.array([1e30, 2.0]))
    numbers = keras.Input((2,))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        standardised = _standardise(numbers, scale)

    found = np.asarray(keras.Model(numbers, standardised)(np.array([[1e30, 5.0]], np.float32)))

    assert np.isfinite(found).all()
    assert found[0, 0] != 0
    assert found[0, 1] == 2
