"""A sweep: trial after trial, in this process, each in a folder of its own."""

import os
import time
from dataclasses import asdict, replace
from typing import Any

import keras
import optuna
from optuna.trial import Trial

from forebay.console.terminal import note
from forebay.console.words import counted
from forebay.storage.locks import occupied
from forebay.storage.run import files
from forebay.storage.run.layout import JOURNAL_NAME, SWEEP_FILES, SWEEP_FOLDER, TRAINING_FILES
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import SavedTraining
from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState
from forebay.trainer.layers.own_model import own_function
from forebay.trainer.options import TrainOptions
from forebay.trainer.options.choose import ChosenOptions, choose
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.searches import default_searches
from forebay.trainer.options.sweep import SweepOptions
from forebay.trainer.options.train import is_own
from forebay.trainer.plots.sweep import draw_sweep
from forebay.trainer.search.block_trials import QUIET, Blocks, losses_on_blocks, read_blocks
from forebay.trainer.search.report import LOSSES, sweep_report
from forebay.trainer.search.space import distributions, own_parameters, tried_options
from forebay.trainer.search.study import Study, open_study, plain
from forebay.trainer.training.job import table_of
from forebay.trainer.training.train import train
from forebay.trainer.workers.team import alone
from forebay.transforms.errors import InputError, RunFailed

# Before this share of the steps no trial is stopped: early losses say little of late ones.
_WARM_UP = 0.25
# How a trial ended, what it is compared by where it was trained, and what is noted of it.
Outcome = tuple[str, float | None, dict[str, Any]]
_NOTHING = {"eval_metric": None, "step": None, "steps_trained": 0}
_RESULTS = ("sweep.json", "best.toml", "sweep.png")


def sweep(run: RunFolder, options: SweepOptions, *, fresh: bool = False) -> dict[str, Any]:
    """Trains with other options again and again, and tells which did best on the eval split.

    The first trial has the options given. Trials that are worse than the median of those before,
    at the same step, are stopped. One whose options, drawn together, the run does not allow is
    refused, and the others go on. The train and the eval split are read, the test split never.

    Args:
        run: the run, on a local disk; ``RUN/sweep/`` is written.
        options: what is searched, and how long; without any search, around the options that the
            training has by itself.
        fresh: whether to forget the trials that are there.

    Returns:
        What is written as ``sweep.json``: the trials, and the best one's options.

    Raises:
        InputError: the run is not on a local disk, the options do not suit it, or a model of the
            user's own cannot be imported.
        RunFolderError: a split is empty or damaged, or the trials are another sweep's.
        RunFailed: no trial came to its end.
    """
    if "://" in run.path:
        raise InputError(
            f"{run.path}: a sweep keeps a journal of its trials on a local disk; copy the run there"
        )
    files.check_outputs(run.path, [f"{SWEEP_FOLDER}/{name}" for name in (*_RESULTS, JOURNAL_NAME)])
    for model in {options.train.model, *options.models}:
        if is_own(model):  # where it is gone, its trials are not to be refused one by one
            own_function(model)
    chosen = _chosen(run, options.train)
    options = replace(
        options,
        train=_of_one_length(options.train, chosen),
        search=options.search or default_searches(chosen),
    )
    with run.in_use(), occupied(run.path, SWEEP_FOLDER):
        blocks = read_blocks(run, options)  # what it refuses leaves no trace of a sweep
        if fresh:
            _forget(run)
        report = _sweep(run, options, blocks)
    if report["best"] is None:
        trials = report["trials"]
        refused = any(one["outcome"] == "refused" for one in trials)
        raise RunFailed(
            f"all {counted(len(trials), 'trial')} diverged{' or were refused' * refused}; search "
            "lower learning rates, with --search learning-rate 1e-6..1e-3 --fresh"
        )
    return report


def _of_one_length(options: TrainOptions, chosen: ChosenOptions) -> TrainOptions:
    """Returns options whose trials take as many steps and evaluations, whatever is searched.

    All else that is open each trial chooses by its own: another optimizer has another rate.
    """
    return replace(options, max_steps=chosen.max_steps, epochs=None, eval_every=chosen.eval_every)


def _chosen(run: RunFolder, options: TrainOptions) -> ChosenOptions:
    return choose(options, table_of(run, options, alone())).options


def _forget(run: RunFolder) -> None:
    """Removes the trials of an earlier sweep; its results stay until there are others."""
    names = files.owned(run.path, SWEEP_FOLDER, SWEEP_FILES)
    results = {f"{SWEEP_FOLDER}/{name}" for name in _RESULTS}
    files.remove(run.path, [name for name in names if name not in results])


def _sweep(run: RunFolder, options: SweepOptions, blocks: Blocks | None) -> dict[str, Any]:
    study = open_study(
        run.file(SWEEP_FOLDER), options.seed, distributions(options.searches),
        _identity(run, options),
    )  # fmt: skip
    begins = study.is_empty
    try:
        while (number := len(study.finished)) < options.trials:
            _trial(run, options, study, number, blocks)
            _write(run, options, study)
    except InputError:
        if begins and not study.finished:  # a sweep that is refused leaves no trace
            _forget(run)
        raise
    return _write(run, options, study)


