"""Two real processes train one model: same weights, shares of their own, and a death survived."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.workers.shares import Worker

Copy = Callable[[Path], Path]
FLAGS = [
    "--max-steps", "400", "--eval-every", "200", "--checkpoint-every", "20", "--batch-size", "64",
    "--hidden-units", "8", "--dropout", "0.1", "--no-export", "--json",
]  # fmt: skip


class Pair:
    """Two `train` commands on one run, which find each other by TF_CONFIG."""

    def __init__(self, run: Path, leader: str = "worker") -> None:
        first, second = (f"localhost:{port}" for port in free_ports(2))
        cluster = {"worker": [first, second]}
        if leader != "worker":
            cluster = {leader: [first], "worker": [second]}
        tasks = [(role, i) for role, hosts in cluster.items() for i in range(len(hosts))]
        self.processes = [self._start(run, cluster, *task) for task in tasks]

    @staticmethod
    def _start(
        run: Path, cluster: dict[str, list[str]], role: str, index: int
    ) -> subprocess.Popen[str]:
        config = json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})
        return subprocess.Popen(
            [sys.executable, "-m", "trainer.task", "train", str(run), *FLAGS],
            env={**os.environ, "TF_CONFIG": config, "CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def results(self) -> list[dict[str, Any]]:
        found = []
        for process in self.processes:
            out, errors = process.communicate()
            assert process.returncode == 0, errors
            found.append(json.loads(out))
        return found


@pytest.fixture
def start() -> Iterator[Callable[..., Pair]]:
    """Starts pairs, and leaves none behind."""
    pairs: list[Pair] = []

    def start_one(run: Path, **leader: str) -> Pair:
        pairs.append(Pair(run, **leader))
        return pairs[-1]

    yield start_one
    for process in (process for pair in pairs for process in pair.processes):
        process.kill()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_workers_shares_are_disjoint_and_complete(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    inputs = inputs_of(run)
    trips = [
        set(
            SplitReader(run, "train", inputs, ("trip_id",), worker=worker).read().carried["trip_id"]
        )
        for worker in (Worker(0, 2), Worker(1, 2))
    ]
    whole = SplitReader(run, "train", inputs, ("trip_id",)).read().carried["trip_id"]
    assert not trips[0] & trips[1]
    assert trips[0] | trips[1] == set(whole)


def test_two_workers_train_one_model_and_survive_a_death(
    regression_run: Path,
    tmp_path: Path,
    copy_of: Copy,
    start: Callable[..., Pair],
    wait_for: Callable[[Path, subprocess.Popen[str]], None],
) -> None:
    whole = copy_of(regression_run)
    # As operators of Kubernetes call it.
    chief, other = start(whole, leader="master").results()
    assert (chief["worker"], other["worker"]) == (0, 1)
    assert chief["steps_trained"] == other["steps_trained"] == 400
    assert chief["weights_sha256"] == other["weights_sha256"]
    assert other["evaluation"] is None
    mean = chief["evaluation"]["baselines"][0]
    assert chief["evaluation"]["metrics"]["rmse"] < 0.6 * mean["metrics"]["rmse"]

    killed = Path(shutil.copytree(regression_run, tmp_path / "killed"))
    pair = start(killed)
    path = killed / "training/checkpoint.npz"
    wait_for(path, pair.processes[0])
    os.kill(pair.processes[1].pid, signal.SIGKILL)
    _, told = pair.processes[0].communicate()
    assert pair.processes[0].returncode == 1
    assert "worker 0 of 2 lost the others" in told
    _, other_told = pair.processes[1].communicate()
    for index, said in enumerate((told, other_told)):  # of four files
        assert f"worker {index} of 2 reads 2,000 rows: 2 files of its own" in said
    stopped = checkpoint.load(str(path)).state.step
    assert 0 < stopped < 400

    again, other = start(killed).results()
    assert again["weights_sha256"] == other["weights_sha256"] == chief["weights_sha256"]
    with np.load(path) as mine, np.load(whole / "training/checkpoint.npz") as theirs:
        for name in set(mine.files) - {"head"}:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
