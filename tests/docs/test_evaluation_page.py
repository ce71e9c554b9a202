"""What docs/reference/evaluation.md shows is what the code does."""

from __future__ import annotations

import re

import numpy as np
import pytest
from doc_pages import Page

from forebay.cli import _parser
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.multiclass import MulticlassPredictions
from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.metrics.threshold import choose_threshold
from forebay.trainer.options import evaluate_options
from forebay.trainer.options.threshold import ThresholdAim

PAGE = Page("reference/evaluation.md")


def test_the_commands_are_valid() -> None:
    commands = PAGE.commands("forebay", "evaluate")
    assert len(commands) >= 8
    for command in commands:
        evaluate_options(_parser().parse_args(command[1:]))


def test_the_thresholds_are_those_chosen() -> None:
    (labels,) = PAGE.table_with("probability")
    probability = np.array([float(head) for head in list(labels)[1:]])
    label = np.array([float(cell == "yes") for cell in list(labels.values())[1:]])
    answers = BinaryPredictions(label, probability, 0.5)
    for aim, _, chosen, precision, recall, alarms, missed in map(
        dict.values, PAGE.table_with("chosen")
    ):
        threshold = choose_threshold(answers, ThresholdAim.parse(aim.strip("`")), "eval")
        assert threshold == float(chosen)
        found = BinaryPredictions(label, probability, threshold).metrics()
        assert found["precision"] == pytest.approx(float(precision), abs=5e-4)
        assert found["recall"] == pytest.approx(float(recall))
        assert found["confusion"]["false_positives"] == int(alarms)
        assert found["confusion"]["false_negatives"] == int(missed)


def test_every_metric_is_on_the_page() -> None:
    ones = np.ones(2)
    answers = [
        RegressionPredictions(ones, ones),
        BinaryPredictions(ones, ones, 0.5),
        MulticlassPredictions(np.zeros(2, np.int64), np.full((2, 2), 0.5), ("a", "b"), 3),
    ]
    for row, one in zip(PAGE.table_with("metrics"), answers, strict=True):
        assert set(one.scores()) <= set(re.findall(r"`(\w+)`", row["metrics"])), row["label"]


def test_the_python_example_gives_what_it_says() -> None:
    (code,) = PAGE.code("python")
    names = PAGE.run_python()
    said = re.findall(r"^(answers.*)  # (.*)$", code, re.M)
    assert len(said) == 2
    for expression, value in said:
        assert eval(expression, names) == float(value)
    low, high = eval(code.splitlines()[-1], names)
    assert low < names["answers"].scores()["log_loss"] < high  # type: ignore[attr-defined]
