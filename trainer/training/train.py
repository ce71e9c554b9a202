"""Training a model on a run: from nothing, or from where the last checkpoint stands."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import keras
import tensorflow as tf

from forebay.console.terminal import note, notes, warn
from forebay.storage.locks import occupied
from forebay.storage.run import files
from forebay.storage.run.layout import (
    CHECKPOINT_NAME,
    KERAS_NAME,
    RECORD_NAME,
    TRAINING_FILES,
    TRAINING_FOLDER,
    ZEROS_NAME,
)
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.best_model import (
    SavedTraining,
    read_finished,
    snapshot,
    write_training,
)
from forebay.trainer.checkpoints.checkpoint import Checkpoint, TrainingState
from forebay.trainer.examples.row_cache import rows_folder
from forebay.trainer.metrics.by_task import EVAL_LOSS
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.options.choose import choose, told
from forebay.trainer.training import advice
from forebay.trainer.training.exporters import FOLDERS, EvaluationExporter
from forebay.trainer.training.job import LAYERS, Rows, TrainingJob, identity, prepare, table_of
from forebay.trainer.training.loop import Watcher, finished, fit
from forebay.trainer.training.progress import Pace, Reporter
from forebay.trainer.training.tensorboard.activations import PROBE_ROWS
from forebay.trainer.training.tensorboard.board import Board
from forebay.trainer.training.tensorboard.logs_folder import LogsFolder, logs_folder
from forebay.trainer.training.tensorboard.projector import write_projector
from forebay.trainer.weights.id_names import names_of_run
from forebay.trainer.weights.rows import embedding_rows
from forebay.trainer.weights.zeros import write_zeros
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
    instead: Rows | None = None,
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
        instead: what it trains and is evaluated on, a new training always; None: the run's splits.

    Returns:
        The best model by the eval split, as the chief saves it in the folder. A training that is
        finished already is read, and nothing is written.

    Raises:
        InputError: the examples do not suit the options; see `inputs.model_inputs` and `data`.
        RunFolderError: a split is empty or damaged, or the checkpoint is another training's.
        RunFailed: the loss is no longer finite, or other workers are gone or differ.
    """
    loop, team = loop or LoopOptions(), team or alone()
    if options.data.deterministic:
        # Bit by bit the same weights, whenever a training is continued.
        tf.config.experimental.enable_op_determinism()
    with ExitStack() as held:
        if team.is_chief:
            check_outputs(run, loop, folder)
            held.enter_context(run.in_use())
            held.enter_context(occupied(run.outputs, folder))
        logs = logs_folder(run, folder, loop.logs)
        keeper = _Keeper(run, folder, logs, fresh and team.is_chief)
        team.wait()
        done = None if fresh else finished_training(run, options, team, folder)
        if done is not None:
            return done
        return _train(run, options, loop, team, fresh, keeper, on_evaluation, instead)


def check_outputs(run: RunFolder, loop: LoopOptions, folder: str = TRAINING_FOLDER) -> None:
    """Checks that what a training writes can be written, so that it does not fail at its end.

    Raises:
        RunFolderError: it cannot, or a link is in the way.
        InputError: the folder that ``--logs`` names cannot be made.
    """
    names = [f"{folder}/{name}" for name in (CHECKPOINT_NAME, KERAS_NAME, RECORD_NAME, ZEROS_NAME)]
    files.check_outputs(run.outputs, names, into=(FOLDERS[name] for name in loop.exporters))
    if loop.tensorboard:
        logs_folder(run, folder, loop.logs).check()


class _Keeper:
    """Keeps the checkpoint of a training, on the chief.

    Args:
        run: the run.
        folder: the folder of it that the training writes.
        logs: the folder of its logs.
        fresh: whether an earlier training is forgotten. What it wrote goes when the first
            checkpoint of the new one stands, not before.

    Raises:
        RunFolderError: a folder holds what no training wrote, and it would go too.
    """

    def __init__(self, run: RunFolder, folder: str, logs: LogsFolder, fresh: bool) -> None:
        self.folder = folder
        self.logs = logs
        self._run = run
        self._name = f"{folder}/{CHECKPOINT_NAME}"
        self._stale = files.owned(run.outputs, folder, TRAINING_FILES) if fresh else []
        stale_logs = logs.written() if fresh else []
        self._stale_logs = [name for name in stale_logs if name not in self._stale]

    def save(self, found: Checkpoint) -> None:
        """Writes a checkpoint in place of the one before."""
        checkpoint.save(self._run.outputs, self._name, found)
        files.remove(self._run.outputs, [name for name in self._stale if name != self._name])
        self.logs.remove(self._stale_logs)
        self._stale, self._stale_logs = [], []


