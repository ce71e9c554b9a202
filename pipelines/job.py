"""One run in the making: what it is made of, where it is staged, and how finely it is cut."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from apache_beam.io.filesystems import FileSystems

from forebay.console.words import counted
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.sinks.of_run import RunSinks
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.tables import Tables, all_inputs, text_bytes
from forebay.pipelines.transform.earlier_graph import TransformSource
from forebay.pipelines.windows.asking import Asking, AskingInPeriod
from forebay.storage.names import is_remote
from forebay.storage.run.layout import TEMPORARY
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.period import Period

# The events and requests of this much text are aggregated together; the rows of
# this much text make one shard.
KEY_PARTITION_BYTES = 64 << 20
SHARD_BYTES = 8 << 20
# Reading more text than this takes so long that two seconds do not matter; half a GiB may.
MUCH_TEXT_BYTES = 1 << 30


@dataclass
class Job:
    """One run in the making.

    Attributes:
        options: what was asked for.
        dataset: the definition.
        tables: the inputs of each table.
        folder: the staged run.
        period: the row times that ask; None: all.
        graph: the earlier run whose transform graph is used; None: one is learned.
        sinks: where rows and rejects go beside the run folder.
        temporary: the name below the staged run of the folder for what only its own steps read.
        seconds: how long each step took.
    """

    options: PreprocessOptions
    dataset: Dataset
    tables: Tables
    folder: str
    period: Period | None
    graph: TransformSource | None
    sinks: RunSinks
    temporary: str = TEMPORARY
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def shards(self) -> int:
        """How many files the rows of each split are spread over."""
        return self.options.shards or shards_of(self.tables[ROWS])

    @property
    def key_partitions(self) -> int:
        """How many parts the windows' keys are cut into."""
        return key_partitions_of(all_inputs(self.tables))

    @property
    def is_whole(self) -> bool:
        """Whether all rows become examples that a graph is learned from."""
        return self.period is None and self.graph is None

    @property
    def is_of_this_machine(self) -> bool:
        """Whether all that is read and written are files on this machine's disks."""
        return (
            all(os.path.isfile(one.path) for one in all_inputs(self.tables))
            and not is_remote(self.options.output)
            and self.sinks == RunSinks((), None)
        )

    @property
    def has_much_text(self) -> bool:
        """Whether reading takes so long that nothing is worth its memory beside it."""
        return text_bytes(all_inputs(self.tables)) > MUCH_TEXT_BYTES

    @property
    def plan(self) -> str:
        """How much there is to read, and how finely it is cut, as ``--verbose`` tells it."""
        inputs = all_inputs(self.tables)
        return (
            f"{counted(len(inputs), 'file')} of {sum(one.size for one in inputs):,} bytes; "
            f"{counted(self.shards, 'shard')} a split, windows by {self.key_partitions:,} parts "
            "of the keys"
        )

    @property
    def asking(self) -> Asking | None:
        """Which rows become examples; None: all."""
        if self.period is None:
            return None
        return AskingInPeriod(self.period, str(self.dataset.row_time))

    def path(self, *parts: str) -> str:
        """Returns a path in the staged run."""
        return str(FileSystems.join(self.folder, *parts))

    def temporary_path(self, *parts: str) -> str:
        """Returns a path of what only the run's own steps read."""
        return self.path(self.temporary, *parts)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Notes how long a step took."""
        started = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - started, 3)


def shards_of(inputs: Sequence[TableInput]) -> int:
    """Returns how many files the rows of some inputs are spread over."""
    return _parts(inputs, SHARD_BYTES)


def key_partitions_of(inputs: Sequence[TableInput]) -> int:
    """Returns how many parts the windows' keys are cut into, for all the inputs of a job."""
    return _parts(inputs, KEY_PARTITION_BYTES)


def _parts(inputs: Sequence[TableInput], part_bytes: int) -> int:
    return max(1, math.ceil(text_bytes(inputs) / part_bytes))
