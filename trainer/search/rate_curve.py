"""Which learning rate a curve of losses speaks for."""

from dataclasses import dataclass

import numpy as np

from forebay.trainer.metrics.arrays import Floats

# The width of the smoothing, as a share of the steps: losses of single batches are noisy.
_WIDTH = 0.03
# Smooth noise alone spans about four times its standard error; a fall must span more.
_NOISE = 6.0
# Losses to each side that say whether one is a spike.
_NEIGHBOURS = 4


@dataclass(frozen=True)
class RateCurve:
    """The loss of each step while the learning rate grew.

    Attributes:
        rates: float64 (n,), rising by a constant factor.
        losses: float64 (n,), each of a batch of its own, taken before the step.
        smooth: float64 (n,), the losses without their noise.
        suggestion: the rate at which the loss falls fastest, per factor of the rate; None where
            it does not fall.
        lowest: the rate at which the loss is lowest, None where it does not fall.
    """

    rates: Floats
    losses: Floats
    smooth: Floats
    suggestion: float | None
    lowest: float | None


def read_curve(rates: Floats, losses: Floats) -> RateCurve:
    """Reads a curve: where the loss falls fastest, before it is lowest.

    At the rate with the lowest loss the steps are about to be too large, and at the steepest point
    they still do most good: Smith (2017), "Cyclical learning rates for training neural networks",
    and what others made of it.

    Args:
        rates: float64 (n,), rising by a constant factor.
        losses: float64 (n,), finite.
    """
    smooth, left = _smoothed(losses)
    lowest = int(np.argmin(smooth))
    fall = float(smooth[: lowest + 1].max() - smooth[lowest])
    if lowest == 0 or fall <= _NOISE * left:
        return RateCurve(rates, losses, smooth, None, None)
    slope = np.gradient(smooth, np.log(rates))
    steepest = int(np.argmin(slope[: lowest + 1]))
    return RateCurve(rates, losses, smooth, float(rates[steepest]), float(rates[lowest]))


def _without_spikes(losses: Floats) -> Floats:
    """Returns losses of which none is above twice the median of it and its neighbours.

    A single row may be worth more than all others of its batch.
    """
    padded = np.pad(losses, _NEIGHBOURS, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    bounded: Floats = np.minimum(losses, 2 * np.median(around, axis=1))
    return bounded


def _smoothed(losses: Floats) -> tuple[Floats, float]:
    """Returns losses averaged with their neighbours, and the standard error that is left.

    The weights are a normal curve's, on both sides alike, so that the smooth curve does not lag.
    """
    losses, n = _without_spikes(losses), len(losses)
    width = max(1.0, _WIDTH * n)
    distance = np.arange(n)[:, None] - np.arange(n)[None]
    weights = np.exp(-0.5 * np.square(distance / width))
    weights /= weights.sum(axis=1, keepdims=True)
    smooth = weights @ losses
    # Of the calm part only: where the loss diverges, it bends more than it is noisy.
    calm = losses <= np.median(losses) + 3 * (np.median(losses) - losses.min())
    noise = float(np.std((losses - smooth)[calm]))
    return smooth, noise * float(np.sqrt(np.square(weights[n // 2]).sum()))
