"""Exporters: which models of a training are exported, where to, and how many are kept."""

import posixpath
from collections.abc import Mapping
from typing import Any

from forebay.storage.locks import occupied
from forebay.storage.run import files
from forebay.storage.run.exported import is_as_exported, stamps, training_of
from forebay.storage.run.layout import EXPORT_FOLDER, MODEL_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import SavedTraining, snapshot
from forebay.trainer.checkpoints.checkpoint import TrainingState
from forebay.trainer.export.saved_model import export_model
from forebay.trainer.options import ExporterName, LoopOptions
from forebay.trainer.training.job import TrainingJob

# The final models are what is served where nothing else is said.
FOLDERS: dict[ExporterName, str] = {
    "final": MODEL_FOLDER,
    "best": posixpath.join(EXPORT_FOLDER, "best"),
    "latest": posixpath.join(EXPORT_FOLDER, "latest"),
}


class EvaluationExporter:
    """Exports the model at evaluations: at every one, or where it is the best so far.

    Args:
        job: the training.
        name: ``latest`` or ``best``.
    """

    def __init__(self, job: TrainingJob, name: ExporterName) -> None:
        self._job = job
        self._name = name

    def stepped(self, step: int, loss: float) -> None:
        """Does nothing."""

    def evaluated(self, state: TrainingState) -> None:
        """Exports the weights that were evaluated last, if they are wanted."""
        if self._name == "best" and not state.newest_is_best:
            return
        job, evaluation = self._job, state.history[-1]
        training = snapshot(
            job.run,
            job.options,
            job.inputs,
            job.models.prediction,
            state,
            evaluation,
            job.step_times,
        )
        metrics = {"split": "eval", "metrics": dict(evaluation.metrics)}
        folder = FOLDERS[self._name]
        export_model(job.run, training, metrics, folder)
        keep_newest(job.run, folder, job.loop.keep)


def export_final(
    run: RunFolder, training: SavedTraining, report: Mapping[str, Any], loop: LoopOptions
) -> str | None:
    """Exports what a training made, if that is wanted.

    Args:
        run: the run.
        training: its best model.
        report: the model's evaluation.
        loop: says what is exported, and how many are kept.

    Returns:
        The model's folder.

    Raises:
        RunFailed: the exported model does not answer as the trained one.
    """
    if "final" not in loop.exporters:
        return None
    path = export_model(run, training, report, FOLDERS["final"])
    keep_newest(run, FOLDERS["final"], loop.keep)
    return path


def exported_already(run: RunFolder, training: SavedTraining) -> str | None:
    """Returns the folder of the newest final model of a training; None: there is no whole one."""
    parent = run.own(FOLDERS["final"])
    for stamp in reversed(stamps(parent)):
        path = posixpath.join(parent, str(stamp))
        if training_of(path) == training.record["sha256"]:
            return path
    return None


def keep_newest(run: RunFolder, folder: str, keep: int) -> None:
    """Removes older models, and what exports that were killed have left.

    Args:
        run: the run.
        folder: the folder of the run that holds models by timestamp.
        keep: how many of them stay. What Forebay did not export, and a model with files beside
            those that its record lists, stays too and does not count.
    """
    with occupied(run.outputs, folder, wait=True):
        names = [posixpath.join(folder, str(stamp)) for stamp in stamps(run.own(folder))]
        ours = [name for name in names if is_as_exported(run.outputs, name)]
        for name in ours[:-keep]:
            files.discard_folder(run.outputs, name)
