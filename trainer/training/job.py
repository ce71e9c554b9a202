"""What stays the same while a model trains, on one worker."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import tensorflow as tf

from forebay.storage.run.layout import TRAINING_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import StepTimes
from forebay.trainer.evaluation.predictions import evaluate
from forebay.trainer.examples.batches import Batches, training_batches
from forebay.trainer.examples.inputs import ModelInputs, inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.examples.statistics import TrainStatistics, train_statistics
from forebay.trainer.examples.weighting import Weighting, check_evaluated, classes_of, weighting
from forebay.trainer.layers.losses import RowLosses, row_losses
from forebay.trainer.layers.own_model import layers_digest
from forebay.trainer.metrics.by_task import BEST_BY, EVAL_LOSS
from forebay.trainer.model import Models, build
from forebay.trainer.optimizers.build import make_updater
from forebay.trainer.optimizers.updater import Updater
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.options.choose import Choice, ChosenOptions, Table, choose, steps_per_pass
from forebay.trainer.training.steps import compiled_steps
from forebay.trainer.weights.id_names import names_of_run
from forebay.trainer.weights.transfer import Transfer, transfer
from forebay.trainer.workers.shares import Share
from forebay.trainer.workers.team import Team
from forebay.transforms.definition.labels import Label, Task
from forebay.transforms.definition.splits import HashSplit, RandomSplit
from forebay.transforms.errors import InputError

# What the identity says of a model of the user's own, whose code may change; it is to be built.
LAYERS = "layers of the model"


@dataclass(frozen=True)
class Rows:
    """Rows in memory that take the place of a run's splits.

    Attributes:
        train: the rows that are trained on.
        evaluated: the rows that evaluations measure.
    """

    train: Examples
    evaluated: Examples


@dataclass(frozen=True)
class TrainingJob:
    """A training, ready to begin or to go on.

    Attributes:
        run: what it trains on.
        options: the options of the model and its training.
        loop: when it looks, and what it writes.
        folder: the folder of the run that it writes.
        team: this worker, and its line to the others.
        inputs: what the model is given.
        statistics: what was computed of the train split.
        models: the model.
        updater: what applies gradients.
        losses: computes the loss of the rows of a batch.
        run_steps: takes steps.
        share: what this worker reads of the train split.
        batches: of these rows.
        steps_per_pass: the steps in which this worker sees all its rows once.
        eval_parts: reads the eval split.
        weighting: what rows count.
        step_times: where the time of its steps goes.
        moved: what the model was given of others before its first step.
        choice: the options, and which of them nobody gave.
        table: what was chosen by.
    """

    run: RunFolder
    options: ChosenOptions
    loop: LoopOptions
    folder: str
    team: Team
    inputs: ModelInputs
    statistics: TrainStatistics
    models: Models
    updater: Updater
    losses: RowLosses
    run_steps: tf.types.experimental.PolymorphicFunction
    share: Share
    batches: Batches
    steps_per_pass: int
    eval_parts: Callable[[], Iterable[Examples]]
    weighting: Weighting
    step_times: StepTimes
    moved: Transfer
    choice: Choice
    table: Table

    @property
    def label(self) -> Label:
        """What is learned."""
        return self.run.definition.label

    @property
    def task(self) -> Task:
        """What kind of label it is."""
        return self.label.task

    @property
    def checkpoint_every(self) -> int:
        """Steps between checkpoints."""
        return self.loop.checkpoint_every or self.options.eval_every

    def in_units(self, loss: float) -> float:
        """Returns a mean loss of training's rows in the units of the evaluations' loss."""
        if self.task != "regression":
            return loss
        return math.sqrt(loss) * float(self.statistics.label.divisor[0])

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What must be the same for the training to continue."""
        layers = {LAYERS: layers_digest(self.models.score)} if self.options.is_own_model else {}
        return identity(self.run, self.options, self.team) | layers

    @property
    def local_variables(self) -> list[tf.Variable]:
        """Float variables that no gradient changes: each worker's own rows do."""
        variables = self.models.score.non_trainable_variables
        return [variable.value for variable in variables if variable.dtype.startswith("float")]

    def check_evaluated(self, name: str) -> None:
        """Checks that evaluations can tell anything, before the first step.

        Args:
            name: what the rows are that they measure, for people.

        Raises:
            InputError: none of them counts.
        """
        wanted = self.options.data.class_weights
        check_evaluated(name, self.eval_parts(), self.weighting, wanted)

    def evaluate(self) -> tuple[float, dict[str, float]]:
        """Measures the model, as it is now, on the eval split.

        Returns:
            The loss, of rows as they count in training; and the metrics, of rows as their own
            weights say.
        """
        return evaluate(self.models.prediction, self.eval_parts(), self.label, self.weighting)

    def score(self, loss: float, metrics: Mapping[str, float]) -> float:
        """Returns what evaluations are compared by, the less the better.

        Args:
            loss: the loss on the eval split.
            metrics: the metrics on the eval split.

        Raises:
            InputError: the eval split has no such metric.
        """
        name = self.options.best_by
        if name is None:
            return loss
        if name not in metrics:
            raise InputError(
                f"--best-by {name}: the eval split has none, for want of labels of both kinds; "
                f"use {EVAL_LOSS[self.task]}, or change the definition's split"
            )
        return -metrics[name] if BEST_BY[self.task][name] else metrics[name]


