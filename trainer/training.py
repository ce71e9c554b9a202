"""The training loop: steps, evaluations, checkpoints, early stopping."""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer import checkpoint, files
from trainer.batches import in_steps, training_batches
from trainer.checkpoint import Checkpoint, Evaluation, Standing
from trainer.data import Examples, SplitReader
from trainer.id_names import names_of_run
from trainer.inputs import ModelInputs
from trainer.losses import RowLosses, row_losses
from trainer.metrics.binary import log_losses
from trainer.metrics.multiclass import class_log_losses
from trainer.model import Models, build
from trainer.optimizers import make_updater
from trainer.options import TrainOptions
from trainer.progress import Reporter
from trainer.run_folder import RunFolder
from trainer.saved import TRAINING_FOLDER, SavedTraining, save_training
from trainer.statistics import train_statistics
from trainer.transfer import Transfer, transfer
from trainer.updater import Updater
from trainer.waiting import Spent, timed_next
from trainer.weighting import UNWEIGHTED, Weighting, classes_of, weighting
from trainer.zeros import ZEROS_NAME, write_zeros
from transforms.errors import RunFailed
from transforms.labels import Task

# Steps between two looks at the loss: each look leaves the compiled loop.
STEPS_PER_LOOK = 100
PREDICT_ROWS = 16_384
METRIC_NAMES: dict[Task, str] = {
    "regression": "RMSE",
    "binary_classification": "log_loss",
    "multiclass_classification": "log_loss",
}

