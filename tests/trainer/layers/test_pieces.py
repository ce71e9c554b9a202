"""Numbers cut into pieces by quantiles: the encoding against plain loops."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
from chosen import chosen

from forebay.trainer.examples.inputs import ModelInputs, NumericInput
from forebay.trainer.examples.split_reader import Examples
from forebay.trainer.examples.statistics import SAMPLE, train_statistics
from forebay.trainer.layers.context import context_of
from forebay.transforms.definition.labels import Regression

PIECES = 5
# Lists are not cut: nobody knows that their numbers are of one kind.
INPUTS = ModelInputs((NumericInput("x"), NumericInput("pixels", 3), NumericInput("y")), ())
CUT = INPUTS.cut(PIECES)
ROWS = 500


def examples_of(numbers: np.ndarray) -> Examples:
    rows = len(numbers)
    return Examples(
        numbers.astype(np.float32), np.zeros((rows, 0), np.int32), np.zeros((rows, 0), np.float32),
        np.zeros(rows, np.float32), np.ones(rows, np.float32), {},
    )  # fmt: skip


def encoded(numbers: np.ndarray, asked: np.ndarray, tmp_path: Path) -> np.ndarray:
    """The pieces of some rows, by a model that was saved and read again."""
    statistics = train_statistics([examples_of(numbers)], inputs=CUT)
    assert CUT.in_pieces == [0, 4]
    context = context_of(CUT, Regression("z"), statistics, chosen())
    path = tmp_path / "model.keras"
    keras.Model(context.tensors, context.pieces).save(path)
    rows = examples_of(asked)
    return np.asarray(keras.models.load_model(path)(rows.inputs))


def by_hand(numbers: np.ndarray, asked: float) -> list[float]:
    """Of a piece the share that lies below a number; the pieces have rows' own values for ends."""
    ordered = sorted(numbers)
    ends = [ordered[(len(ordered) - 1) * i // PIECES] for i in range(PIECES + 1)]
    found = []
    for lower, upper in pairwise(ends):
        share = (asked - lower) / (upper - lower) if upper > lower else 0.0
        found.append(min(max(share, 0.0), 1.0))
    return found


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-6, 0.0), (1e25, 0.0), (3.0, 90.0)])
def test_numbers_are_encoded_as_a_loop_encodes_them(
    scale: float, offset: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    numbers = np.float32(rng.gamma(1.0, 1.0, (ROWS, 5)) * scale + offset).astype(np.float64)
    # Half of the rows have one value: pieces between equal quantiles are empty.
    numbers[: ROWS // 2, 4] = numbers[0, 4]
    outside = np.array([[-9.0] * 5, [99.0] * 5]) * scale + offset
    asked = np.concatenate([numbers[:40], np.float32(outside)])

    found = encoded(numbers, asked, tmp_path)

    expected = [by_hand(numbers[:, 0], x) + by_hand(numbers[:, 4], y) for x, *_, y in asked]
    np.testing.assert_allclose(found, expected, atol=2e-4 if offset else 1e-5)


def test_a_constant_number_has_empty_pieces(tmp_path: Path) -> None:
    numbers = np.full((ROWS, 5), 7.0)
    asked = np.array([[7.0] * 5, [-3e38] * 5, [3e38] * 5])
    assert not encoded(numbers, asked, tmp_path).any()


def test_the_ends_are_quantiles_of_the_first_rows() -> None:
    numbers = np.arange(2.0 * SAMPLE)[:, None] * np.ones(5)
    parts = [examples_of(numbers[i : i + 7_001]) for i in range(0, len(numbers), 7_001)]
    bounds = train_statistics(parts, inputs=CUT).bounds
    last = SAMPLE - 1
    ends = [last * i // PIECES for i in range(PIECES + 1)]
    np.testing.assert_array_equal(bounds, [ends, ends])


def test_no_number_is_cut_unless_that_is_asked_for() -> None:
    statistics = train_statistics([examples_of(np.ones((3, 5)))], inputs=INPUTS)
    assert context_of(INPUTS, Regression("z"), statistics, chosen()).pieces is None
    assert INPUTS.cut(0) == INPUTS
