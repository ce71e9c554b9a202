"""A training as TensorBoard shows it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import tensorflow as tf
from rich.console import Console

from forebay.trainer.checkpoints.checkpoint import TrainingState
from forebay.trainer.metrics.by_task import EVAL_LOSS
from forebay.trainer.training.job import TrainingJob
from forebay.trainer.training.progress import Pace
from forebay.trainer.training.tensorboard.activations import PROBE_ROWS, ActivationProbe, warning
from forebay.trainer.training.tensorboard.events import EventFile
from forebay.trainer.training.tensorboard.gradients import GradientProbe
from forebay.trainer.training.tensorboard.pictures import pictures
from forebay.transforms.definition import serialize


class Board:
    """Writes how a training goes, for TensorBoard.

    At every look the loss and the learning rates; at evaluations the metrics, the distribution of
    each weight, how many activations are zero, and the norms of gradients. A layer whose dead units
    become more, and gradients that vanish or explode, are warned of, on standard error too.

    Args:
        job: the training.
        folder: the folder of the event files.
        goes_on_at: the step at which it goes on; 0: it begins.
        console: where warnings are printed.
    """

    def __init__(self, job: TrainingJob, folder: str, goes_on_at: int, console: Console) -> None:
        self._job = job
        self._events = EventFile(folder, goes_on_at)
        self._console = console
        self._pace = Pace(goes_on_at, job.options.batch_size)
        self._sample, label = _sample(job)
        self._activations = ActivationProbe(job.models.score, self._sample)
        self._gradients = GradientProbe(job.models.members, job.losses, self._sample, label)
        self._dead: dict[str, int] = {}
        self._has_warned_of_gradients = False
        if not goes_on_at:
            self._describe()

    def __enter__(self) -> Self:
        self._events.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._events.__exit__(kind, error, trace)

    def stepped(self, step: int, loss: float) -> None:
        """Writes the loss since the last look, and the learning rates."""
        name = f"train/{EVAL_LOSS[self._job.task]}"
        self._events.scalars(step, {name: loss, **self._job.updater.learning_rates()})

    def evaluated(self, state: TrainingState) -> None:
        """Writes what the last evaluation shows."""
        newest = state.history[-1]
        metrics = {f"eval/{name}": value for name, value in newest.metrics.items()}
        if self._job.weighting.of_class:  # else it is one of these
            metrics["eval/loss"] = newest.eval_loss
        speed = {"train/rows_per_second": self._pace.rows_per_second(newest.step)}
        self._events.scalars(newest.step, {**metrics, **speed})
        weights = self._job.models.score.trainable_variables
        arrays = {f"weights/{variable.path}": variable.numpy() for variable in weights}
        self._events.histograms(newest.step, arrays)
        self._look_at_activations(newest.step)
        self._look_at_gradients(newest.step)
        self._events.flush()

    def _look_at_activations(self, step: int) -> None:
        for name, zeros in self._activations.measure().items():
            tag = f"activations/{name}"
            shares = {f"{tag}/zero_fraction": zeros.share, f"{tag}/dead_units": float(zeros.dead)}
            self._events.scalars(step, shares)
            if zeros.dead > self._dead.get(name, 0):
                self._dead[name] = zeros.dead
                self._warn(step, "dead_units", warning(name, zeros))

    def _look_at_gradients(self, step: int) -> None:
        norms = self._gradients.measure()
        layers = norms.of_layers.items()
        self._events.scalars(step, {f"gradients/{layer}/norm": norm for layer, norm in layers})
        found = norms.warning()
        if found is not None and not self._has_warned_of_gradients:
            self._has_warned_of_gradients = True
            self._warn(step, "gradients", found)

    def _warn(self, step: int, tag: str, text: str) -> None:
        self._events.text(step, f"warnings/{tag}", text)
        self._console.out(f"warning: step {step:,}: {text}")

    def _describe(self) -> None:
        definition = json.loads(serialize.to_json(self._job.run.definition))
        self._events.text(0, "definition", _as_code(definition))
        options = {**asdict(self._job.options), **asdict(self._job.loop)}
        self._events.text(0, "options", _as_code(options))
        self._events.graph(_graph(self._job, self._sample))
        numbers = self._sample[0]
        for name, pixels in pictures(self._job.run.definition, self._job.inputs, numbers):
            self._events.images(0, f"inputs/{name}", pixels)


def _sample(job: TrainingJob) -> tuple[tuple[Any, ...], Any]:
    """Returns the model's inputs of a few rows of the eval split, and their labels."""
    first = next(iter(job.eval_parts()))
    return tuple(matrix[:PROBE_ROWS] for matrix in first.inputs), first.label[:PROBE_ROWS]


def _graph(job: TrainingJob, sample: tuple[Any, ...]) -> bytes:
    """Returns the model's graph, as a serialized GraphDef."""
    model = job.models.prediction
    answer = tf.function(lambda *inputs: model(inputs, training=False))
    specs = [tf.TensorSpec([None, *matrix.shape[1:]], matrix.dtype) for matrix in sample]
    graph = answer.get_concrete_function(*specs).graph
    return bytes(graph.as_graph_def().SerializeToString())


def _as_code(value: Mapping[str, Any]) -> str:
    """Returns a value as a block of JSON, in Markdown."""
    return "".join(f"    {line}\n" for line in json.dumps(value, indent=2).splitlines())
