"""Pictures of values that are huge, tiny, all the same or next to each other."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.plots.evaluation import draw
from forebay.trainer.plots.rates import draw_rates

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
def test_any_losses_are_drawn(losses: list[float]) -> None:
    rates = list(np.geomspace(1e-6, 1, len(losses)))
    report = {
        "dataset": "d", "rates": rates, "smooth": losses, "losses": losses, "suggestion": None,
    }  # fmt: skip
    assert draw_rates(report).startswith(b"\x89PNG")
