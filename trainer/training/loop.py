"""The training loop: steps, and at their marks evaluations, exports and checkpoints.

Marks are fixed numbers of steps, wherever a training began: one that continues stops at the same
steps as one that was never interrupted. The clock decides whether an evaluation takes place at its
mark, and nothing else; what an evaluation does leaves the weights as they were.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import tensorflow as tf

from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import Arrays, Checkpoint, Evaluation, TrainingState
from forebay.trainer.options.choose import ChosenOptions, next_evaluation
from forebay.trainer.training.job import TrainingJob
from forebay.trainer.training.nonfinite import bad_batch, bad_evaluation

# What a collective operation fails with when another worker is gone.
LOST = (
    tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
    tf.errors.DeadlineExceededError, tf.errors.InternalError,
)  # fmt: skip


class Watcher(Protocol):
    """Is told how a training goes; on the chief only."""

    def stepped(self, step: int, loss: float) -> None:
        """Some steps were taken: up to which, and their loss in the units of evaluations."""

    def evaluated(self, state: TrainingState) -> None:
        """An evaluation was made, the last in the state's history."""


def finished(state: TrainingState, options: ChosenOptions) -> bool:
    """Tells whether the steps or the patience are used up."""
    return state.step >= options.max_steps or state.evaluations_since_best >= options.patience


def fit(
    job: TrainingJob,
    state: TrainingState,
    best: Arrays,
    save: Callable[[Checkpoint], None],
    watchers: Sequence[Watcher],
    on_evaluation: Callable[[TrainingState], None] | None,
) -> tuple[TrainingState, Arrays]:
    """Trains until the steps or the patience are used up.

    Args:
        job: what is trained; its weights are changed.
        state: how far it is.
        best: its weights at the best evaluation so far.
        save: writes a checkpoint; called on the chief.
        watchers: the objects that are told of each step, on the chief.
        on_evaluation: called after each evaluation, its checkpoint written.

    Returns:
        How far it came, and the weights at the best evaluation.

    Raises:
        RunFailed: a loss is not finite, or the other workers are gone.
    """
    last = last_step(job, state)
    clock, batches = _Clock(job.loop.throttle_seconds), iter(job.batches.ahead(state.step))
    # Compiled now, which is not a time of the steps; a call, even one of no steps, takes a batch.
    job.run_steps.get_concrete_function(batches, tf.TensorSpec((), tf.int32))
    try:
        while not _has_ended(job, state, last):
            if state.step < last:
                state = _to_next_mark(job, batches, state, last, watchers)
            evaluated = _is_evaluated(job, state, last, clock)
            if evaluated:
                with job.updater.averaged():
                    state = _evaluate(job, state)
                    if state.newest_is_best:
                        best = checkpoint.values(job.models.score.variables)
                    for watcher in watchers:
                        watcher.evaluated(state)
                clock.restart()
            if job.team.is_chief and (evaluated or state.step % job.checkpoint_every == 0):
                save(_checkpoint(job, state, best))
            if evaluated and on_evaluation is not None:
                on_evaluation(state)
    except LOST as error:
        if job.team.size == 1:
            raise
        job.team.lost(state.step, error)
    return state, best


class _Clock:
    """Tells whether the least time between evaluations is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        self._start = time.monotonic()

    def is_over(self) -> bool:
        return time.monotonic() - self._start >= self._seconds


def last_step(job: TrainingJob, state: TrainingState) -> int:
    """Returns the step at which the training ends, or this part of it."""
    most, steps = job.options.max_steps, job.loop.steps
    return most if steps is None else min(most, state.step + steps)


def _has_ended(job: TrainingJob, state: TrainingState, last: int) -> bool:
    """Tells whether no step is to be taken, and the last that was is evaluated.

    A checkpoint without an evaluation may stand where fewer steps than planned are to end.
    """
    is_evaluated = bool(state.history) and state.history[-1].step == state.step
    return is_evaluated and (state.step >= last or finished(state, job.options))


def _to_next_mark(
    job: TrainingJob,
    batches: Iterator[Any],
    state: TrainingState,
    last: int,
    watchers: Sequence[Watcher],
) -> TrainingState:
    """Takes the steps up to the next mark, which all workers reach together."""
    step = state.step
    # Each look at the loss leaves the compiled loop.
    multiples = ((step // n + 1) * n for n in (job.loop.save_summary_steps, job.checkpoint_every))
    count = min(*multiples, next_evaluation(job.choice, step), last) - step
    begun = time.perf_counter()
    taken, loss_sum, waited = (float(x) for x in job.run_steps(batches, tf.constant(count)))
    job.step_times.add(time.perf_counter() - begun, waited)
    if taken < count:
        raise bad_batch(job, step + int(taken))
    # Only moving averages, as of batch normalisation, differ between workers.
    job.team.average(job.local_variables)
    state = state.trained(count, loss_sum)
    for watcher in watchers:
        watcher.stepped(state.step, job.in_units(loss_sum / count))
    return state


def _is_evaluated(job: TrainingJob, state: TrainingState, last: int, clock: _Clock) -> bool:
    if state.step >= last:
        return True
    if state.step != next_evaluation(job.choice, state.step - 1):
        return False
    (over,) = job.team.as_chief_says([clock.is_over()])
    return bool(over)


def _evaluate(job: TrainingJob, state: TrainingState) -> TrainingState:
    """Adds an evaluation, made by the chief; the others wait for what it says."""
    metrics: dict[str, float] = {}
    values = [0.0, 0.0]
    if job.team.is_chief:
        loss, metrics = job.evaluate()
        if not math.isfinite(loss):
            raise bad_evaluation(job, state.step, loss)
        values = [loss, job.score(loss, metrics)]
    eval_loss, score = job.team.as_chief_says(values)
    train_loss = job.in_units(state.train_loss)
    return state.evaluated(Evaluation(state.step, train_loss, eval_loss, score, metrics))


def _checkpoint(job: TrainingJob, state: TrainingState, best: Arrays) -> Checkpoint:
    model = checkpoint.values(job.models.score.variables)
    optimizer = checkpoint.values(job.updater.variables)
    return Checkpoint(state, job.identity, model, optimizer, best, job.choice.chosen)
