"""Weights: what they do to the loss, and that they do nothing where they are all alike."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from forebay.trainer.examples.split_reader import Examples
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.examples.weighting import ClassWeights, Weighting, check_evaluated, weighting
from forebay.trainer.layers.losses import row_losses
from forebay.trainer.options.data import add_data_arguments
from forebay.transforms.definition.labels import BinaryClassification, Classification, Regression
from forebay.transforms.errors import InputError

LATE = BinaryClassification("late")
NOTHING = Scale(np.zeros(1), np.ones(1))


def statistics(label: Any, weight: Any) -> TrainStatistics:
    sums = np.array([weight[label == c].sum() for c in (0, 1)])
    return TrainStatistics(NOTHING, NOTHING, len(label), weight.sum(), sums)


@pytest.fixture
def rows() -> tuple[Any, Any]:
    """Labels of which few are 1, and weights that tell rows apart."""
    chance = np.random.default_rng(4)
    label = (chance.random(500) < 0.1).astype(np.float32)
    return label, chance.gamma(2.0, 3.0, 500).astype(np.float32)


def test_balanced_is_that_of_scikit_learn(rows: tuple[Any, Any]) -> None:
    label, _ = rows
    found = weighting("balanced", LATE, statistics(label, np.ones(len(label))))
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=label)
    np.testing.assert_allclose(found.of_class, expected, rtol=1e-12)


@pytest.mark.parametrize("wanted", [None, "balanced", {"1": 5.0}, {"0": 0.5, "1": 0.0}])
def test_the_mean_over_train_is_one(rows: tuple[Any, Any], wanted: ClassWeights) -> None:
    label, weight = rows
    found = weighting(wanted, LATE, statistics(label, weight)).row_weights(label, weight).numpy()
    assert found.mean() == pytest.approx(1, rel=1e-5)
    of_class = {"0": 1.0, "1": 1.0, **wanted} if isinstance(wanted, dict) else None
    if of_class is not None:
        raw = weight * np.where(label == 1, of_class["1"], of_class["0"])
        np.testing.assert_allclose(found, raw / raw.mean(), rtol=1e-5)
    if wanted == "balanced":
        assert found[label == 1].sum() == pytest.approx(found[label == 0].sum(), rel=1e-5)


@pytest.mark.parametrize("weight", [1.0, 3.0, 0.1, 7e5])
def test_equal_weights_are_no_weights(weight: float) -> None:
    label = np.ones(6, np.float32)
    weights = np.full(6, weight, np.float32)
    found = weighting(None, LATE, statistics(label, weights.astype(np.float64)))
    np.testing.assert_array_equal(found.row_weights(label, weights), np.ones(6))


@pytest.mark.parametrize("task", ["regression", "binary_classification"])
def test_a_row_of_weight_two_is_two_rows(task: Any, rows: tuple[Any, Any]) -> None:
    label, _ = rows
    score = np.random.default_rng(5).normal(size=len(label)).astype(np.float32)
    times = np.random.default_rng(6).integers(0, 4, len(label))
    losses = row_losses(task, statistics(label, np.ones(len(label))))
    weigh = Weighting(mean=times.mean())
    weights = weigh.row_weights(label, times.astype(np.float32)).numpy()
    weighted = np.mean(weights * losses(label, score).numpy())
    repeated = np.mean(losses(np.repeat(label, times), np.repeat(score, times)).numpy())
    assert weighted == pytest.approx(repeated, rel=1e-5)


@pytest.mark.parametrize(
    ("wanted", "label", "words"),
    [
        ({"2": 1.0}, LATE, ["no class '2'", "classes are '0', '1'"]),
        ("balanced", Regression("late"), ["is a number", "weight="]),
        ("balanced", LATE, ["no row of train is of class '1'", "0:1,1:2"]),
        ({"0": 0.0}, LATE, ["no row of train has a weight above zero"]),
    ],
)
def test_weights_that_do_not_suit_are_refused(
    wanted: ClassWeights, label: Any, words: list[str]
) -> None:
    found = statistics(np.zeros(3), np.ones(3))
    if label.task == "regression":
        found = replace(found, class_weights=np.zeros(0))
    with pytest.raises(InputError) as error:
        weighting(wanted, label, found)
    assert all(word in str(error.value) for word in words)


def examples(label: list[float], weight: list[float]) -> Examples:
    rows = len(label)
    return Examples(
        np.zeros((rows, 1), np.float32), np.zeros((rows, 0), np.int32),
        np.zeros((rows, 0), np.float32), np.array(label, np.float32),
        np.array(weight, np.float32), {},
    )  # fmt: skip


def test_rows_to_evaluate_on_of_which_none_counts_are_refused() -> None:
    parts = [examples([0, 0], [1, 2]), examples([0], [0])]
    wanted = {"0": 0.0, "1": 2.0}
    of_class = Weighting((0.0, 2.0))
    words = (
        "the eval split: of 3 rows to evaluate on none has a weight above zero with "
        "--class-weights 0:0,1:2, and"
    )
    with pytest.raises(InputError, match=words):
        check_evaluated("the eval split", parts, of_class, wanted)
    with pytest.raises(InputError, match="of 1 row to evaluate on none has a weight above zero, "):
        check_evaluated("the eval split", parts[1:], Weighting(), None)
    check_evaluated("the eval split", parts, Weighting(), None)
    check_evaluated("the eval split", [*parts, examples([1], [0.5])], of_class, wanted)


def test_what_an_error_recommends_is_taken() -> None:
    names = ("a,b", "x:y", ",", ":", "a, b:c", "1:", "never")
    label = Classification("grade", classes=names)
    with pytest.raises(InputError, match="no row of train is of class 'never'") as error:
        weighting(
            "balanced",
            label,
            TrainStatistics(NOTHING, NOTHING, 6, 6.0, np.array([1.0] * 6 + [0.0])),
        )
    (text,) = re.findall("such as (.*)$", str(error.value))
    parser = argparse.ArgumentParser()
    add_data_arguments(parser)
    assert text == "a,b:1,x:y:2"
    assert parser.parse_args(["--class-weights", text]).class_weights == {"a,b": 1.0, "x:y": 2.0}
    every = ",".join(f"{name}:{i}" for i, name in enumerate(names))
    found = parser.parse_args(["--class-weights", every]).class_weights
    assert found == {name: float(i) for i, name in enumerate(names)}


@pytest.mark.parametrize("text", ["", "a", "a:", "a:1,", "a:1,b", ":1", "a:1,a:2", "a:x", "a:1,,b"])
def test_texts_that_give_no_weights_are_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_data_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--class-weights", text])
    assert "gives no weight to each class once" in capsys.readouterr().err