def _train(
    run: RunFolder,
    options: TrainOptions,
    loop: LoopOptions,
    team: Team,
    fresh: bool,
    keeper: _Keeper,
    on_evaluation: Callable[[TrainingState], None] | None,
    instead: Rows | None,
) -> SavedTraining:
    """Trains on, by whoever holds the training's folder."""
    folder = keeper.folder
    with rows_folder(run.outputs, folder) as rows:
        found = None if fresh else checkpoint.load(run.own(folder, CHECKPOINT_NAME))
        kept = found.chosen if found else None
        cache = rows if options.data.cache else None
        job = prepare(run, options, loop, team, cache, kept, instead, folder)
        job.check_evaluated("the eval split" if instead is None else "a block of train")
        state, best = _resume(job, run.own(folder, CHECKPOINT_NAME), found)
        if team.size > 1:
            note(str(job.share))
        if team.is_chief:
            for line in told(job.choice, job.table):
                note(line)
            warn(advice.of_rates(job.options, job.table))
        with _watchers(job, keeper.logs.path, state.step) as watchers:
            state, best = fit(job, state, best, keeper.save, watchers, on_evaluation)
    checkpoint.assign(job.models.score.variables, best)
    training = snapshot(
        run, job.options, job.inputs, job.models.prediction, state, state.best, job.step_times
    )
    if not team.agrees(training.record["weights_sha256"]):
        raise RunFailed("the workers end with other weights; report this, with the run's options")
    if team.is_chief:
        if options.l1:
            few = next(iter(job.eval_parts())).inputs
            write_zeros(
                folder, run, job.models.score, job.inputs, job.statistics, job.options,
                tuple(matrix[:PROBE_ROWS] for matrix in few),
            )  # fmt: skip
        if loop.tensorboard:
            _write_projector(job, keeper.logs)
        # Last: where it is, all the rest is, and nothing is left to do.
        write_training(run, folder, training)
    return training


def _write_projector(job: TrainingJob, logs: LogsFolder) -> None:
    names, embeddings = names_of_run(job.run, job.inputs), {}
    for part in embedding_rows(job.inputs):
        table = part.table(job.models.score)
        if table is not None:
            vectors = keras.ops.convert_to_numpy(table)[part.rows]
            embeddings[part.column.name] = (vectors, names.of(part.column))
    write_projector(logs.home, logs.name, embeddings)


def finished_training(
    run: RunFolder, options: TrainOptions, team: Team, folder: str = TRAINING_FOLDER
) -> SavedTraining | None:
    """Returns what a training with these options made, if it has nothing left to do.

    One that was killed after its last checkpoint has its result still to write.

    Args:
        run: the run.
        options: the options given to `train`; fewer ``max_steps`` than were taken are reached too.
        team: the workers.
        folder: the folder of the run that was written.

    Raises:
        RunFolderError: a file is damaged.
    """
    found = checkpoint.load(run.own(folder, CHECKPOINT_NAME))
    if found is None:
        return None
    chosen = choose(options, table_of(run, options, team), found.chosen).options
    changed = found.changed(identity(run, chosen, team)).keys() - {LAYERS}
    reached = found.state.step >= chosen.max_steps and changed <= {"max_steps"}
    if reached or (not changed and finished(found.state, chosen)):
        return read_finished(run, folder, found.state)
    return None


def _resume(
    job: TrainingJob, path: str, found: Checkpoint | None
) -> tuple[TrainingState, checkpoint.Arrays]:
    """Returns how far the training is and its best weights; sets the weights to where it stands."""
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
def _watchers(job: TrainingJob, logs: str, first_step: int) -> Iterator[Sequence[Watcher]]:
    """Yields who is told how the training goes: nobody but on the chief."""
    if not job.team.is_chief:
        yield ()
        return
    console = notes()
    loss, metric = EVAL_LOSS[job.task], job.options.best_by
    pace = Pace(first_step, job.options.batch_size)
    reporter = Reporter(console, job.options.max_steps, metric, loss, pace, first_step)
    during = [name for name in job.loop.exporters if name != "final"]
    with ExitStack() as stack:
        watchers: list[Watcher] = [stack.enter_context(reporter)]
        if job.loop.tensorboard:
            watchers.append(stack.enter_context(Board(job, logs, first_step, console)))
        yield [*watchers, *(EvaluationExporter(job, name) for name in during)]
