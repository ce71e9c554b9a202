"""Two models on the same rows, compared pair by pair."""

from collections.abc import Mapping
from typing import Any

from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.bootstrap import Resampling, differences, intervals
from forebay.trainer.metrics.by_task import Predictions

# Of these more is better, of mean_error nothing, of all others less.
_MORE_IS_BETTER = (
    "r2", "auc", "average_precision", "precision", "recall", "f1", "accuracy", "macro_f1",
)  # fmt: skip


def compare(model: Predictions, other: Predictions, resampling: Resampling) -> dict[str, Any]:
    """Compares two models' predictions for the same rows, in the same order.

    Each resample measures both models on the same rows, so what makes rows hard for both does not
    blur the difference.

    Args:
        model: predictions of one.
        other: predictions of the other.
        resampling: draws of the rows.

    Returns:
        For every score ``model``, ``other``, their ``difference`` (model - other), its
        ``interval``, and which is ``better``: ``model`` or ``other`` where the interval leaves
        zero out, else None. (A mean error is better where it is nearer to zero: None.)
    """
    ours, theirs = model.scores(), other.scores()
    plain = differences(ours, theirs)

    def paired(drawn: Floats) -> Mapping[str, float | None]:
        return differences(model.scores(drawn), other.scores(drawn))

    found = intervals(paired, len(model), resampling)
    return {
        name: {
            "model": ours[name],
            "other": theirs[name],
            "difference": plain[name],
            "interval": found[name],
            "better": _better(name, found[name]),
        }
        for name in ours
    }


def _better(name: str, interval: tuple[float, float] | None) -> str | None:
    if interval is None or name == "mean_error":
        return None
    low, high = interval
    if low <= 0 <= high:
        return None
    more = name in _MORE_IS_BETTER or name.startswith("top_")
    return "model" if (low > 0) == more else "other"
