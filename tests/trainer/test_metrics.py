"""Metrics against scikit-learn's, and what baselines do about missing values."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as peer

from trainer import metrics
from transforms.columns import MISSING_INT


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_regression_metrics_are_scikit_learns(random: np.random.Generator) -> None:
    label = random.normal(1e6, 30, 5_000)
    answer = label + random.normal(3, 10, 5_000)
    found = metrics.regression_metrics(label, answer)
    assert found["rows"] == 5_000
    assert found["rmse"] == pytest.approx(peer.root_mean_squared_error(label, answer), rel=1e-12)
    assert found["mae"] == pytest.approx(peer.mean_absolute_error(label, answer), rel=1e-12)
    assert found["mean_error"] == pytest.approx(np.mean(answer - label), rel=1e-12)


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_binary_metrics_are_scikit_learns_ties_included(
    random: np.random.Generator, decimals: int
) -> None:
    label = random.integers(0, 2, 5_000).astype(float)
    answer = np.round(np.clip(0.3 * label + 0.7 * random.random(5_000), 0, 1), decimals)
    found = metrics.binary_metrics(label, answer, 0.4)
    called = answer >= 0.4
    assert found["auc"] == pytest.approx(peer.roc_auc_score(label, answer), rel=1e-12)
    assert found["log_loss"] == pytest.approx(peer.log_loss(label, answer), rel=1e-12)
    assert found["precision"] == pytest.approx(peer.precision_score(label, called))
    assert found["recall"] == pytest.approx(peer.recall_score(label, called))
    assert found["accuracy"] == pytest.approx(peer.accuracy_score(label, called))
    assert found["positives"] == label.sum()


def test_the_roc_curve_is_scikit_learns(random: np.random.Generator) -> None:
    label = random.integers(0, 2, 500).astype(float)
    score = np.round(random.random(500) + label / 3, 1)
    false_rates, true_rates, _ = peer.roc_curve(label, score, drop_intermediate=False)
    found = metrics.roc_curve(label, score)
    np.testing.assert_allclose(found[0], false_rates)
    np.testing.assert_allclose(found[1], true_rates)


def test_what_cannot_be_measured_is_none() -> None:
    ones = np.ones(3)
    found = metrics.binary_metrics(ones, np.full(3, 0.1), 0.5)
    assert found["auc"] is None
    assert found["precision"] is None
    assert found["recall"] == 0
    assert metrics.binary_metrics(0 * ones, np.full(3, 0.1), 0.5)["recall"] is None


@pytest.mark.parametrize(
    "column",
    [np.array([1.0, np.nan, 3.0, np.inf], np.float32), np.array([1, MISSING_INT, 3, MISSING_INT])],
)
def test_baselines_are_measured_where_they_are_there(column: np.ndarray) -> None:
    label, answer = np.array([2.0, 2.0, 2.0, 2.0]), np.array([2.0, 99.0, 3.0, 99.0])
    found = metrics.compare_baseline("regression", label, answer, metrics.as_baseline("b", column))
    assert found["rows_missing"] == 2
    assert found["metrics"]["rmse"] == 1.0
    assert found["model"]["rmse"] == pytest.approx(np.sqrt(0.5))
    assert found["metrics"]["rows"] == 2


def test_a_baseline_that_is_never_there_has_no_metrics() -> None:
    nothing = metrics.as_baseline("b", np.full(2, np.nan))
    found = metrics.compare_baseline("regression", np.ones(2), np.ones(2), nothing)
    assert found == {"name": "b", "rows_missing": 2, "metrics": None, "model": None}
