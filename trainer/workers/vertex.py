"""A training on Vertex AI: where its conventions want what is written."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from forebay.console.terminal import note
from forebay.storage.names import is_remote
from forebay.storage.run import files
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.workers.vizier import TRIAL_VARIABLE, TrialReport

if TYPE_CHECKING:
    from forebay.trainer.checkpoints.checkpoint import TrainingState

# Written last: without it a folder holds no model.
_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True)
class VertexTask:
    """What Vertex AI says of a training, by the variables of its process.

    Attributes:
        model: ``AIP_MODEL_DIR``, where the model is expected; None: nowhere.
        checkpoints: ``AIP_CHECKPOINT_DIR``, the home of all that is written; None: the run.
        logs: ``AIP_TENSORBOARD_LOG_DIR``; None: none of its own.
        environment: all variables.
    """

    model: str | None
    checkpoints: str | None
    logs: str | None
    environment: Mapping[str, str]

    def at_home(self, run: RunFolder) -> RunFolder:
        """Returns the run with the home of what is made of it: trials share one run."""
        if self.checkpoints is None:
            return run
        if not is_remote(self.checkpoints):
            os.makedirs(self.checkpoints, exist_ok=True)
        return replace(run, home=self.checkpoints)

    def with_logs(self, loop: LoopOptions) -> LoopOptions:
        """Returns what a training writes, with the place of its logs."""
        return loop if loop.logs is not None else replace(loop, logs=self.logs)

    def reporting(self, options: TrainOptions) -> Callable[[TrainingState], None] | None:
        """Returns what is told of every evaluation; None: the training is no trial of Vizier's."""
        if TRIAL_VARIABLE not in self.environment:
            return None
        return TrialReport(self.environment, options.best_by)

    def hand_over(self, model: str | None) -> None:
        """Puts an exported model where Vertex AI expects it; one that is there stays."""
        if self.model is None or model is None:
            return
        if not is_remote(self.model):
            os.makedirs(self.model, exist_ok=True)
        if not files.exists(posixpath.join(self.model, _SAVED_MODEL)):
            files.copy(model, self.model, last=_SAVED_MODEL)
            note(f"the model is at {self.model}, too")


def vertex_task(environment: Mapping[str, str]) -> VertexTask:
    """Returns what the variables of a process say; elsewhere than on Vertex AI, nothing."""

    def place(name: str) -> str | None:
        return environment.get(name, "").strip().rstrip("/") or None

    return VertexTask(
        place("AIP_MODEL_DIR"), place("AIP_CHECKPOINT_DIR"), place("AIP_TENSORBOARD_LOG_DIR"),
        environment,
    )  # fmt: skip
