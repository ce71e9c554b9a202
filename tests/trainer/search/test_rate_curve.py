"""Reading a curve of losses over growing rates, made up so that the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from forebay.trainer.search.rate_curve import read_curve

RATES = np.geomspace(1e-6, 1.0, 300)


def losses(center: float, noise: float, seed: int, rates: np.ndarray = RATES) -> np.ndarray:
    """A loss that falls from 1 to 0.4, fastest at a rate, and diverges far above it."""
    x = np.log10(rates / center)
    fall = 1 - 0.6 / (1 + np.exp(-4 * x))
    burst = np.square(rates / (30 * center)) * 5
    return fall + burst + np.random.default_rng(seed).normal(0, noise, len(rates))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("center", [1e-4, 3e-3])
def test_the_suggestion_is_half_of_where_the_loss_is_lowest(
    center: float, noise: float, seed: int
) -> None:
    curve = losses(center, noise, seed)
    kept = curve < 1.6
    until = kept.argmin() or None
    found = read_curve(RATES[:until], curve[:until], diverged=True)
    assert found.suggestion is not None
    assert found.lowest is not None
    assert found.suggestion == found.lowest / 2
    assert center < found.lowest < 30 * center


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_suggests_nothing(seed: int) -> None:
    found = read_curve(
        RATES, np.random.default_rng(seed).normal(1, 0.2, len(RATES)), diverged=False
    )
    assert found.suggestion is None
    assert found.lowest is None


def test_a_loss_that_only_rises_suggests_nothing() -> None:
    assert read_curve(RATES, 1 + RATES, diverged=True).suggestion is None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.15])
@pytest.mark.parametrize("most", [1.0, 3.0])
def test_rates_that_end_before_the_loss_rises_suggest_nothing(
    most: float, noise: float, seed: int
) -> None:
    rates = np.geomspace(1e-6, most * 3e-3, 300)
    found = read_curve(rates, losses(3e-3, noise, seed, rates), diverged=False)
    assert found.suggestion is None
    assert found.lowest is not None
    assert found.lowest > 1e-3


@pytest.mark.parametrize("seed", range(8))
def test_a_low_loss_that_doubles_has_risen_however_noisy_the_high_one_was(seed: int) -> None:
    x = np.log10(RATES)
    level = np.interp(x, [-6, -3, -2, 0], [1.0, 1.0, 0.1, 0.2])
    curve = level * np.random.default_rng(seed).normal(1, 0.25, len(RATES))
    found = read_curve(RATES, curve, diverged=False)
    assert found.lowest is not None
    assert 5e-3 < found.lowest < 0.05
    assert found.suggestion == found.lowest / 2


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_a_loss_that_is_at_its_lowest_for_long_suggests_nothing(noise: float, seed: int) -> None:
    """Noise alone says where its least is: no rate was tried that is too large."""
    curve = np.where(RATES < 1e-3, 1.0, 0.4)
    curve += np.random.default_rng(seed).normal(0, noise, len(RATES))
    found = read_curve(RATES, curve, diverged=False)
    assert found.suggestion is None
    assert found.lowest is not None
    assert found.lowest > 1e-3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.15])
def test_a_loss_that_rises_by_the_last_rate_suggests_one_though_it_has_not_diverged(
    noise: float, seed: int
) -> None:
    rates = np.geomspace(1e-6, 0.06, 300)
    found = read_curve(rates, losses(3e-3, noise, seed, rates), diverged=False)
    assert found.lowest is not None
    assert 3e-3 < found.lowest < 0.06
    assert found.suggestion == found.lowest / 2


def test_smoothing_keeps_straight_lines() -> None:
    found = read_curve(RATES, np.linspace(5, 2, len(RATES)), diverged=False)
    np.testing.assert_allclose(
        found.smooth[40:-40], np.linspace(5, 2, len(RATES))[40:-40], rtol=1e-5
    )


@pytest.mark.parametrize("center", [1e-4, 3e-3])
def test_a_batch_with_one_odd_row_changes_nothing(center: float) -> None:
    """Losses forty times their neighbours, at the start and where the loss is to fall."""
    plain = losses(center, 0.02, 0)[:240]
    spiked = plain.copy()
    spiked[[1, 60, 130, 200]] *= 40
    expected, found = (read_curve(RATES[:240], curve, diverged=False) for curve in (plain, spiked))
    assert expected.suggestion is not None
    assert found.suggestion == pytest.approx(expected.suggestion, rel=0.3)
    assert found.lowest == pytest.approx(expected.lowest, rel=0.3)