Floats = npt.NDArray[np.float64]
RunSteps = Callable[[Iterator[Any], tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


@dataclass(frozen=True)
class _Job:
    """What stays the same while a model trains."""

    run: RunFolder
    folder: str
    options: TrainOptions
    inputs: ModelInputs
    models: Models
    updater: Updater
    run_steps: RunSteps
    batches: Callable[[int], tf.data.Dataset]
    evaluate: Callable[[], float]
    spent: Spent
    moved: Transfer

    @property
    def checkpoint_path(self) -> str:
        return self.run.file(self.folder, checkpoint.CHECKPOINT_NAME)

    @property
    def identity(self) -> dict[str, Any]:
        manifest = self.run.manifest
        run = {"definition": manifest.definition_digest[:12], "run created": manifest.created}
        return {**run, "inputs": list(self.inputs.names), **asdict(self.options)}


def train(
    run: RunFolder,
    options: TrainOptions,
    *,
    fresh: bool = False,
    folder: str = TRAINING_FOLDER,
    on_evaluation: Callable[[Standing], None] | None = None,
) -> SavedTraining:
    """Trains a model, or continues where the last checkpoint stands, and saves the best of it.

    Args:
        run: the run.
        options: of the model and the loop.
        fresh: whether to forget a checkpoint that is there.
        folder: the folder of the run that is written.
        on_evaluation: called after each evaluation, its checkpoint written; what it raises ends
            the training.

    Returns:
        The best model by the eval split, as it is saved in the folder.

    Raises:
        InputError: the examples do not suit the options; see `inputs.model_inputs` and `data`.
        RunFolderError: a split is empty or damaged, or the checkpoint is another training's.
        RunFailed: the loss is no longer finite.
    """
    options = in_steps(options, sum(run.examples("train", options.data.files).values()))
    if fresh:
        files.remove_folder(run.file(folder))
    job = _prepare(run, folder, options)
    found = checkpoint.load(job.checkpoint_path, job.identity)
    standing, best = _resume(job, found)
    reporter = Reporter(
        run.file(folder, "logs"), options.max_steps, METRIC_NAMES[_task(run)], standing.step
    )
    with reporter:
        standing, best = _fit(job, standing, best, reporter, on_evaluation)
    checkpoint.assign(job.models.score.variables, best)
    if options.l1:
        write_zeros(run.file(folder, ZEROS_NAME), job.models.score, run, job.inputs, options)
    return save_training(
        run, folder, options, job.inputs, job.models.prediction, standing, job.spent
    )


def _task(run: RunFolder) -> Task:
    return run.definition.label.task


def _prepare(run: RunFolder, folder: str, options: TrainOptions) -> _Job:
    inputs = run.model_inputs(options.drop_features)
    train_reader = SplitReader(run, "train", inputs, patterns=options.data.files)
    eval_reader = SplitReader(run, "eval", inputs)
    examples = train_reader.read() if train_reader.fits_in(options.data.memory_mb) else None
    label = run.definition.label
    statistics = train_statistics(
        train_reader.batches() if examples is None else [examples], len(classes_of(label))
    )
    weigh = weighting(options.data.class_weights, label, statistics)
    eval_examples = eval_reader.read() if eval_reader.fits_in(options.data.memory_mb) else None
    models = build(inputs, label, statistics, options)
    moved = transfer(models.score, names_of_run(run, inputs), options)
    updater = make_updater(models.score, options, moved.frozen)

    def batches(first_step: int) -> tf.data.Dataset:
        return training_batches(
            train_reader, examples, options.batch_size, options.seed, first_step, weigh,
            deterministic=options.data.deterministic,
        )  # fmt: skip

    def evaluate() -> float:
        parts = eval_reader.batches() if eval_examples is None else [eval_examples]
        return eval_loss(models.prediction, parts, _task(run), weigh)

    losses = row_losses(_task(run), statistics)
    run_steps = _compiled_steps(models.score, updater, losses)
    return _Job(
        run, folder, options, inputs, models, updater, run_steps, batches, evaluate, Spent(), moved
    )


def _resume(job: _Job, found: Checkpoint | None) -> tuple[Standing, checkpoint.Arrays]:
    if found is None:
        for line in job.moved.lines():
            print(line, file=sys.stderr)
        return Standing(), checkpoint.values(job.models.score.variables)
    checkpoint.assign(job.models.score.variables, found.model)
    checkpoint.assign(job.updater.variables, found.optimizer)
    return found.standing, found.best


def _finished(standing: Standing, options: TrainOptions) -> bool:
    return standing.step >= options.max_steps or standing.evaluations_since_best >= options.patience


def _fit(
    job: _Job,
    standing: Standing,
    best: checkpoint.Arrays,
    reporter: Reporter,
    on_evaluation: Callable[[Standing], None] | None,
) -> tuple[Standing, checkpoint.Arrays]:
    """Trains until the steps or the patience are used up; returns the best weights too."""
    batches = iter(job.batches(standing.step))
    while not _finished(standing, job.options):
        goal = min(
            (standing.step // job.options.eval_every + 1) * job.options.eval_every,
            job.options.max_steps,
        )
        train_loss = _train_until(job, batches, standing.step, goal, reporter)
        standing = standing.after(Evaluation(goal, train_loss, job.evaluate()))
        if standing.best is standing.history[-1]:
            best = checkpoint.values(job.models.score.variables)
        _write_checkpoint(job, standing, best)
        reporter.evaluated(standing, job.options.batch_size)
        if on_evaluation is not None:
            on_evaluation(standing)
    return standing, best


def _write_checkpoint(job: _Job, standing: Standing, best: checkpoint.Arrays) -> None:
    model = checkpoint.values(job.models.score.variables)
    state = checkpoint.values(job.updater.variables)
    checkpoint.save(job.checkpoint_path, Checkpoint(standing, job.identity, model, state, best))


def _train_until(
    job: _Job, batches: Iterator[Any], step: int, goal: int, reporter: Reporter
) -> float:
    """Trains from one step to another; returns the mean loss."""
    total, first = 0.0, step
    while step < goal:
        count = min(STEPS_PER_LOOK, goal - step)
        loss, *seconds = (float(x) for x in job.run_steps(batches, tf.constant(count)))
        job.spent.add(*seconds)
        if not math.isfinite(loss):
            raise RunFailed(
                f"the loss became {loss} between steps {step:,} and {step + count:,}; "
                "train anew with --fresh and a --learning-rate below "
                f"{job.options.learning_rate:g}, or clip= the features"
            )
        total += loss * count
        step += count
        reporter.steps(step)
    return total / (goal - first)


def _compiled_steps(
    model: keras.Model,
    updater: Updater,
    losses_of: RowLosses,
) -> RunSteps:
    """Returns a function that takes that many steps.

    It returns their mean weighted loss, how long they took, and how long of that they waited for
    rows, float64 (), seconds.
    """

    @tf.function
    def run_steps(
        batches: Iterator[Any], count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        started = tf.timestamp()
        total, waited = tf.constant(0.0), tf.constant(0.0, tf.float64)
        for _ in tf.range(count):
            (inputs, label, weight), seconds = timed_next(batches)
            with tf.GradientTape() as tape:
                losses = losses_of(label, model(inputs, training=True))
                loss = tf.reduce_mean(weight * losses)
                penalised = tf.add_n([loss, *model.losses])
            updater.apply(tape.gradient(penalised, updater.weights))
            total += loss
            waited += seconds
        with tf.control_dependencies([total]):
            took = tf.timestamp() - started
        return total / tf.cast(count, tf.float32), took, waited

    return run_steps  # type: ignore[no-any-return]


def predict(model: keras.Model, examples: Examples) -> Floats:
    """Returns a model's answers, float64 (n,), or (n, classes) for several classes."""
    answers = []
    for i in range(0, len(examples), PREDICT_ROWS):
        part = tuple(matrix[i : i + PREDICT_ROWS] for matrix in examples.inputs)
        answers.append(keras.ops.convert_to_numpy(model(part, training=False)))
    return np.concatenate(answers).astype(np.float64)


_ROW_METRICS: dict[Task, Callable[[Floats, Floats], Floats]] = {
    "regression": lambda label, answer: np.square(answer - label),
    "binary_classification": log_losses,
    "multiclass_classification": class_log_losses,
}


def eval_loss(model: keras.Model, parts: Any, task: Task, weigh: Weighting = UNWEIGHTED) -> float:
    """Returns the weighted loss of `METRIC_NAMES` over all rows of all parts."""
    total, weights = 0.0, 0.0
    for part in parts:
        label, answer = part.label.astype(np.float64), predict(model, part)
        weight = weigh.row_weights(part.label, part.weight).numpy().astype(np.float64)
        total += float(weight @ _ROW_METRICS[task](label, answer))
        weights += float(weight.sum())
    mean = total / weights
    return math.sqrt(mean) if task == "regression" else mean
