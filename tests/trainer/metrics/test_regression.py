"""Metrics of numbers against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as peer

from forebay.trainer.metrics.regression import RegressionPredictions


def make_predictions(center: float, weight: np.ndarray | None = None) -> RegressionPredictions:
    random = np.random.default_rng(3)
    label = random.normal(center, 30, 5_000)
    return RegressionPredictions(label, label + random.normal(3, 10, 5_000), weight)


@pytest.mark.parametrize("center", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_scikit_learns(center: float, weighted: bool) -> None:
    weight = np.random.default_rng(4).integers(0, 3, 5_000).astype(float) if weighted else None
    predictions = make_predictions(center, weight)
    label, prediction = predictions.label, predictions.prediction
    found = predictions.metrics()
    wanted = {
        "rmse": peer.root_mean_squared_error(label, prediction, sample_weight=weight),
        "mae": peer.mean_absolute_error(label, prediction, sample_weight=weight),
        "mean_error": np.average(prediction - label, weights=weight),
        "r2": peer.r2_score(label, prediction, sample_weight=weight),
    }
    if center > 0:
        wanted["mape"] = peer.mean_absolute_percentage_error(
            label, prediction, sample_weight=weight
        )
    assert found.pop("rows") == 5_000
    quantiles = found.pop("error_quantiles")
    assert found == pytest.approx(wanted, rel=1e-9)
    if weight is None:
        assert quantiles["0.05"] == np.quantile(prediction - label, 0.05)
    else:
        repeated = np.repeat(prediction - label, weight.astype(int))
        assert quantiles["0.05"] == np.quantile(repeated, 0.05, method="inverted_cdf")


def test_drawn_rows_count_as_often_as_they_are_drawn() -> None:
    predictions = make_predictions(1e3)
    drawn = np.random.default_rng(5).integers(0, 5_000, 5_000)
    counts = np.bincount(drawn, minlength=5_000).astype(float)
    assert predictions.scores(counts) == pytest.approx(predictions.take(drawn).scores(), rel=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 + 0.3])
def test_labels_without_variance_have_no_r2(constant: float) -> None:
    predictions = RegressionPredictions(np.full(7, constant), np.arange(7.0))
    assert predictions.scores()["r2"] is None


def test_a_label_of_zero_has_no_percentage_error() -> None:
    assert "mape" not in RegressionPredictions(np.array([0.0, 2.0]), np.ones(2)).scores()
