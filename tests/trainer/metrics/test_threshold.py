"""Thresholds against the plain search over all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as peer

from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.threshold import choose_threshold
from forebay.trainer.options.threshold import ThresholdAim
from forebay.transforms.errors import InputError

Value = Callable[[np.ndarray, np.ndarray], float]


def make_predictions(decimals: int = 2) -> BinaryPredictions:
    random = np.random.default_rng(11)
    label = (random.random(250) < 0.2).astype(float)
    probability = np.clip(0.35 * label + 0.6 * random.random(250), 0, 1).round(decimals)
    return BinaryPredictions(label, probability, 0.5)


def youden(label: np.ndarray, called: np.ndarray) -> float:
    return float(called[label == 1].mean() - called[label == 0].mean())


def cost(label: np.ndarray, called: np.ndarray) -> float:
    return -float((called & (label == 0)).sum() + 7 * (~called & (label == 1)).sum())


def recall_where_precise(label: np.ndarray, called: np.ndarray) -> float:
    return peer.recall_score(label, called) if peer.precision_score(label, called) >= 0.8 else -1


def precision_where_recalled(label: np.ndarray, called: np.ndarray) -> float:
    return peer.precision_score(label, called) if peer.recall_score(label, called) >= 0.9 else -1


@pytest.mark.parametrize("decimals", [1, 2, 9])
@pytest.mark.parametrize(
    ("aim", "value"),
    [
        ("f1", peer.f1_score),
        ("youden", youden),
        ("cost=1:7", cost),
        ("precision=0.8", recall_where_precise),
        ("recall=0.9", precision_where_recalled),
    ],
)
def test_no_other_threshold_does_better(aim: str, value: Value, decimals: int) -> None:
    predictions = make_predictions(decimals)
    chosen = choose_threshold(predictions, ThresholdAim.parse(aim), "eval")
    values = {
        float(threshold): value(predictions.label, predictions.probability >= threshold)
        for threshold in np.unique(predictions.probability)
    }
    best = max(values.values())
    assert values[chosen] == pytest.approx(best)
    assert chosen == max(t for t, found in values.items() if found == pytest.approx(best))


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_the_highest_of_equal_gaps_is_chosen_whatever_the_rounding(weight: float) -> None:
    """At 0.60, 0.35 and 0.15 the gap of the rates is 2/5: 3/5 - 1/5, 4/5 - 2/5 and 5/5 - 3/5."""
    label = np.array([1, 0, 1, 1, 0, 1, 0, 1, 0, 0], float)
    probability = np.array([0.95, 0.8, 0.7, 0.6, 0.45, 0.35, 0.3, 0.15, 0.1, 0.05])
    predictions = BinaryPredictions(label, probability, 0.5, np.full(10, weight))
    assert choose_threshold(predictions, ThresholdAim.parse("youden"), "eval") == 0.6
    aim = ThresholdAim.parse("cost=0.1:0.1")
    assert choose_threshold(predictions, aim, "eval") == 0.6


def test_calling_nothing_may_be_cheapest() -> None:
    predictions = BinaryPredictions(np.array([0.0, 1.0]), np.array([0.9, 0.2]), 0.5)
    chosen = choose_threshold(predictions, ThresholdAim.parse("cost=10:1"), "eval")
    assert not (predictions.probability >= chosen).any()


def test_weights_count_in_the_choice() -> None:
    predictions = make_predictions()
    random = np.random.default_rng(1)
    weight = random.integers(0, 5, len(predictions)).astype(float)
    times = np.repeat(np.arange(len(predictions)), weight.astype(int))
    weighted = BinaryPredictions(predictions.label, predictions.probability, 0.5, weight)
    aim = ThresholdAim.parse("f1")
    assert choose_threshold(weighted, aim, "eval") == choose_threshold(
        predictions.take(times), aim, "eval"
    )


def test_a_precision_that_is_nowhere_is_refused_with_the_highest_there_is() -> None:
    label = np.array([1.0, 0.0, 0.0, 1.0])
    predictions = BinaryPredictions(label, np.array([0.9, 0.9, 0.2, 0.2]), 0.5)
    with pytest.raises(InputError, match=r"precision=0\.8.*eval split.*highest is 0\.5, at 0\.9"):
        choose_threshold(predictions, ThresholdAim.parse("precision=0.8"), "eval")


def test_labels_that_are_all_the_same_choose_nothing() -> None:
    predictions = BinaryPredictions(np.ones(3), np.full(3, 0.5), 0.5)
    with pytest.raises(InputError, match=r"eval split are all the same.*--threshold"):
        choose_threshold(predictions, ThresholdAim.parse("f1"), "eval")


@pytest.mark.parametrize(
    "text",
    ["f2", "f1=3", "precision", "precision=0", "recall=1.5", "cost=1", "cost=1:0", "cost=a:b"],
)
def test_what_is_no_aim_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--threshold-for .*give f1, youden, precision=P"):
        ThresholdAim.parse(text)


@pytest.mark.parametrize("text", ["f1", "youden", "precision=0.8", "recall=0.95", "cost=1:5"])
def test_an_aim_is_written_as_it_is_read(text: str) -> None:
    assert str(ThresholdAim.parse(text)) == text
