"""The training loop: steps, and at their marks evaluations, exports and checkpoints.

Marks are multiples of fixed numbers of steps, wherever a training began: one that continues stops
at the same steps as one that was never interrupted. The clock decides whether an evaluation takes
place at its mark, and nothing else; what an evaluation does touches no weight.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import tensorflow as tf

from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import Arrays, Checkpoint, Evaluation, Standing
from forebay.trainer.options import TrainOptions
from forebay.trainer.training.job import Job
from forebay.trainer.training.nonfinite import bad_batch

# Steps between two looks at the loss: each look leaves the compiled loop.
STEPS_PER_LOOK = 100
# What a collective operation fails with when another worker is gone.
LOST = (
    tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
    tf.errors.DeadlineExceededError, tf.errors.InternalError,
)  # fmt: skip


class Watcher(Protocol):
    """Is told how a training goes; on the chief only."""

    def stepped(self, step: int, loss: float) -> None:
        """Some steps were taken: up to which, and their mean loss."""

    def evaluated(self, standing: Standing) -> None:
        """An evaluation was made, the last in the standing's history."""


def finished(standing: Standing, options: TrainOptions) -> bool:
    """Tells whether the steps or the patience are used up."""
    return standing.step >= options.max_steps or standing.evaluations_since_best >= options.patience


def fit(
    job: Job,
    standing: Standing,
    best: Arrays,
    path: str,
    watchers: Sequence[Watcher],
    on_evaluation: Callable[[Standing], None] | None,
) -> tuple[Standing, Arrays]:
    """Trains until the steps or the patience are used up.

    Args:
        job: what is trained; its weights are changed.
        standing: how far it is.
        best: its weights at the best evaluation so far.
        path: the checkpoint's file, which the chief writes.
        watchers: who is told, on the chief.
        on_evaluation: called after each evaluation, its checkpoint written.

    Returns:
        How far it came, and the weights at the best evaluation.

    Raises:
        RunFailed: a loss is not finite, or the other workers are gone.
    """
    clock, batches = _Clock(job.loop.throttle_seconds), iter(job.batches.ahead(standing.step))
    # Compiled now, which is no time of the steps; a call, even one of no steps, takes a batch.
    job.run_steps.get_concrete_function(batches, tf.TensorSpec((), tf.int32))
    try:
        while not finished(standing, job.options):
            standing = _to_next_mark(job, batches, standing, watchers)
            evaluated = _is_evaluated(job, standing, clock)
            if evaluated:
                standing = _evaluate(job, standing)
                if standing.newest_is_best:
                    best = checkpoint.values(job.models.score.variables)
                for watcher in watchers:
                    watcher.evaluated(standing)
                clock.restart()
            if job.team.is_chief and (evaluated or standing.step % job.checkpoint_every == 0):
                checkpoint.save(path, _checkpoint(job, standing, best))
            if evaluated and on_evaluation is not None:
                on_evaluation(standing)
    except LOST as error:
        if job.team.size == 1:
            raise
        job.team.lost(standing.step, error)
    return standing, best


class _Clock:
    """Tells whether the least time between evaluations is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        self._start = time.monotonic()

    def is_over(self) -> bool:
        return time.monotonic() - self._start >= self._seconds


def _to_next_mark(
    job: Job, batches: Iterator[Any], standing: Standing, watchers: Sequence[Watcher]
) -> Standing:
    """Takes the steps up to the next mark, which all workers reach together."""
    step = standing.step
    marks = (STEPS_PER_LOOK, job.options.eval_every, job.checkpoint_every)
    count = min(*((step // n + 1) * n for n in marks), job.options.max_steps) - step
    begun = time.perf_counter()
    taken, loss_sum, waited = (float(x) for x in job.run_steps(batches, tf.constant(count)))
    job.spent.add(time.perf_counter() - begun, waited)
    if taken < count:
        raise bad_batch(job, step + int(taken))
    # Only moving averages, as of batch normalisation, differ between workers.
    job.team.average(job.local_variables)
    standing = standing.trained(count, loss_sum)
    for watcher in watchers:
        watcher.stepped(standing.step, loss_sum / count)
    return standing


def _is_evaluated(job: Job, standing: Standing, clock: _Clock) -> bool:
    if standing.step == job.options.max_steps:
        return True
    if standing.step % job.options.eval_every:
        return False
    (over,) = job.team.as_chief_says([clock.is_over()])
    return bool(over)


def _evaluate(job: Job, standing: Standing) -> Standing:
    """Adds an evaluation, made by the chief; the others wait for what it says."""
    metrics: dict[str, float] = {}
    values = [0.0, 0.0]
    if job.team.is_chief:
        loss, metrics = job.evaluate()
        if not math.isfinite(loss):
            raise bad_batch(job, standing.step)
        values = [loss, job.score(loss, metrics)]
    eval_loss, score = job.team.as_chief_says(values)
    return standing.evaluated(
        Evaluation(standing.step, standing.train_loss, eval_loss, score, metrics)
    )


def _checkpoint(job: Job, standing: Standing, best: Arrays) -> Checkpoint:
    model = checkpoint.values(job.models.score.variables)
    return Checkpoint(standing, job.identity, model, checkpoint.values(job.updater.variables), best)
