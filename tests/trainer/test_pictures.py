"""Pictures of values that are huge, tiny, all the same or next to each other."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.plots.evaluation import draw
from forebay.trainer.plots.rates import draw_rates
from forebay.trainer.plots.sweep import draw_sweep

LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("label", "prediction"),
    [
        ([4.6e18, 4.6e18], [4.6e18, 4.6e18]),
        ([4.6e18, 0.0, 1.0], [4.6e18, 1.0, 0.0]),
        ([4.6e18, float(np.nextafter(4.6e18, 5e18))], [4.6e18, 4.6e18]),
        ([LARGEST, -LARGEST], [-LARGEST, LARGEST]),
        ([0.0], [0.0]),
        ([0.0, 5e-324], [5e-324, 0.0]),
        ([1e-45, 2e-45], [1e-45, 1e-45]),
    ],
)
def test_any_numbers_are_drawn(label: list[float], prediction: list[float]) -> None:
    answers = RegressionPredictions(np.array(label), np.array(prediction))
    with warnings.catch_warnings(action="ignore"):
        metrics = answers.metrics()
    report = {"dataset": "d", "label": "x", "split": "test", "rows": 2, "metrics": metrics}
    assert draw(answers, report).startswith(b"\x89PNG")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("losses", [[0.0], [4.6e18, 4.6e18], [LARGEST, 1e-45]])
@pytest.mark.parametrize("lowest", [None, 1e-3])
def test_any_losses_are_drawn(losses: list[float], lowest: float | None) -> None:
    rates = list(np.geomspace(1e-6, 1, len(losses)))
    report = {
        "dataset": "d", "rates": rates, "smooth": losses, "losses": losses, "suggestion": None,
        "lowest": lowest,
    }  # fmt: skip
    assert draw_rates(report).startswith(b"\x89PNG")


def test_trials_whose_model_has_no_place_for_an_option_are_drawn() -> None:
    def trial(number: int, outcome: str, **options: object) -> dict[str, object]:
        metric = None if outcome == "refused" else 1.0 / number
        return {"trial": number, "outcome": outcome, "eval_metric": metric, "options": options}

    searched = [
        {"option": "model", "choices": ["linear", "deep"], "low": 0.0, "high": 0.0},
        {"option": "members", "choices": [2, 3], "low": 0.0, "high": 0.0},
        {"option": "max_norm", "choices": [], "low": 1.0, "high": 20.0},
    ]
    trials = [
        trial(1, "trained", model="linear", members=1, max_norm=None),
        trial(2, "refused", model="deep", members=2, max_norm=1.0),
        trial(3, "stopped", model="deep", members=3, max_norm=2.0),
    ]
    report = {
        "dataset": "d", "split": "eval", "metric": "rmse", "more_is_better": False,
        "searched": searched, "trials": trials,
    }  # fmt: skip
    assert draw_sweep(report).startswith(b"\x89PNG")
    report["trials"] = trials[:1]
    assert draw_sweep(report).startswith(b"\x89PNG")
