"""The workers that train one model together: who they are, and how they agree.

Each worker is a process with the whole model in it, and variables of its own. All start from the
same weights and apply the same gradients, the sum over all workers, so their weights stay equal
to the bit. One worker alone is a team of one: the same calls, and nothing to wait for.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, NoReturn, TypedDict

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.storage.json_records import typed
from forebay.trainer.workers.shares import Worker
from forebay.transforms.errors import InputError, RunFailed, reason
from forebay.transforms.json_text import parse_json


class _Task(TypedDict):
    """Which of the cluster's processes this one is."""

    type: str
    index: int | str


class _Config(TypedDict):
    """What ``TF_CONFIG`` says: the addresses of all processes by their role."""

    cluster: Mapping[str, list[str]]
    task: _Task


# What does the work of roles that other programs have.
_INSTEAD = {
    "evaluator": "leave it out: the first worker evaluates, and `forebay evaluate RUN` does at any "
    "time",
    "ps": "write parameter servers as workers: each has all weights, and they add their gradients",
}
# The first of them that a cluster has leads; TensorFlow's strategy knows the first alone.
_LEADERS = ("chief", "master")


class Team:
    """One of the workers, and its line to the others.

    Args:
        worker: which of how many.
        strategy: TensorFlow's, with one replica in each worker.
    """

    def __init__(self, worker: Worker, strategy: tf.distribute.Strategy) -> None:
        self.worker = worker
        self._strategy = strategy
        self._total = tf.function(lambda value: self.run(self.total, value), reduce_retracing=True)

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self.worker.count

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes checkpoints, exports and logs, and decides."""
        return self.worker.index == 0

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls a function in which `total` may be called."""
        return self._strategy.run(function, args=args)

    def total(self, values: Any) -> Any:
        """Returns the sums over all workers of nested tensors; for functions that `run` calls."""
        replica = tf.distribute.get_replica_context()
        # Only what an operation of the replica's own makes has a device that it can be sent from.
        own = tf.nest.map_structure(tf.identity, values)
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, own)

    def gather(self, values: Sequence[float]) -> npt.NDArray[np.float64]:
        """Returns all workers' values, float64 (workers, len(values)), exactly as they gave them.

        All workers must call it at the same point. Values must be finite.
        """
        table = np.zeros((self.size, len(values)))
        table[self.worker.index] = values
        return np.asarray(self._total(tf.constant(table)))

    def as_chief_says(self, values: Sequence[float]) -> list[float]:
        """Returns the chief's values; all workers must call it at the same point."""
        return [float(value) for value in self.gather(values)[0]]

    def wait(self) -> None:
        """Waits until all workers call it."""
        self.gather([0.0])

    def agrees(self, text: str) -> bool:
        """Tells whether all workers give the same text; all must call it at the same point."""
        digest = hashlib.sha256(text.encode()).digest()
        table = self.gather([float(byte) for byte in digest])
        return bool((table == table[0]).all())

    def average(self, variables: Sequence[tf.Variable]) -> None:
        """Sets float variables to their means over all workers."""
        if self.size > 1 and variables:
            totals = self._total([tf.convert_to_tensor(variable) for variable in variables])
            for variable, total in zip(variables, totals, strict=True):
                variable.assign(total / self.size)

    def lost(self, step: int, error: Exception) -> NoReturn:
        """Ends a training whose workers can no longer reach each other.

        Raises:
            RunFailed: always.
        """
        raise RunFailed(
            f"worker {self.worker.index} of {self.size} lost the others after step {step:,}; "
            "start all workers again with the same flags, and the training continues at its last "
            "checkpoint"
        ) from error


def alone() -> Team:
    """Returns the team of one."""
    return Team(Worker(), tf.distribute.get_strategy())


def join_team(environment: MutableMapping[str, str]) -> Team:
    """Joins the workers that ``TF_CONFIG`` names, waiting until all are there.

    Must be called before TensorFlow does anything else.

    Args:
        environment: the process's; without ``TF_CONFIG`` it works alone. A master is called a
            chief in it afterwards.

    Raises:
        InputError: ``TF_CONFIG`` is not what Vertex AI, Kubernetes operators and TensorFlow's own
            documentation write, or a worker has several GPUs.
    """
    text = environment.get("TF_CONFIG", "")
    worker = worker_of(text) if text.strip() else Worker()
    if worker.count == 1:
        return alone()
    environment["TF_CONFIG"] = with_chief(text)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != worker.count:
        raise InputError(
            f"{worker.count} workers have {strategy.num_replicas_in_sync} devices; give each "
            "worker one GPU or none, such as by CUDA_VISIBLE_DEVICES=0"
        )
    return Team(worker, strategy)


def with_chief(text: str) -> str:
    """Returns a ``TF_CONFIG`` that `worker_of` takes, with its master called chief."""
    config = parse_json(text)
    chief, master = _LEADERS
    cluster, task = config["cluster"], config["task"]
    if master in cluster:
        cluster[chief] = cluster.pop(master)
    task["type"] = chief if task["type"] == master else task["type"]
    return json.dumps(config)


def worker_of(text: str) -> Worker:
    """Returns who ``TF_CONFIG`` says that this process is; raises as `join_team` does."""
    try:
        config = typed(_Config, parse_json(text))
        cluster, task = config["cluster"], config["task"]
        role, place = task["type"], int(task["index"])
        roles = [*(name for name in _LEADERS if name in cluster), "worker"]
        names = [(name, i) for name in roles for i in range(len(cluster.get(name, ())))]
    except ValueError as error:
        raise InputError(
            f"TF_CONFIG = {text!r} is not as expected ({reason(error)}); write "
            '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from error
    if (role, place) not in names:
        raise InputError(
            f"TF_CONFIG makes this process {role} {place}, and the workers are "
            f"{', '.join(f'{name} {i}' for name, i in names) or 'none'}; "
            + _INSTEAD.get(role, "start one process for each of them and no other")
        )
    return Worker(names.index((role, place)), len(names))
