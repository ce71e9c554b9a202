"""What a training tells while it runs: a bar on a terminal, lines elsewhere, TensorBoard always."""

import sys
import time
from types import TracebackType
from typing import Self

import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainer.checkpoint import Standing


class Reporter:
    """Reports steps and evaluations on standard error and to TensorBoard.

    Args:
        logs: folder of TensorBoard's files.
        max_steps: where the bar ends.
        metric: what the eval loss is, such as ``RMSE``.
        first_step: where the training starts or continues.
    """

    def __init__(self, logs: str, max_steps: int, metric: str, first_step: int) -> None:
        self._writer = tf.summary.create_file_writer(logs)
        self._max_steps = max_steps
        self._metric = metric
        console = Console(file=sys.stderr)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=max_steps, completed=first_step, note="")
        self._lines = not console.is_terminal
        self._mark = (first_step, time.monotonic())

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
        self._writer.close()

    def steps(self, step: int) -> None:
        """Moves the bar."""
        self._bar.update(self._task, completed=step)

    def evaluated(self, standing: Standing, batch_size: int) -> None:
        """Tells of the newest evaluation."""
        now, newest = time.monotonic(), standing.history[-1]
        step, then = self._mark
        rate = (newest.step - step) * batch_size / max(now - then, 1e-9)
        self._mark = (newest.step, now)
        with self._writer.as_default(step=newest.step):
            tf.summary.scalar("train/loss", newest.train_loss)
            tf.summary.scalar(f"eval/{self._metric}", newest.eval_loss)
            tf.summary.scalar("train/rows_per_second", rate)
        self._writer.flush()
        best = " (best)" if standing.best is newest else ""
        note = f"eval {self._metric} {newest.eval_loss:.5g}{best}"
        self._bar.update(self._task, note=note)
        if self._lines:
            print(
                f"step {newest.step:,} of {self._max_steps:,}: loss {newest.train_loss:.5g}, "
                f"{note}, {rate:,.0f} rows/s",
                file=sys.stderr,
                flush=True,
            )
