"""Training a model on a run: from nothing, or from where the last checkpoint stands."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import keras
import tensorflow as tf

from forebay.console.terminal import note, notes
from forebay.storage.run import files
from forebay.storage.run.layout import TRAINING_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.best_model import (
    SavedTraining,
    read_training,
    snapshot,
    write_training,
)
from forebay.trainer.checkpoints.checkpoint import CHECKPOINT_NAME, TrainingState
from forebay.trainer.examples.batches import in_steps
from forebay.trainer.examples.row_cache import rows_folder
from forebay.trainer.metrics.by_task import EVAL_LOSS
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.training.exporters import EvaluationExporter
from forebay.trainer.training.job import Job, identity, prepare
from forebay.trainer.training.loop import Watcher, finished, fit
from forebay.trainer.training.progress import Pace, Reporter
from forebay.trainer.training.tensorboard.board import Board
from forebay.trainer.training.tensorboard.projector import write_projector
from forebay.trainer.weights.id_names import names_of_run
from forebay.trainer.weights.rows import embedding_rows
from forebay.trainer.weights.zeros import ZEROS_NAME, write_zeros
from forebay.trainer.workers.team import Team, alone
from forebay.transforms.errors import RunFailed


def train(
    run: RunFolder,
    options: TrainOptions,
    loop: LoopOptions | None = None,
    *,
    team: Team | None = None,
    fresh: bool = False,
    folder: str = TRAINING_FOLDER,
    on_evaluation: Callable[[TrainingState], None] | None = None,
) -> SavedTraining:
    """Trains a model, or continues where the last checkpoint stands, and saves the best of it.

    Args:
        run: the run.
        options: the options of the model and its training.
        loop: when it looks, and what it writes; None: the defaults.
        team: the workers that train together; None: this process alone.
        fresh: whether to forget a checkpoint that is there.
        folder: the folder of the run that is written.
        on_evaluation: called after each evaluation, its checkpoint written; what it raises ends
            the training.

    Returns:
        The best model by the eval split, as the chief saves it in the folder. A training that is
        finished already is read, and nothing is written.

    Raises:
        InputError: the examples do not suit the options; see `inputs.model_inputs` and `data`.
        RunFolderError: a split is empty or damaged, or the checkpoint is another training's.
        RunFailed: the loss is no longer finite, or other workers are gone or differ.
    """
    loop, team = loop or LoopOptions(), team or alone()
    options = _in_steps(run, options)
    if options.data.deterministic:
        # Bit by bit the same weights, whenever a training is continued.
        tf.config.experimental.enable_op_determinism()
    if fresh and team.is_chief:
        files.remove_folder(run.file(folder))
    team.wait()
    done = finished_training(run, options, team, folder)
    if done is not None:
        return done
    path, logs = run.file(folder, CHECKPOINT_NAME), run.file(folder, "logs")
    with rows_folder(run.file(folder), team.worker) as rows:
        job = prepare(run, options, loop, team, rows if options.data.cache else None)
        state, best = _resume(job, path)
        with _watchers(job, logs, state.step) as watchers:
            state, best = fit(job, state, best, path, watchers, on_evaluation)
    checkpoint.assign(job.models.score.variables, best)
    training = snapshot(
        run, options, job.inputs, job.models.prediction, state, state.best, job.step_times
    )
    if not team.agrees(training.record["weights_sha256"]):
        raise RunFailed("the workers end with other weights; report this, with the run's options")
    if team.is_chief:
        write_training(run, folder, training)
        if options.l1:
            write_zeros(run.file(folder, ZEROS_NAME), job.models.score, run, job.inputs, options)
        if loop.tensorboard:
            _write_projector(job, logs)
    return training


def _write_projector(job: Job, logs: str) -> None:
    names, embeddings = names_of_run(job.run, job.inputs), {}
    for part in embedding_rows(job.inputs):
        table = part.table(job.models.score)
        if table is not None:
            vectors = keras.ops.convert_to_numpy(table)[part.rows]
            embeddings[part.column.name] = (vectors, names.of(part.column))
    write_projector(logs, embeddings)


def finished_training(
    run: RunFolder, options: TrainOptions, team: Team, folder: str = TRAINING_FOLDER
) -> SavedTraining | None:
    """Returns what a training with these options made, if it has nothing left to do.

    Args:
        run: the run.
        options: as for `train`; fewer ``max_steps`` than were taken are reached too.
        team: the workers.
        folder: the folder of the run that was written.

    Raises:
        RunFolderError: a file is damaged.
    """
    found = checkpoint.load(run.file(folder, CHECKPOINT_NAME))
    if found is None:
        return None
    options = _in_steps(run, options)
    changed = found.changed(identity(run, options, team))
    reached = found.state.step >= options.max_steps and changed.keys() <= {"max_steps"}
    if reached or (not changed and finished(found.state, options)):
        return read_training(run, folder)
    return None


def _in_steps(run: RunFolder, options: TrainOptions) -> TrainOptions:
    return in_steps(options, sum(run.examples("train", options.data.files).values()))


def _resume(job: Job, path: str) -> tuple[TrainingState, checkpoint.Arrays]:
    """Returns how far the training is and its best weights; sets the weights to where it stands."""
    found = checkpoint.load(path)
    state = found.state if found else TrainingState()
    if not job.team.agrees(f"{state} {found.identity if found else None}"):
        raise RunFailed(
            f"the workers read different checkpoints at {path}; put the run on storage that all "
            "of them share, and give all the same flags"
        )
    if found is None:
        if job.team.is_chief:
            for line in job.moved.lines():
                note(line)
        return state, []
    checkpoint.refuse_another(path, found, job.identity)
    checkpoint.restore(path, found, job.models.score.variables, job.updater.variables)
    return state, found.best


@contextmanager
def _watchers(job: Job, logs: str, first_step: int) -> Iterator[Sequence[Watcher]]:
    """Yields who is told how the training goes: nobody but on the chief."""
    if not job.team.is_chief:
        yield ()
        return
    console = notes()
    metric = job.options.best_by or EVAL_LOSS[job.task]
    pace = Pace(first_step, job.options.batch_size)
    reporter = Reporter(console, job.options.max_steps, metric, pace, first_step)
    during = [name for name in job.loop.exporters if name != "final"]
    with ExitStack() as stack:
        watchers: list[Watcher] = [stack.enter_context(reporter)]
        if job.loop.tensorboard:
            watchers.append(stack.enter_context(Board(job, logs, first_step, console)))
        yield [*watchers, *(EvaluationExporter(job, name) for name in during)]
