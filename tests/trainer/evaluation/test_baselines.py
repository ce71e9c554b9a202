"""Baselines are measured where they are there, beside the model on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as peer

from forebay.trainer.evaluation.baselines import compare_column
from forebay.trainer.evaluation.predictions import SplitPredictions, measurable
from forebay.transforms.definition.columns import MISSING_INT
from forebay.transforms.definition.labels import BinaryClassification, Classification, Regression

LABEL = Regression("y", baselines=("guess",))


@pytest.mark.parametrize(
    "column",
    [np.array([1.0, np.nan, 3.0, np.inf], np.float32), np.array([1, MISSING_INT, 3, MISSING_INT])],
)
def test_a_column_is_measured_where_it_is_there(column: np.ndarray) -> None:
    label, prediction = np.array([2.0, 2.0, 2.0, 2.0]), np.array([2.0, 99.0, 3.0, 99.0])
    found = compare_column(LABEL, SplitPredictions(label, prediction, {"guess": column}), "guess")
    assert found["rows_missing"] == 2
    assert found["metrics"]["rmse"] == 1.0
    assert found["model"]["rmse"] == pytest.approx(np.sqrt(0.5))
    assert found["metrics"]["rows"] == 2


def test_a_column_that_is_never_there_has_no_metrics() -> None:
    predicted = SplitPredictions(np.ones(2), np.ones(2), {"guess": np.full(2, np.nan)})
    assert compare_column(LABEL, predicted, "guess") == {
        "name": "guess", "rows_missing": 2, "metrics": None, "model": None,
    }  # fmt: skip


@pytest.mark.parametrize("label", [LABEL, Classification("y", ("a", "b"), baselines=("guess",))])
def test_a_column_that_is_there_only_where_rows_do_not_count_has_no_metrics(
    label: Regression | Classification,
) -> None:
    guess = np.array([b"a", b"?"], object) if isinstance(label, Classification) else [1.0, np.nan]
    predicted = SplitPredictions(
        np.zeros(2), np.ones((2, 2)), {"guess": np.asarray(guess)}, np.array([0.0, 1.0])
    )
    assert compare_column(label, predicted, "guess") == {
        "name": "guess", "rows_missing": 1, "metrics": None, "model": None,
    }  # fmt: skip


def test_the_order_of_a_column_is_the_guess_at_a_binary_label() -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 2, 300).astype(float)
    guess = (100 * label + random.normal(0, 90, 300)).round().astype(np.int64)
    weight = random.random(300)
    predicted = SplitPredictions(label, random.random(300), {"guess": guess}, weight)
    found = compare_column(BinaryClassification("y", baselines=("guess",)), predicted, "guess")
    for measured, score in (("metrics", guess), ("model", predicted.prediction)):
        assert found[measured] == pytest.approx({
            "rows": 300,
            "auc": peer.roc_auc_score(label, score, sample_weight=weight),
            "average_precision": peer.average_precision_score(label, score, sample_weight=weight),
        })  # fmt: skip


@pytest.mark.parametrize(
    ("classes", "column"),
    [
        (("a", "b"), np.array([b"a", b"b", b"a", b"\xff", b"c"], object)),
        ((7, -1), np.array([7, -1, 7, MISSING_INT, 3])),
    ],
)
def test_a_column_of_classes_is_right_or_wrong(classes: tuple, column: np.ndarray) -> None:
    prediction = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0], [0.0, 1.0]])
    predicted = SplitPredictions(np.array([0.0, 1.0, 1.0, 1.0, 0.0]), prediction, {"guess": column})
    found = compare_column(Classification("y", classes, baselines=("guess",)), predicted, "guess")
    assert found["rows_missing"] == 2
    assert found["metrics"] == {"rows": 3, "accuracy": pytest.approx(2 / 3)}
    assert found["model"] == {"rows": 3, "accuracy": pytest.approx(2 / 3)}


def test_weights_count_in_the_models_metrics() -> None:
    random = np.random.default_rng(1)
    label, prediction, weight = random.normal(size=(3, 50))
    predicted = SplitPredictions(label, prediction, {}, np.abs(weight)).take(np.arange(10, 50))
    assert measurable(LABEL, predicted).scores()["rmse"] == pytest.approx(
        peer.root_mean_squared_error(label[10:], prediction[10:], sample_weight=np.abs(weight[10:]))
    )
