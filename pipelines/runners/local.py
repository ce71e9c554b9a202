"""The engine of one machine: threads of this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.runners.engine import Engine, Work

# Below so much text one worker is faster, inside the calling thread: for several, Beam cuts every
# bundle, serializes what goes to each, and adds up what they measured.
_ONE_WORKER_BYTES = 8 << 20


@dataclass(frozen=True)
class Local(Engine):
    """This process, on all cores unless rows are few."""

    name: ClassVar[str] = "local"
    is_here: ClassVar[bool] = True

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Gives the options of Beam's local runner.

        Threads, not processes: the heavy steps are C++ and compiled kernels that release the
        interpreter lock, and each process would import TensorFlow anew.
        """
        from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

        given = PipelineOptions(list(work.beam)).view_as(DirectOptions)
        if work.text_bytes < _ONE_WORKER_BYTES and given.direct_num_workers == 1:
            yield ("--runner=FnApiRunner",)
            return
        yield (
            "--runner=FnApiRunner",
            "--direct_running_mode=multi_threading",
            f"--direct_num_workers={usable_cores()}",
        )
