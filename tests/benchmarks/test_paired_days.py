"""The paired bootstrap, held against drawing the rows themselves."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import mean_squared_error, roc_auc_score

RESAMPLES = 20

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def rows() -> dict[str, Floats]:
    """Rows of nine uneven days; scores with many ties."""
    random = np.random.default_rng(3)
    days = random.choice(np.arange(9) * 7 + 100, 600, p=np.arange(1, 10) / 45)
    label = (random.random(600) < 0.3).astype(float)
    score = np.round(label * 0.3 + random.random(600), 1)
    return {"days": days, "label": label, "score": score}


def drawn_rows(days: npt.NDArray[np.int64], seed: int) -> list[npt.NDArray[np.int64]]:
    """The rows of each draw, one by one."""
    found = np.unique(days)
    even = np.full(len(found), 1 / len(found))
    times = np.random.default_rng(seed).multinomial(len(found), even, RESAMPLES)
    return [
        np.concatenate([np.flatnonzero(days == day) for day in np.repeat(found, draw)])
        for draw in times
    ]


def test_rmse_is_that_of_the_drawn_rows(paired_days: ModuleType, rows: dict[str, Floats]) -> None:
    days, label, answer = rows["days"], rows["label"], rows["score"]

    found = paired_days.PairedDays(days, RESAMPLES, seed=5).rmse(label, answer)

    wanted = [mean_squared_error(label[i], answer[i]) ** 0.5 for i in drawn_rows(days, 5)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert len(set(wanted)) > RESAMPLES / 2


def test_auc_is_that_of_the_drawn_rows(paired_days: ModuleType, rows: dict[str, Floats]) -> None:
    days, label, score = rows["days"], rows["label"], rows["score"]

    found = paired_days.PairedDays(days, RESAMPLES, seed=5).auc(label, score)

    wanted = [roc_auc_score(label[i], score[i]) for i in drawn_rows(days, 5)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert len(set(wanted)) > RESAMPLES / 2


def test_what_days_have_in_common_cancels_out(
    paired_days: ModuleType, rows: dict[str, Floats]
) -> None:
    days = paired_days.PairedDays(rows["days"], RESAMPLES)
    hard_day = np.where(rows["days"] == rows["days"].max(), 50.0, 1.0)
    label = np.zeros(len(hard_day))

    one, other = days.rmse(label, hard_day), days.rmse(label, hard_day * 1.01)

    assert np.ptp(one) > 10
    low, high = paired_days.central_interval(other / one)
    assert (low, high) == pytest.approx((1.01, 1.01))
