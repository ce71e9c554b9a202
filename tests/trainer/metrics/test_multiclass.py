"""Metrics of several classes against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as peer

from forebay.trainer.metrics.multiclass import MulticlassPredictions

CLASSES = ("red", "green", "blue", "never")


def make_predictions(top_k: int = 2, *, weighted: bool = False) -> MulticlassPredictions:
    random = np.random.default_rng(3)
    label = random.choice(3, 4_000, p=[0.6, 0.3, 0.1])
    scores = random.normal(0, 1, (4_000, 4)) + 1.5 * np.eye(4)[label] - [0, 0, 0, 3]
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    weight = random.integers(0, 4, 4_000).astype(float) if weighted else None
    return MulticlassPredictions(label, probability, CLASSES, top_k, weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_scores_are_scikit_learns(top_k: int, weighted: bool) -> None:
    predictions = make_predictions(top_k, weighted=weighted)
    label, probability, weight = predictions.label, predictions.probability, predictions.weight
    called = probability.argmax(axis=1)
    there = [i for i in range(4) if (label == i).any() or (called == i).any()]
    found = predictions.scores()
    assert found.pop("calibration_error") >= 0
    assert found == pytest.approx({
        "log_loss": peer.log_loss(label, probability, labels=range(4), sample_weight=weight),
        "accuracy": peer.accuracy_score(label, called, sample_weight=weight),
        f"top_{top_k}_accuracy": peer.top_k_accuracy_score(
            label, probability, k=top_k, labels=range(4), sample_weight=weight
        ),
        "macro_f1": peer.f1_score(
            label, called, labels=there, average="macro", sample_weight=weight
        ),
    }, rel=1e-9)  # fmt: skip


def test_every_class_has_its_own_metrics() -> None:
    predictions = make_predictions()
    label, called = predictions.label, predictions.probability.argmax(axis=1)
    found = predictions.metrics()
    assert found["confusion"] == peer.confusion_matrix(label, called, labels=range(4)).tolist()
    for i, name in enumerate(CLASSES[:3]):
        one = found["per_class"][name]
        assert one["rows"] == (label == i).sum()
        assert one["precision"] == pytest.approx(peer.precision_score(label == i, called == i))
        assert one["recall"] == pytest.approx(peer.recall_score(label == i, called == i))
        assert one["f1"] == pytest.approx(peer.f1_score(label == i, called == i))
        assert one["auc"] == pytest.approx(
            peer.roc_auc_score(label == i, predictions.probability[:, i])
        )
    never = found["per_class"]["never"]
    assert (never["rows"], never["recall"], never["auc"]) == (0, None, None)


def test_the_likeliest_class_is_as_right_as_it_says_where_it_is() -> None:
    random = np.random.default_rng(1)
    probability = random.dirichlet([1, 1, 1], 20_000)
    label = (probability.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    error = MulticlassPredictions(label, probability, ("a", "b", "c"), 2).scores()[
        "calibration_error"
    ]
    assert error == pytest.approx(0, abs=0.02)
    wrong = MulticlassPredictions(2 - label, probability, ("a", "b", "c"), 2).scores()
    assert wrong["calibration_error"] > 0.1


def test_drawn_rows_count_as_often_as_they_are_drawn() -> None:
    predictions = make_predictions(weighted=True)
    drawn = np.random.default_rng(5).integers(0, 4_000, 4_000)
    repeated = predictions.take(drawn).scores()
    repeated.pop("calibration_error")
    found = predictions.scores(np.bincount(drawn, minlength=4_000).astype(float))
    assert {name: found[name] for name in repeated} == pytest.approx(repeated, rel=1e-9)


def test_the_class_listed_first_wins_a_tie() -> None:
    tied = np.full((2, 3), 1 / 3)
    found = MulticlassPredictions(np.array([0, 1]), tied, ("a", "b", "c"), 2).scores()
    assert (found["accuracy"], found["top_2_accuracy"]) == (0.5, 1.0)
