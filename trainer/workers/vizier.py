"""What Vertex AI's Vizier is told of a trial: a file of JSON lines, which its own agent reads.

The format is that of Google's library ``cloudml-hypertune``, which has not been touched since 2019.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from forebay.trainer.metrics.by_task import BEST_BY

if TYPE_CHECKING:
    from forebay.trainer.checkpoints.checkpoint import TrainingState

# Where the agent looks, unless the variable says otherwise.
_FILE_VARIABLE, _FILE = "CLOUD_ML_HP_METRIC_FILE", "/tmp/hypertune/output.metrics"  # noqa: S108
TRIAL_VARIABLE = "CLOUD_ML_TRIAL_ID"
# As many as the library keeps.
_LINES = 100
_LOSS = "loss"


def metric_tag(best_by: str | None) -> str:
    """Returns the name under which a training tells its evaluations."""
    return best_by or _LOSS


def higher_is_better(best_by: str | None) -> bool:
    """Tells whether more of what a training is judged by is better."""
    return any(table.get(best_by or "", False) for table in BEST_BY.values())


class TrialReport:
    """Tells every evaluation of a training that is a trial.

    Args:
        environment: the process's, in which Vertex AI names the trial.
        best_by: the metric that the training is judged by; None: its loss.
    """

    def __init__(self, environment: Mapping[str, str], best_by: str | None) -> None:
        self._path = environment.get(_FILE_VARIABLE, _FILE)
        self._trial = environment[TRIAL_VARIABLE]
        self._best_by = best_by
        self._lines: deque[str] = deque(maxlen=_LINES)

    def __call__(self, state: TrainingState) -> None:
        """Writes the evaluations so far, the newest last."""
        newest = state.history[-1]
        value = newest.metrics[self._best_by] if self._best_by else newest.eval_loss
        line = {
            "timestamp": time.time(),
            "trial": self._trial,
            metric_tag(self._best_by): str(float(value)),
            "global_step": str(newest.step),
            "checkpoint_path": "",
        }
        self._lines.append(json.dumps(line, sort_keys=True) + "\n")
        folder = os.path.dirname(self._path)
        os.makedirs(folder or ".", exist_ok=True)
        with open(self._path, "w", encoding="utf-8") as file:
            file.writelines(self._lines)
