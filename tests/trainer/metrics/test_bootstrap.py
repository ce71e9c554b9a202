"""Intervals against loops over repeated rows, and against SciPy's bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from forebay.trainer.evaluation.comparison import compare
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.bootstrap import Resampling, intervals
from forebay.trainer.metrics.regression import RegressionPredictions

ROWS, GROUPS = 600, 30


@pytest.fixture
def groups() -> np.ndarray:
    return np.random.default_rng(2).permutation(np.arange(ROWS) % GROUPS)


@pytest.fixture
def predictions(groups: np.ndarray) -> RegressionPredictions:
    random = np.random.default_rng(1)
    label = random.normal(0, 5, ROWS) + random.normal(0, 4, GROUPS)[groups]
    return RegressionPredictions(label, label + random.normal(0.5, 2, ROWS))


@pytest.mark.parametrize("grouped", [False, True])
def test_resamples_are_of_repeated_rows(
    predictions: RegressionPredictions, groups: np.ndarray, grouped: bool
) -> None:
    resampling = Resampling(200, seed=9, groups=groups if grouped else None)
    found = intervals(predictions.scores, ROWS, resampling)
    random = np.random.default_rng(9)
    values = []
    for _ in range(200):
        drawn = random.integers(0, GROUPS if grouped else ROWS, GROUPS if grouped else ROWS)
        rows = np.concatenate([np.flatnonzero(groups == g) for g in drawn]) if grouped else drawn
        values.append(
            np.sqrt(np.mean((predictions.label[rows] - predictions.prediction[rows]) ** 2))
        )
    assert found["rmse"] == pytest.approx(np.quantile(values, [0.025, 0.975]), rel=1e-9)


def test_intervals_are_scipys(predictions: RegressionPredictions) -> None:
    found = intervals(predictions.scores, ROWS, Resampling(4_000))
    error = predictions.prediction - predictions.label
    peer = stats.bootstrap(
        (error,), lambda e, axis: np.sqrt(np.mean(e**2, axis=axis)),
        n_resamples=4_000, method="percentile", vectorized=True, random_state=5,
    ).confidence_interval  # fmt: skip
    assert found["rmse"] == pytest.approx(peer, abs=0.1 * (peer.high - peer.low))


def test_alike_rows_of_a_group_widen_the_interval(
    predictions: RegressionPredictions, groups: np.ndarray
) -> None:
    alone = RegressionPredictions(predictions.label, np.zeros(ROWS))
    by_rows = intervals(alone.scores, ROWS, Resampling(500))["mean_error"]
    by_groups = intervals(alone.scores, ROWS, Resampling(500, groups=groups))["mean_error"]
    assert by_groups[1] - by_groups[0] > 1.5 * (by_rows[1] - by_rows[0])


def test_the_seed_decides(predictions: RegressionPredictions) -> None:
    first, again, other = (
        intervals(predictions.scores, ROWS, Resampling(100, seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first["rmse"] != other["rmse"]


def test_resamples_that_cannot_be_measured_are_left_out() -> None:
    rare = BinaryPredictions(np.eye(1, 20)[0], np.linspace(1, 0, 20), 0.5)
    found = intervals(rare.scores, 20, Resampling(200))
    assert found["auc"] == (1.0, 1.0)
    never = BinaryPredictions(np.zeros(20), np.linspace(1, 0, 20), 0.5)
    assert intervals(never.scores, 20, Resampling(100))["auc"] is None


def test_one_row_or_group_says_nothing_of_others(
    predictions: RegressionPredictions, groups: np.ndarray
) -> None:
    for rows, drawn in (
        (np.arange(1), Resampling(9)),
        (np.flatnonzero(groups == 3), Resampling(9, groups=groups)),
    ):
        part = predictions.take(rows)
        found = intervals(part.scores, len(part), drawn.take(rows))
        assert found == dict.fromkeys(part.scores())


def test_models_are_compared_on_the_same_resamples(predictions: RegressionPredictions) -> None:
    worse = RegressionPredictions(predictions.label, predictions.prediction + 0.3)
    found = compare(worse, predictions, Resampling(300, seed=4))["rmse"]
    random = np.random.default_rng(4)
    values = []
    for _ in range(300):
        rows = random.integers(0, ROWS, ROWS)
        values.append(worse.take(rows).scores()["rmse"] - predictions.take(rows).scores()["rmse"])
    assert found["interval"] == pytest.approx(np.quantile(values, [0.025, 0.975]), rel=1e-6)
    assert found["difference"] == pytest.approx(found["model"] - found["other"])
    assert found["better"] == "other"
    alone = intervals(predictions.scores, ROWS, Resampling(300, seed=4))["rmse"]
    paired = found["interval"]
    assert paired[1] - paired[0] < 0.5 * (alone[1] - alone[0])


def test_a_model_is_no_better_than_itself(predictions: RegressionPredictions) -> None:
    found = compare(predictions, predictions, Resampling(100))
    assert all(one["difference"] == 0 and one["better"] is None for one in found.values())


def test_more_is_better_where_it_is() -> None:
    random = np.random.default_rng(6)
    label = random.integers(0, 2, 2_000).astype(float)
    noise = random.normal(0, 0.2, 2_000)
    good, poor = (
        BinaryPredictions(label, np.clip(0.5 + pull * (label - 0.5) + noise, 0, 1), 0.5)
        for pull in (0.5, 0.1)
    )
    found = compare(good, poor, Resampling(100))
    assert found["auc"]["better"] == found["log_loss"]["better"] == "model"
