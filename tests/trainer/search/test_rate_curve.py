"""Reading a curve of losses over growing rates, made up so that the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from forebay.trainer.search.rate_curve import read_curve

RATES = np.geomspace(1e-6, 1.0, 300)


def losses(center: float, noise: float, seed: int) -> np.ndarray:
    """A loss that falls from 1 to 0.4, fastest at a rate, and diverges far above it."""
    x = np.log10(RATES / center)
    fall = 1 - 0.6 / (1 + np.exp(-4 * x))
    burst = np.square(RATES / (30 * center)) * 5
    return fall + burst + np.random.default_rng(seed).normal(0, noise, len(RATES))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("center", [1e-4, 3e-3])
def test_the_suggestion_is_half_of_where_the_loss_is_lowest(
    center: float, noise: float, seed: int
) -> None:
    curve = losses(center, noise, seed)
    kept = curve < 1.6
    found = read_curve(RATES[: kept.argmin() or None], curve[: kept.argmin() or None])
    assert found.suggestion is not None
    assert found.lowest is not None
    assert found.suggestion == found.lowest / 2
    assert center < found.lowest < 30 * center


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_suggests_nothing(seed: int) -> None:
    found = read_curve(RATES, np.random.default_rng(seed).normal(1, 0.2, len(RATES)))
    assert found.suggestion is None
    assert found.lowest is None


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    assert read_curve(RATES, 1 + RATES).suggestion is None


def test_smoothing_keeps_straight_lines() -> None:
    found = read_curve(RATES, np.linspace(5, 2, len(RATES)))
    np.testing.assert_allclose(
        found.smooth[40:-40], np.linspace(5, 2, len(RATES))[40:-40], rtol=1e-5
    )


@pytest.mark.parametrize("center", [1e-4, 3e-3])
def test_a_batch_with_one_odd_row_changes_nothing(center: float) -> None:
    """Losses forty times their neighbours, at the start and where the loss is to fall."""
    plain = losses(center, 0.02, 0)[:240]
    spiked = plain.copy()
    spiked[[1, 60, 130, 200]] *= 40
    expected, found = (read_curve(RATES[:240], curve) for curve in (plain, spiked))
    assert expected.suggestion is not None
    assert found.suggestion == pytest.approx(expected.suggestion, rel=0.3)
    assert found.lowest == pytest.approx(expected.lowest, rel=0.3)
