"""Who trains together, by TF_CONFIG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scales import offsets_and_divisors

from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.examples.statistics import train_statistics
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.training.job import prepare
from forebay.trainer.workers.shares import Worker
from forebay.trainer.workers.team import Team, alone, join_team, worker_of
from forebay.transforms.errors import InputError

HOSTS = ["a:1", "b:2"]


def config(cluster: dict[str, list[str]], kind: str, index: int) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "worker"),
    [
        ({"worker": HOSTS}, "worker", 0, Worker(0, 2)),
        ({"worker": HOSTS}, "worker", 1, Worker(1, 2)),
        ({"chief": ["c:3"], "worker": HOSTS}, "chief", 0, Worker(0, 3)),
        ({"chief": ["c:3"], "worker": HOSTS}, "worker", 1, Worker(2, 3)),
        ({"master": ["c:3"]}, "master", 0, Worker(0, 1)),
    ],
)
def test_tf_config_names_the_worker(
    cluster: dict[str, list[str]], kind: str, index: int, worker: Worker
) -> None:
    assert worker_of(config(cluster, kind, index)) == worker


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "TF_CONFIG = '{' is not as expected"),
        ("{}", "not as expected.*cluster"),
        (
            config({"worker": HOSTS}, "evaluator", 0),
            "worker 1; leave it out.*forebay evaluate",
        ),
        (config({"worker": HOSTS}, "worker", 2), "worker 2"),
        (
            config({"ps": HOSTS}, "ps", 0),
            "workers are none; write parameter servers as",
        ),
    ],
)
def test_another_tf_config_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        join_team({"TF_CONFIG": text})


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": config({"chief": ["c:3"]}, "chief", 0)}])
def test_one_worker_is_a_team_of_one(environment: dict[str, str]) -> None:
    team = join_team(environment)
    assert (team.size, team.is_chief) == (1, True)
    assert team.as_chief_says([1.5, -2.0]) == [1.5, -2.0]
    assert team.agrees("anything")


class Overheard(Team):
    """A worker that hears, in the same order of questions, what earlier workers gave."""

    def __init__(self, worker: Worker, heard: list[list[Sequence[float]]]) -> None:
        super().__init__(worker, tf.distribute.get_strategy())
        self._questions = iter(heard)

    def gather(self, values: Sequence[float]) -> np.ndarray:
        answers = next(self._questions)
        answers.append(values)
        return np.array(answers)


def test_statistics_are_of_all_workers_rows(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    inputs = inputs_of(run)
    heard: list[list[Sequence[float]]] = [[], [], []]  # about weights, numbers, the label
    for i in range(2):
        worker = Worker(i, 2)
        share = SplitReader(run, "train", inputs, worker=worker)
        found = train_statistics(share.batches(), 0, Overheard(worker, heard))
    whole = SplitReader(run, "train", inputs).read()
    for scale, values in ((found.numbers, whole.numbers), (found.label, whole.label[:, None])):
        offset, divisor = offsets_and_divisors(values)
        np.testing.assert_allclose(scale.offset, offset, rtol=0, atol=1e-12 * np.abs(values).mean())
        np.testing.assert_allclose(scale.divisor, divisor, rtol=1e-12)


def test_a_batch_must_be_shared_evenly(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    team = Team(Worker(0, 2), tf.distribute.get_strategy())
    with pytest.raises(InputError, match=r"--batch-size 33 cannot be shared by 2.*try 32"):
        prepare(run, TrainOptions(batch_size=33), LoopOptions(), team)
    assert alone().size == 1
