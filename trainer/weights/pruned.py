"""What a model is without the inputs that L1 has left out: its size, and how fast it answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, NumericInput, slots
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.model import build
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.weights.rows import (
    Row,
    embedding_rows,
    feeds_hidden,
    kernel_rows,
    wide_rows,
)
from forebay.transforms.definition.labels import Label
from forebay.transforms.errors import RunFailed

CALLS = 30
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Footprint:
    """What a model takes.

    Attributes:
        weights: how many trainable weights it has.
        bytes: what they take, float32.
        milliseconds: how long it takes to answer the rows, the median of some calls.
    """

    weights: int
    bytes: int
    milliseconds: float


@dataclass(frozen=True)
class Pruned:
    """A model with all its inputs, and without those that are out on every side.

    Attributes:
        out: the inputs that are.
        rows: the rows that were answered at a time.
        before: the model that was trained.
        after: the same without them; it gives the same answers.
    """

    out: tuple[str, ...]
    rows: int
    before: Footprint
    after: Footprint


def prune(
    model: keras.Model,
    out: frozenset[str],
    inputs: ModelInputs,
    label: Label,
    statistics: TrainStatistics,
    options: ChosenOptions,
    rows: tuple[Array, ...],
) -> Pruned | None:
    """Measures a model with and without inputs whose weights are all zero.

    Args:
        model: its score, as it was trained.
        out: the names of those inputs.
        inputs: all that it is given.
        label: what it predicts.
        statistics: what was computed of the train split.
        options: the options that it was built by.
        rows: the matrices of some rows; see `split_reader.Examples.inputs`.

    Returns:
        Both, or None where there is no such model: no input would be left, or none that hidden
        layers read, or no number, with which the linear side would lose its bias.

    Raises:
        RunFailed: the model without them answers otherwise.
    """
    left = ModelInputs(
        tuple(column for column in inputs.numeric if column.name not in out),
        tuple(column for column in inputs.categorical if column.name not in out),
    )
    if not _is_built(left, inputs, options):
        return None
    numbers = _places(inputs.numeric, out)
    scale = statistics.numbers
    fewer = replace(
        statistics,
        numbers=Scale(scale.offset[numbers], scale.divisor[numbers]),
        bounds=statistics.bounds[[place in numbers for place in inputs.in_pieces]],
    )
    small = build(left, label, fewer, options).score
    _copy_weights(model, inputs, small, left)
    matrices, ids, weights = rows
    own = (
        matrices[:, numbers],
        ids[:, _places(inputs.categorical, out)],
        weights[:, _places(inputs.weighted, out)],
    )
    before, answers = _measure(model, rows)
    after, others = _measure(small, own)
    if not np.allclose(answers, others, rtol=1e-3, atol=1e-4):
        raise RunFailed(
            "the model without the inputs that are out answers otherwise; report this, with the "
            "run's options"
        )
    return Pruned(tuple(sorted(out)), len(answers), before, after)


def _is_built(left: ModelInputs, inputs: ModelInputs, options: ChosenOptions) -> bool:
    """Tells whether there is a model of the inputs that are left, with all weights but theirs."""
    if not (left.numeric or left.categorical):
        return False
    keeps_bias = bool(left.numeric) or not inputs.numeric
    return (options.model == "deep" or keeps_bias) and (
        options.model == "linear" or feeds_hidden(left)
    )


def _places(columns: Sequence[NumericInput | CategoricalInput], out: frozenset[str]) -> list[int]:
    """Returns the columns of a matrix that belong to inputs that are left."""
    pairs = zip(columns, slots(columns), strict=True)
    return [i for column, place in pairs if column.name not in out
            for i in range(place.start, place.stop)]  # fmt: skip


def _copy_weights(
    model: keras.Model, inputs: ModelInputs, small: keras.Model, left: ModelInputs
) -> None:
    values = {variable.path: np.asarray(variable.numpy()) for variable in model.variables}
    rows, fewer = _rows_of(inputs), _rows_of(left)
    for variable in small.variables:
        path = variable.path
        if path in rows:
            place = {row: i for i, row in enumerate(rows[path])}
            variable.assign(values[path][[place[row] for row in fewer[path]]])
        elif path in values:  # all but the state of dropout
            variable.assign(values[path])


def _rows_of(inputs: ModelInputs) -> Mapping[str, list[Row]]:
    """Returns what each row of the matrices and tables that read the inputs stands for."""
    found = dict(kernel_rows(inputs, _numbered))
    for part in (*wide_rows(inputs), *embedding_rows(inputs)):
        own = [(part.column.name, name) for name in _numbered(part.column)]
        found.setdefault(f"{part.layer}/embeddings", []).extend(own)
    return found


def _numbered(column: CategoricalInput) -> list[str]:
    return [str(i) for i in range(column.size)]


def _measure(model: keras.Model, rows: tuple[Array, ...]) -> tuple[Footprint, Array]:
    answer = tf.function(lambda *matrices: model(matrices, training=False))
    given = tuple(map(tf.constant, rows))
    answers, times = np.asarray(answer(*given)), []
    for _ in range(CALLS):
        begun = time.perf_counter()
        answer(*given).numpy()
        times.append(time.perf_counter() - begun)
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    return Footprint(weights, 4 * weights, round(1000 * float(np.median(times)), 3)), answers
