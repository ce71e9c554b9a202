"""What a training tells while it runs: a bar on a terminal, lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from forebay.console.terminal import shows_bars
from forebay.trainer.checkpoints.checkpoint import TrainingState


class Pace:
    """Tells how fast rows are trained on.

    Args:
        first_step: where the training begins or goes on.
        rows_per_step: rows that all workers together take per step.
    """

    def __init__(self, first_step: int, rows_per_step: int) -> None:
        self._mark = (first_step, time.monotonic())
        self._rows_per_step = rows_per_step

    def rows_per_second(self, step: int) -> float:
        """Returns the rows per second since it was asked last, evaluations included."""
        now = time.monotonic()
        (before, then), self._mark = self._mark, (step, now)
        return (step - before) * self._rows_per_step / max(now - then, 1e-9)


class Reporter:
    """Reports steps and evaluations on standard error.

    Args:
        console: the console on standard error.
        max_steps: the step at which the bar ends.
        metric: the metric that evaluations are compared by, such as ``auc``; None: their loss, of
            rows as they count in training.
        loss: what the loss is, in the units of evaluations, such as ``log_loss``.
        pace: the pace of the training.
        first_step: where the training starts or continues.
    """

    def __init__(
        self,
        console: Console,
        max_steps: int,
        metric: str | None,
        loss: str,
        pace: Pace,
        first_step: int,
    ) -> None:
        self._max_steps = max_steps
        self._metric = metric
        self._loss = loss
        self._pace = pace
        self._console = console
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not shows_bars(console),
        )
        self._task = self._bar.add_task("training", total=max_steps, completed=first_step, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def stepped(self, step: int, loss: float) -> None:
        """Moves the bar."""
        self._bar.update(self._task, completed=step)

    def evaluated(self, state: TrainingState) -> None:
        """Tells of the newest evaluation."""
        newest = state.history[-1]
        rate = self._pace.rows_per_second(newest.step)
        best = " (best)" if state.newest_is_best else ""
        name, value = self._loss, newest.eval_loss
        if self._metric is not None:
            name, value = self._metric, newest.metrics[self._metric]
        note = f"eval {name} {value:.5g}{best}"
        self._bar.update(self._task, note=note)
        if not shows_bars(self._console):
            self._console.out(
                f"step {newest.step:,} of {self._max_steps:,}: train {self._loss} "
                f"{newest.train_loss:.5g}, "
                f"{note}, {rate:,.0f} rows/s",
                highlight=False,
            )
