"""What predictions for a table are asked for with, free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forebay.pipelines.options import WINDOW_MEMORY_MB, check_limits
from forebay.pipelines.runners.engine import Engine

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Inputs
    from forebay.transforms.definition.dataset import Dataset


@dataclass(frozen=True)
class PredictOptions:
    """What ``forebay predict`` is asked to do with a table.

    Attributes:
        model: an exported model, or a folder of them, of which the newest is taken.
        inputs: the rows to answer: files or globs, ``-`` for standard input, or tables in memory.
            They need no label, nor what only windows read.
        history: earlier rows of the same table, which windows look at beside the new ones. A row
            that stands in both is one row.
        sources: the tables of each of the definition's sources.
        definition: the definition that the model was made with, whose file's functions derive
            columns; None: its functions are to be importable.
        batch_size: rows per call of the model.
        max_record_bytes: longer records are rejected.
        max_reject_fraction: a greater share of rejected records of the history, or of a source,
            ends the work.
        window_memory_mb: MiB that a worker thread may take for the events of windows
            (docs/concepts/memory.md).
        beam: Beam's own options.
    """

    model: str
    inputs: Inputs
    history: Inputs = ()
    sources: Mapping[str, Inputs] = field(default_factory=dict)
    definition: str | Dataset | None = None
    batch_size: int = 1024
    max_record_bytes: int = 1 << 20
    max_reject_fraction: float = 0.01
    window_memory_mb: int = WINDOW_MEMORY_MB
    beam: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class PredictFolderOptions(PredictOptions):
    """What ``forebay predict`` is asked to do with a table whose answers workers write.

    Attributes:
        output: a new folder for the predictions, as Parquet files in the order of the input, for
            rejects and for ``counts.json``, which is written last.
        on: the engine that the pipeline runs on: its name, or an engine with its options.
        dry_run: with ``on`` ``dataflow``, a new folder to which its job is written: nothing is
            sent, and nothing is answered; None: the rows are answered.
    """

    output: str = field(kw_only=True)
    on: str | Engine = field(default="local", kw_only=True)
    dry_run: str | None = field(default=None, kw_only=True)
