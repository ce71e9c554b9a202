"""Thresholds chosen for a stated metric or cost."""

import numpy as np

from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.curves import Cuts
from forebay.trainer.options.threshold import ThresholdAim
from forebay.transforms.errors import InputError

# Sums of weights and differences of shares that are equal on paper differ by less.
_ROUNDING = 1e-12


def choose_threshold(predictions: BinaryPredictions, aim: ThresholdAim, split: str) -> float:
    """Chooses the threshold that serves an aim best on the given rows, the highest of equals.

    Args:
        predictions: labels and probabilities to choose on.
        aim: what it is chosen for.
        split: what the rows are called in errors.

    Returns:
        One of the probabilities, from which a row is called positive; for a cost it may lie above
        all of them, where calling nothing is cheapest.

    Raises:
        InputError: the labels are all the same, or no threshold has the precision asked for.
    """
    cuts = predictions.cuts
    if not cuts.positives or not cuts.negatives:
        raise InputError(
            f"the labels of the {split} split are all the same, so no threshold can be chosen on "
            "it; give one with --threshold"
        )
    match aim.kind:
        case "f1":
            return _best(cuts, cuts.f1)
        case "youden":
            return _best(cuts, cuts.recall - cuts.alarms / cuts.negatives)
        case "precision":
            return _precise(cuts, aim, split)
        case "recall":
            return _best(cuts, np.where(cuts.recall >= aim.value, cuts.precision, -1.0))
        case "cost":
            missed = cuts.positives - cuts.hits
            cost = aim.false_positive * cuts.alarms + aim.false_negative * missed
            nothing = aim.false_negative * cuts.positives
            if nothing * (1 - _ROUNDING) <= cost.min():
                return float(np.nextafter(cuts.scores[0], np.inf))
            return _best(cuts, -cost)


def _best(cuts: Cuts, value: Floats) -> float:
    """Returns the highest threshold of those whose value is the greatest but for rounding."""
    best = float(value.max())
    return float(cuts.scores[np.argmax(value >= best - _ROUNDING * abs(best))])


def _precise(cuts: Cuts, aim: ThresholdAim, split: str) -> float:
    enough = cuts.precision >= aim.value
    if not enough.any():
        best = int(np.argmax(cuts.precision))
        raise InputError(
            f"--threshold-for {aim}: on the {split} split no threshold has this precision; the "
            f"highest is {cuts.precision[best]:.4g}, at {cuts.scores[best]:.4g}; ask for less"
        )
    return _best(cuts, np.where(enough, cuts.recall, -1.0))
