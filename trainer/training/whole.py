"""A training from its options to its exported model: trained, evaluated, exported."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from forebay.console.terminal import warn
from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.trainer.evaluation.evaluate import check_outputs, evaluate
from forebay.trainer.metrics.by_task import EVAL_LOSS
from forebay.trainer.options import EvaluateOptions, LoopOptions, TrainOptions
from forebay.trainer.training import advice
from forebay.trainer.training.exporters import export_final, exported_already
from forebay.trainer.training.train import finished_training, train
from forebay.trainer.workers.team import join_team
from forebay.trainer.workers.vertex import vertex_task


@dataclass(frozen=True)
class Trained:
    """What became of a training.

    Attributes:
        run: the run.
        record: what the training says of itself.
        model: the exported model's folder; None: none was exported, or the run had one.
        report: the model's evaluation on the eval split; None: another worker has it, or nothing
            was to do.
        worker: the number of this worker among those that train together.
        was_done: whether there was nothing to do, for the run was trained so already.
    """

    run: RunFolder
    record: Mapping[str, Any]
    model: str | None = None
    report: Mapping[str, Any] | None = None
    worker: int = 0
    was_done: bool = False


def train_run(path: str, options: TrainOptions, loop: LoopOptions, *, fresh: bool) -> Trained:
    """Trains on a run, evaluates on its eval split, and exports.

    Args:
        path: the run folder.
        options: the model and its training.
        loop: what is written, and how often.
        fresh: whether to forget the checkpoint of a training that was begun.

    Raises:
        UserError: the run or the options do not allow it.
        RunFailed: the training failed.
    """
    team = join_team(os.environ)  # before TensorFlow does anything
    task = vertex_task(os.environ)
    task.check_places()
    run, loop = task.at_home(open_run(path)), task.with_logs(loop)
    done = None if fresh else finished_training(run, options, team)
    is_wanted = "final" in loop.exporters
    exported = exported_already(run, done) if done is not None and is_wanted else None
    if done is not None and (exported is not None or not is_wanted):
        if team.is_chief:
            task.hand_over(exported)
        return Trained(run, done.record, worker=team.worker.index, was_done=True)
    looked_at = EvaluateOptions(split="eval")
    model, report = None, None
    with run.in_use() if team.is_chief else nullcontext():
        if team.is_chief:
            check_outputs(run, looked_at)
        told = task.reporting(options) if team.is_chief else None
        training = train(run, options, loop, team=team, fresh=fresh, on_evaluation=told)
        if team.is_chief:
            report = evaluate(run, looked_at)
            warn(advice.of_outcome(training.record, report, EVAL_LOSS[run.definition.label.task]))
            model = export_final(run, training, report, loop)
            task.hand_over(model)
    team.wait()  # a worker that leaves early takes the others' connections with it
    return Trained(run, training.record, model, report, team.worker.index)
