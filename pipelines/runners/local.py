"""The engine of one machine: threads of this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.runners.engine import Engine, Work


@dataclass(frozen=True)
class Local(Engine):
    """This process, on all cores."""

    name: ClassVar[str] = "local"
    is_here: ClassVar[bool] = True

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Gives the options of Beam's local runner.

        Threads, not processes: the heavy steps are C++ and compiled kernels that release the
        interpreter lock, and each process would import TensorFlow anew.
        """
        yield (
            "--runner=FnApiRunner",
            "--direct_running_mode=multi_threading",
            f"--direct_num_workers={usable_cores()}",
        )
