"""Training with weights: of rows, from a column, and of classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from made_runs import SPLIT_ROWS, write_manifest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from forebay.storage.run.run_folder import open_run
from forebay.trainer.evaluation.evaluate import measure
from forebay.trainer.evaluation.find_model import find_model
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.options import DataOptions, EvaluateOptions, LoopOptions, TrainOptions
from forebay.trainer.training.train import train
from forebay.transforms.errors import InputError

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


def test_what_is_told_of_evaluations_is_what_they_are_compared_by(
    binary_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    """The loss of rows as they count in training, here and in TensorBoard."""
    copy = copy_of(binary_run)
    options = TrainOptions(
        max_steps=60, eval_every=20, batch_size=64, hidden_units=(4,),
        data=DataOptions(class_weights={"1": 9.0}),
    )  # fmt: skip
    history = train(open_run(str(copy)), options).record["history"]
    told = [line for line in capsys.readouterr().err.splitlines() if ", eval " in line]
    least = float("inf")
    for line, one in zip(told, history, strict=True):
        assert one["eval_loss"] != pytest.approx(one["metrics"]["log_loss"], rel=1e-3)
        best = " (best)" if one["eval_loss"] < least else ""
        least = min(least, one["eval_loss"])
        assert f", eval log_loss {one['eval_loss']:.5g}{best}, " in line
    events = EventAccumulator(str(copy / "training/logs"), size_guidance={"tensors": 0})
    events.Reload()
    for tag, values in (
        ("eval/loss", [one["eval_loss"] for one in history]),
        ("eval/log_loss", [one["metrics"]["log_loss"] for one in history]),
    ):
        found = [float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
        assert found == pytest.approx(values)


def test_an_eval_split_without_weight_is_refused_before_the_first_step(
    binary_run: Path, copy_of: Copy
) -> None:
    copy = copy_of(binary_run)
    run = open_run(str(copy))
    first = int(SplitReader(run, "eval", inputs_of(run)).read(1).label[0])
    options = TrainOptions(
        max_steps=20, batch_size=1, eval_steps=1, data=DataOptions(class_weights={str(first): 0.0})
    )
    words = f"the eval split: of 1 row .*--class-weights {first}:0, and"
    with pytest.raises(InputError, match=words):
        train(run, options, LoopOptions(tensorboard=False))
    assert not list((copy / "training").glob("*.*"))


def test_a_split_without_weight_is_not_measured(
    weighted_run: Path, trained_regression: Path, copy_of: Copy
) -> None:
    copy = copy_of(weighted_run)
    gzip = tf.io.TFRecordOptions("GZIP")
    for path in (copy / "examples/test").iterdir():
        records = list(tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator())
        with tf.io.TFRecordWriter(str(path), gzip) as writer:
            for record in records:
                example = tf.train.Example.FromString(record)
                example.features.feature["worth"].float_list.value[:] = [0.0]
                writer.write(example.SerializeToString())
    counts = {split: stop - start for split, (start, stop) in SPLIT_ROWS.items()}
    write_manifest(copy, open_run(str(copy)).definition, counts)
    training, _ = find_model(open_run(str(trained_regression)), None)
    with pytest.raises(InputError, match="every row of the test split has a worth of 0, so there"):
        measure(open_run(str(copy)), training, EvaluateOptions())