def table_of(run: RunFolder, options: TrainOptions, team: Team) -> Table:
    """Returns what the defaults of a training depend on."""
    rows = sum(run.examples("train", options.data.files).values())
    numbers, ids, _ = inputs_of(run, options.drop_features).widths
    at_random = isinstance(run.definition.split, HashSplit | RandomSplit)
    return Table(rows, numbers + ids, run.definition.label.task, team.size, at_random)


def identity(run: RunFolder, options: ChosenOptions, team: Team) -> dict[str, Any]:
    """Returns what must be the same for a training to continue, but for `LAYERS`."""
    manifest = run.manifest
    data = {"definition": manifest.definition_digest[:12], "run created": manifest.created}
    inputs = list(inputs_of(run, options.drop_features).names)
    chosen = asdict(options)
    if options.schedule != "cosine":  # the others' rates do not depend on where the training ends
        del chosen["max_steps"], chosen["epochs"]
    return {**data, "workers": team.size, "inputs": inputs, **chosen}


def prepare(
    run: RunFolder,
    given: TrainOptions,
    loop: LoopOptions,
    team: Team,
    rows: str | None = None,
    kept: Mapping[str, Any] | None = None,
    instead: Rows | None = None,
    folder: str = TRAINING_FOLDER,
    is_evaluated: bool = True,
) -> TrainingJob:
    """Reads what a training needs to know and builds a model with fresh weights.

    Args:
        run: what it trains on.
        given: the options of the model and its training; what they leave open is chosen.
        loop: when it looks, and what it writes.
        team: this worker, and its line to the others.
        rows: an empty folder on a local disk, for the parsed rows of a split that is not kept in
            memory; None: they are kept nowhere.
        kept: what was chosen before, where the training goes on.
        instead: what it trains and is evaluated on; None: the run's splits.
        folder: the folder of the run that it writes.
        is_evaluated: whether there will be evaluations; otherwise the eval split is not opened.

    Raises:
        InputError: the options do not suit the run, or the number of workers.
        RunFolderError: a split is empty or damaged.
    """
    table = table_of(run, given, team)
    if instead is not None:
        table = replace(table, rows=len(instead.train))
    choice = choose(given, table, kept)
    options = choice.options
    _check(table.task, options, team)
    inputs = inputs_of(run, options.drop_features).cut(options.pieces)
    label = run.definition.label
    reader = SplitReader(run, "train", inputs, patterns=options.data.files, worker=team.worker)
    if instead is not None:
        examples: Examples | None = instead.train
    else:
        examples = reader.read() if reader.fits_in(options.data.memory_mb) else None
    parts = reader.batches() if examples is None else [examples]
    statistics = train_statistics(parts, len(classes_of(label)), team, inputs)
    weigh = weighting(options.data.class_weights, label, statistics)
    models = build(inputs, label, statistics, options)
    moved = transfer(models.score, names_of_run(run, inputs), options)
    updater = make_updater(models.score, options, moved.frozen)
    losses = row_losses(label.task, statistics)
    own_rows = options.batch_size // team.size
    batches = training_batches(
        reader, examples, own_rows, options.seed, weigh,
        options.data, rows and os.path.join(rows, "part"),
    )  # fmt: skip
    return TrainingJob(
        run, options, loop, folder, team, inputs, statistics, models, updater, losses,
        run_steps=compiled_steps(team, models.members, updater, losses, batches.finish),
        share=reader.share,
        batches=batches,
        choice=choice,
        table=table,
        steps_per_pass=steps_per_pass(reader.rows if examples is None else len(examples), own_rows),
        eval_parts=_eval_parts(run, inputs, options, instead) if is_evaluated else tuple,
        weighting=weigh,
        step_times=StepTimes(),
        moved=moved,
    )  # fmt: skip


def _eval_parts(
    run: RunFolder, inputs: ModelInputs, options: ChosenOptions, instead: Rows | None
) -> Callable[[], Iterable[Examples]]:
    """Returns what yields the eval split, or as much as is looked at; in memory where it fits."""
    if instead is not None:
        return lambda: [instead.evaluated]
    reader, steps = SplitReader(run, "eval", inputs), options.eval_steps
    most = None if steps is None else steps * options.batch_size
    if not reader.fits_in(options.data.memory_mb):
        return lambda: reader.batches(most)
    kept = [reader.read(most)]
    return lambda: kept


def _check(task: Task, options: ChosenOptions, team: Team) -> None:
    """Refuses what only the run and the workers show to be wrong."""
    if options.best_by is not None and options.best_by not in BEST_BY[task]:
        raise InputError(
            f"--best-by {options.best_by}: no metric of a {task.replace('_', ' ')}; "
            f"use one of {', '.join(BEST_BY[task])}"
        )
    if options.batch_size % team.size:
        raise InputError(
            f"--batch-size {options.batch_size} cannot be shared by {team.size} workers evenly; "
            f"try {max(1, options.batch_size // team.size) * team.size}"
        )
