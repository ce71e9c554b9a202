"""Metrics of probabilities against scikit-learn's, ties and weights included."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import calibration as peer_calibration
from sklearn import metrics as peer

from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.curves import Ranking, auc, average_precision, roc_curve

ROWS = 5_000
THRESHOLD = 0.4


def make_predictions(decimals: int, *, weighted: bool = False) -> BinaryPredictions:
    random = np.random.default_rng(3)
    label = random.integers(0, 2, ROWS).astype(float)
    probability = np.round(np.clip(0.3 * label + 0.7 * random.random(ROWS), 0, 1), decimals)
    weight = random.integers(0, 4, ROWS).astype(float) if weighted else None
    return BinaryPredictions(label, probability, THRESHOLD, weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_scores_are_scikit_learns(decimals: int, weighted: bool) -> None:
    predictions = make_predictions(decimals, weighted=weighted)
    label, probability, weight = predictions.label, predictions.probability, predictions.weight
    called = probability >= THRESHOLD
    found = predictions.scores()
    wanted = {
        "log_loss": peer.log_loss(label, probability, sample_weight=weight),
        "auc": peer.roc_auc_score(label, probability, sample_weight=weight),
        "average_precision": peer.average_precision_score(label, probability, sample_weight=weight),
        "brier": peer.brier_score_loss(label, probability, sample_weight=weight),
        "mean_error": np.average(probability - label, weights=weight),
        "precision": peer.precision_score(label, called, sample_weight=weight),
        "recall": peer.recall_score(label, called, sample_weight=weight),
        "f1": peer.f1_score(label, called, sample_weight=weight),
        "accuracy": peer.accuracy_score(label, called, sample_weight=weight),
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-12)
    assert set(found) == {*wanted, "calibration_error"}


@pytest.mark.parametrize("decimals", [1, 12])
def test_the_calibration_is_scikit_learns(decimals: int) -> None:
    predictions = make_predictions(decimals)
    share, probability = peer_calibration.calibration_curve(
        predictions.label, predictions.probability, n_bins=10, strategy="quantile"
    )
    found = predictions.calibration
    np.testing.assert_allclose(found.share, share)
    np.testing.assert_allclose(found.probability, probability)
    assert found.rows.sum() == ROWS
    gaps = np.repeat(np.abs(share - probability), found.rows.astype(int))
    assert predictions.scores()["calibration_error"] == pytest.approx(gaps.mean())


def test_counts_and_bins_are_reported() -> None:
    predictions = make_predictions(2)
    found = predictions.metrics()
    (tn, fp), (fn, tp) = peer.confusion_matrix(
        predictions.label, predictions.probability >= THRESHOLD
    )
    assert found["confusion"] == {
        "true_positives": tp, "false_positives": fp, "false_negatives": fn, "true_negatives": tn,
    }  # fmt: skip
    assert found["rows"] == ROWS
    assert found["positives"] == predictions.label.sum()
    assert found["threshold"] == THRESHOLD
    assert sum(one["rows"] for one in found["calibration"]) == ROWS


def test_the_roc_curve_is_scikit_learns() -> None:
    predictions = make_predictions(1)
    false_rates, true_rates, _ = peer.roc_curve(
        predictions.label, predictions.probability, drop_intermediate=False
    )
    found = roc_curve(predictions.cuts)
    np.testing.assert_allclose(found[0], false_rates)
    np.testing.assert_allclose(found[1], true_rates)


def test_precision_and_recall_at_every_score_are_scikit_learns() -> None:
    predictions = make_predictions(2)
    precision, recall, scores = peer.precision_recall_curve(
        predictions.label, predictions.probability
    )
    cuts = predictions.cuts
    np.testing.assert_allclose(cuts.scores[::-1], scores)
    np.testing.assert_allclose(cuts.precision[::-1], precision[:-1])
    np.testing.assert_allclose(cuts.recall[::-1], recall[:-1])


def test_drawn_rows_count_as_often_as_they_are_drawn() -> None:
    predictions = make_predictions(2, weighted=True)
    drawn = np.random.default_rng(5).integers(0, ROWS, ROWS)
    counts = np.bincount(drawn, minlength=ROWS).astype(float)
    repeated = predictions.take(drawn).scores()
    # The bins of the calibration error are of the rows as they are, not as they are drawn.
    repeated.pop("calibration_error")
    found = predictions.scores(counts)
    assert {name: found[name] for name in repeated} == pytest.approx(repeated, rel=1e-10)


def test_what_cannot_be_measured_is_none() -> None:
    low = np.full(3, 0.1)
    found = BinaryPredictions(np.ones(3), low, 0.5).scores()
    assert found["auc"] is None
    assert found["precision"] is None
    assert found["recall"] == 0
    found = BinaryPredictions(np.zeros(3), low, 0.5).scores()
    assert (found["recall"], found["average_precision"], found["f1"]) == (None, None, None)
    assert set(BinaryPredictions(np.zeros(3), low, 0.5).scores(np.zeros(3)).values()) == {None}


def test_the_order_of_any_number_can_be_measured() -> None:
    random = np.random.default_rng(8)
    actual, score = random.random(500) < 0.3, random.normal(-1e6, 1e3, 500).round(-2)
    cuts = Ranking.of(actual, score).cuts()
    assert auc(cuts) == pytest.approx(peer.roc_auc_score(actual, score), rel=1e-12)
    assert average_precision(cuts) == pytest.approx(peer.average_precision_score(actual, score))