def _identity(run: RunFolder, options: SweepOptions) -> dict[str, Any]:
    manifest = run.manifest
    data = {"definition": manifest.definition_digest[:12], "run created": manifest.created}
    searches = {search.option: asdict(search) for search in options.searches}
    blocks = {"blocks": options.blocks, "block by": options.block_by}
    return {
        **data, "sweep seed": options.seed, "search": searches, **blocks, **asdict(options.train),
    }  # fmt: skip


def _trial(
    run: RunFolder, options: SweepOptions, study: Study, number: int, blocks: Blocks | None
) -> None:
    """Makes one trial; one that was interrupted continues from its checkpoint, or its blocks."""
    interrupted = study.interrupted
    trial = study.ask(own_parameters(_chosen(run, options.train), options.searches))
    tried = _chosen(run, tried_options(options.train, options.searches, trial.params))
    shown = {search.option: getattr(tried, search.option) for search in options.searches}
    continues = interrupted == plain(asdict(tried))
    study.begun(trial, asdict(tried))
    described = ", ".join(f"{name} {as_text(value)}" for name, value in shown.items())
    note(f"trial {number + 1} of {options.trials}: {described}")
    folder, started = os.path.join(SWEEP_FOLDER, f"trial-{number:03d}"), time.monotonic()
    try:
        if blocks is None:
            outcome, score, notes = _on_eval(run, tried, trial, folder, fresh=not continues)
        else:
            outcome, score, notes = _on_blocks(run, blocks, tried, folder)
    except InputError as error:
        if not study.finished:  # it may be none that the run allows
            raise
        note(f"trial {number + 1} is refused: {error}")
        outcome, score, notes = "refused", None, dict(_NOTHING)
    study.ended(
        trial, score, outcome=outcome, options=plain(shown), **notes,
        seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip
    files.remove(run.path, files.owned(run.path, folder, TRAINING_FILES))
    keras.backend.clear_session()


def _on_eval(
    run: RunFolder, tried: ChosenOptions, trial: Trial, folder: str, *, fresh: bool
) -> Outcome:
    """Trains, watched by the eval split."""
    watch, outcome = Watch(trial, first_stop=int(_WARM_UP * tried.max_steps)), "trained"
    try:
        watch.tell(train(run, tried, QUIET, fresh=fresh, folder=folder, on_evaluation=watch))
    except optuna.TrialPruned:
        outcome = "stopped"
    except RunFailed:
        outcome = "diverged"
    best, history = watch.best, watch.history
    return outcome, best.score if best and outcome == "trained" else None, {
        "eval_metric": best and metric_of(best, tried),
        "step": best and best.step,
        "steps_trained": history[-1].step if history else 0,
    }  # fmt: skip


def _on_blocks(run: RunFolder, blocks: Blocks, tried: ChosenOptions, folder: str) -> Outcome:
    """Trains a model for each block of train."""
    try:
        losses = losses_on_blocks(run, blocks, tried, folder)
    except RunFailed:
        return "diverged", None, dict(_NOTHING)
    steps = {"step": tried.max_steps, "steps_trained": tried.max_steps}
    value = losses.value
    return "trained", value, {"eval_metric": value, **steps, LOSSES: losses.to_json()}


def metric_of(evaluation: Evaluation, options: TrainOptions) -> float:
    """Returns what trials are compared by, as people read it."""
    if options.best_by is None:
        return evaluation.eval_loss
    return evaluation.metrics[options.best_by]


class Watch:
    """Tells Optuna of a trial's evaluations, and stops a hopeless one.

    Args:
        trial: Optuna's.
        first_stop: the training step before which it is not stopped.
    """

    def __init__(self, trial: Trial, first_stop: int) -> None:
        self._trial = trial
        self._first_stop = first_stop
        self.history: tuple[Evaluation, ...] = ()

    def __call__(self, state: TrainingState) -> None:
        """Tells what is new in a training's history.

        Raises:
            optuna.TrialPruned: the trial is hopeless.
        """
        self._tell(state.history)
        if state.step >= self._first_stop and self._trial.should_prune():
            raise optuna.TrialPruned

    def tell(self, training: SavedTraining) -> None:
        """Tells what is new in the history of a training that has ended.

        One that had ended before it was asked to continue makes no evaluation more.
        """
        self._tell(tuple(Evaluation(**one) for one in training.record["history"]))

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the least score."""
        return min(self.history, key=lambda evaluation: evaluation.score, default=None)

    def _tell(self, history: tuple[Evaluation, ...]) -> None:
        for evaluation in history[len(self.history) :]:
            self._trial.report(evaluation.score, evaluation.step)
        self.history = history


def _write(run: RunFolder, options: SweepOptions, study: Study) -> dict[str, Any]:
    report = sweep_report(run, options, study.finished)
    report_name, config, picture = (f"{SWEEP_FOLDER}/{name}" for name in _RESULTS)
    files.write_json(run.path, report_name, report)
    if report["best"] is None:
        files.remove(run.path, [config, picture])
        return report
    files.write_bytes(run.path, config, report["best"]["config"].encode())
    files.write_bytes(run.path, picture, draw_sweep(report))
    return report
