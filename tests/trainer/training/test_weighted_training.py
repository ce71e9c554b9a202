"""Training with weights: of rows, from a column, and of classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forebay.storage.run.run_folder import open_run
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.options import DataOptions, TrainOptions
from forebay.trainer.training.train import train

Copy = Callable[[Path], Path]
QUICK = {"max_steps": 300, "eval_every": 100, "batch_size": 128, "learning_rate": 0.01}


@pytest.mark.parametrize("memory_mb", [DataOptions.memory_mb, 0])
def test_rows_without_weight_teach_nothing(
    weighted_run: Path, copy_of: Copy, memory_mb: int
) -> None:
    """A third of the labels is -1,000, with weight 0: as if they were not there."""
    run = open_run(str(copy_of(weighted_run)))
    saved = train(run, TrainOptions(data=DataOptions(memory_mb=memory_mb), **QUICK))
    examples = SplitReader(run, "eval", saved.inputs).read()
    answer, counted = predict(saved.model, examples), examples.weight > 0
    assert 0.3 < counted.mean() < 0.7
    assert set(examples.label[~counted]) == {-1_000.0}
    squares = np.square(answer - examples.label)
    expected = np.sqrt(np.average(squares, weights=examples.weight))
    assert saved.record["eval_loss"] == pytest.approx(expected, rel=1e-6)
    assert expected < 0.7 * np.std(examples.label[counted])


def test_classes_of_more_weight_are_thought_more_likely(binary_run: Path, copy_of: Copy) -> None:
    run = open_run(str(copy_of(binary_run)))
    data = DataOptions(class_weights={"1": 9.0})
    saved = train(run, TrainOptions(model="linear", data=data, **QUICK))
    examples = SplitReader(run, "eval", saved.inputs).read()
    assert examples.label.mean() == pytest.approx(0.5, abs=0.05)
    answer = predict(saved.model, examples)
    weight = np.where(examples.label == 1, 9.0, 1.0)
    # A logistic model with an intercept gives the weighted share of positives on the average.
    share = np.average(examples.label, weights=weight)
    assert np.average(answer, weights=weight) == pytest.approx(share, abs=0.03)
    losses = -np.log(np.where(examples.label == 1, answer, 1 - answer))
    assert saved.record["eval_loss"] == pytest.approx(np.average(losses, weights=weight), rel=1e-4)
