"""A training on Vertex AI: where its conventions want what is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from forebay.console.terminal import note
from forebay.storage.names import is_remote
from forebay.storage.run import files
from forebay.storage.run.exported import training_of
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.workers.vizier import TRIAL_VARIABLE, TrialReport
from forebay.transforms.errors import InputError, reason

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

    def check_places(self) -> None:
        """Checks that folders of this machine can be written to, before the work is done.

        Raises:
            InputError: one cannot; the variable that names it is told.
        """
        named = {
            "AIP_MODEL_DIR": self.model,
            "AIP_CHECKPOINT_DIR": self.checkpoints,
            "AIP_TENSORBOARD_LOG_DIR": self.logs,
        }
        for name, folder in named.items():
            if folder is None or is_remote(folder):
                continue
            try:
                os.makedirs(folder, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise InputError(
                    f"{name} = {folder!r}: cannot be written to ({reason(error)}); name a folder "
                    "that can, or leave the variable out"
                ) from error

    def at_home(self, run: RunFolder) -> RunFolder:
        """Returns the run with the home of what is made of it: trials share one run."""
        if self.checkpoints is None:
            return run
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
        """Puts an exported model where Vertex AI expects it, in place of another training's."""
        if self.model is None or model is None or training_of(self.model) == training_of(model):
            return
        files.remove(self.model, [_SAVED_MODEL])
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
