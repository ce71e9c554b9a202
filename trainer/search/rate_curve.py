"""Which learning rate a curve of losses speaks for."""

from dataclasses import dataclass

import numpy as np

from forebay.trainer.metrics.arrays import Floats

# The width of the smoothing, as a share of the steps: losses of single batches are noisy.
_WIDTH = 0.03
# Smooth noise alone spans about four times its standard error; a fall, or a rise, must span more.
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
        suggestion: the rate to train with; None where the loss does not fall, or not rise again.
        lowest: the rate at which the loss is lowest, None where it does not fall.
    """

    rates: Floats
    losses: Floats
    smooth: Floats
    suggestion: float | None
    lowest: float | None


def read_curve(rates: Floats, losses: Floats, *, diverged: bool) -> RateCurve:
    """Reads a curve: half of the rate at which the loss is lowest.

    There the steps are about to be too large. Of plain descent on a quadratic the rate that does
    most good is half of the greatest that converges. (Where the loss falls fastest, as Smith (2017)
    has it, is an order of magnitude lower for Adam: there a loss is far from its end when a
    training is at its.) Where the loss does not rise again, nothing says that larger steps would be
    too large, only that none were tried.

    Args:
        rates: float64 (n,), rising by a constant factor.
        losses: float64 (n,), finite.
        diverged: whether there are no more of them because the loss diverged.
    """
    smooth, narrower = _smoothed(losses)
    lowest = int(np.argmin(smooth))
    fall = float(smooth[: lowest + 1].max() - smooth[lowest])
    rise = float(smooth[lowest:].max() - smooth[lowest])
    errors = _without_spikes(losses) - smooth
    # Of what comes before: where the loss diverges, it bends more than it is noisy.
    noise = narrower * float(np.std(errors[: max(lowest + 1, len(losses) // 4)]))
    if lowest == 0 or fall <= _NOISE * noise:
        return RateCurve(rates, losses, smooth, None, None)
    # Where losses are low, so is their noise.
    late = narrower * float(np.std(errors[min(lowest, 3 * len(losses) // 4) :]))
    rises = diverged or rise > _NOISE * min(noise, late)
    suggestion = float(rates[lowest] / 2) if rises else None
    return RateCurve(rates, losses, smooth, suggestion, float(rates[lowest]))


def _without_spikes(losses: Floats) -> Floats:
    """Returns losses of which none is above twice the median of it and its neighbours.

    A single row may be worth more than all others of its batch.
    """
    padded = np.pad(losses, _NEIGHBOURS, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    bounded: Floats = np.minimum(losses, 2 * np.median(around, axis=1))
    return bounded


def _smoothed(losses: Floats) -> tuple[Floats, float]:
    """Returns losses averaged with their neighbours, and what that leaves of their noise, a share.

    The weights are a normal curve's, on both sides alike, so that the smooth curve does not lag.
    """
    losses, n = _without_spikes(losses), len(losses)
    width = max(1.0, _WIDTH * n)
    distance = np.arange(n)[:, None] - np.arange(n)[None]
    weights = np.exp(-0.5 * np.square(distance / width))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ losses, float(np.sqrt(np.square(weights[n // 2]).sum()))
