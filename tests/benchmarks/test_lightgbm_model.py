"""What LightGBM is given, and that it learns from it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, NumericInput
from forebay.trainer.examples.split_reader import Examples
from forebay.transforms.definition.columns import Date, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Numeric,
)
from forebay.transforms.definition.labels import BinaryClassification, Regression
from forebay.transforms.definition.splits import HashSplit

DATASET = Dataset(
    name="trips",
    columns={
        "day": Date(), "left_at": Timestamp(), "line": String(), "stop": String(),
        "wait": Number(), "walk": Number(), "guess": Number(), "delay": Number(),
    },
    row_time="left_at",
    features=[
        Numeric("wait", scale="z_score", indicator=True),
        Numeric(Difference("wait", "walk"), name="spare"),
        Numeric("walk", scale="0_1"),
        Bucketized("walk", quantiles=3),
        Calendar("left_at", part="hour_of_day", name="hour"),
        Categorical("line"),
        Crossed("line_hour", ["line_id", "hour"], buckets=50),
    ],
    label=Regression("delay", baselines=["guess"]),
    split=HashSplit(on="day"),
)  # fmt: skip
NUMBERS = ("spare", "wait_z_score", "wait_z_score_is_missing", "walk_0_1")
IDS = ("hour", "line_hour", "line_id", "walk_bucket")
INPUTS = ModelInputs(
    tuple(NumericInput(name) for name in NUMBERS),
    tuple(CategoricalInput(name, 30, 0, 2) for name in IDS),
)


def make_examples(n: int = 500, seed: int = 1) -> Examples:
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(n, len(NUMBERS))).astype(np.float32)
    numbers[:, 2] = random.random(n) < 0.2
    ids = random.integers(0, 30, (n, len(IDS))).astype(np.int32)
    guess = random.normal(0, 100, n).astype(np.float32)
    label = guess + 10 * (ids[:, 2] % 2) + 5 * numbers[:, 2]
    label, none, one = (
        label.astype(np.float32),
        np.zeros((n, 0), np.float32),
        np.ones(n, np.float32),
    )
    return Examples(numbers, ids, none, label, one, {"guess": guess})


def test_a_number_is_nan_where_it_or_what_it_is_made_of_is_missing(
    lightgbm_model: ModuleType,
) -> None:
    examples = make_examples()
    rows = lightgbm_model.peer_rows(DATASET, INPUTS, examples, crosses=True)

    gaps = examples.numbers[:, 2] > 0.5
    assert gaps.any()
    for name in ("wait_z_score", "spare"):
        np.testing.assert_array_equal(np.isnan(rows.columns[name]), gaps)
        given = examples.numbers[:, NUMBERS.index(name)]
        np.testing.assert_array_equal(rows.columns[name][~gaps], given[~gaps])
    assert not np.isnan(rows.columns["walk_0_1"]).any()


def test_it_is_given_every_column(lightgbm_model: ModuleType) -> None:
    examples = make_examples()
    rows = lightgbm_model.peer_rows(DATASET, INPUTS, examples, crosses=True)

    assert set(rows.columns) == set(INPUTS.names) - {"wait_z_score_is_missing"}
    assert set(rows.categorical) == {"line_id", "line_hour"}
    for i, name in enumerate(IDS):
        np.testing.assert_array_equal(rows.columns[name], examples.ids[:, i])
    np.testing.assert_array_equal(rows.baseline, examples.carried["guess"])


def test_crosses_may_be_left_out(lightgbm_model: ModuleType) -> None:
    rows = lightgbm_model.peer_rows(DATASET, INPUTS, make_examples(), crosses=False)

    assert "line_hour" not in rows.columns
    assert rows.categorical == ("line_id",)


@pytest.fixture
def quick(lightgbm_model: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(lightgbm_model, "MAX_TREES", 60)
    return lightgbm_model


def test_it_learns_from_the_baseline_what_is_left(quick: ModuleType) -> None:
    train, evaluation, test = (
        quick.peer_rows(DATASET, INPUTS, make_examples(seed=seed), crosses=False)
        for seed in (1, 2, 3)
    )

    def error(*, from_baseline: bool) -> float:
        options = quick.PeerOptions(learning_rate=0.2, from_baseline=from_baseline)
        answer = quick.fit("regression", train, evaluation, options, seed=0).answer(test)
        return float(np.sqrt(np.mean((answer - test.label) ** 2)))

    assert error(from_baseline=True) < 1.5  # of 5 for missing waits and 10 for every other line
    assert (
        error(from_baseline=False) > 50
    )  # the baseline, of deviation 100, is not among the columns


def test_it_answers_probabilities_and_a_seed_repeats_itself(quick: ModuleType) -> None:
    dataset = replace(DATASET, label=BinaryClassification("late"), columns={
        **DATASET.columns, "late": Number(),
    })  # fmt: skip
    train, evaluation = (
        quick.peer_rows(
            dataset, INPUTS, replace(make_examples(seed=seed), carried={}), crosses=True
        )
        for seed in (1, 2)
    )
    train, evaluation = (
        replace(rows, label=(rows.columns["line_id"] > 15).astype(np.float32))
        for rows in (train, evaluation)
    )
    options = quick.PeerOptions(min_data_in_leaf=5)

    first, again = (
        quick.fit("binary_classification", train, evaluation, options, seed=4).answer(evaluation)
        for _ in range(2)
    )

    np.testing.assert_array_equal(first, again)
    assert ((first > 0) & (first < 1)).all()
    assert ((first > 0.5) == (evaluation.label > 0.5)).mean() > 0.95


def test_candidates_are_the_same_every_time(lightgbm_model: ModuleType) -> None:
    found = list(lightgbm_model.candidates(12, has_baseline=True))

    assert found == list(lightgbm_model.candidates(12, has_baseline=True))
    assert len(set(found)) == 12
    assert any(options.from_baseline for options in found)
    without = list(lightgbm_model.candidates(12, has_baseline=False))
    assert not any(options.from_baseline for options in without)
