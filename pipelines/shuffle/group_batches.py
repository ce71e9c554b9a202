"""Grouping of record batches by partition: references through the runner, or the rows themselves.

Local runners hold in memory whatever they group, several times over, and Python's pickling of it
costs more than the work. So batches are written to files under the temporary location, and only
references to their pieces go through Beam's own grouping: about 200 bytes for 16,384 rows, on every
runner.

A group then reads of every file, so that requests grow with the product of both. Where tables are
so large that this outweighs their bytes, a service that shuffles by itself carries the rows, and
each group's are written as one file: see docs/how-to/leave-one-machine.md.
"""

import argparse
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from forebay.pipelines.free_memory import give_back_free_memory
from forebay.pipelines.shuffle.pieces import (
    Partitioned,
    Piece,
    new_file,
    read_pieces,
    sorted_pieces,
)

# What a worker thread holds before it writes: large enough that the pieces of one partition are
# hundreds of rows, small beside a worker's memory.
SPILL_BYTES = 128 << 20

FILES, RUNNER = "files", "runner"


class ShuffleOptions(PipelineOptions):
    """Beam's options for how rows are grouped."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--shuffle_by", choices=(FILES, RUNNER), default=FILES,
            help="what brings rows together: files that references lead to, or the runner",
        )  # fmt: skip


@dataclass(frozen=True)
class Group:
    """The rows that met in one partition of one stage, still in files.

    Attributes:
        stage, partition: the stage and the partition in which they met.
        pieces: the rows.
    """

    stage: str
    partition: int
    pieces: tuple[Piece, ...]

    def of(self, stream: str) -> list[Piece]:
        """Returns the pieces of a stream, in arbitrary order."""
        return [piece for piece in self.pieces if piece.stream == stream]

    def tables(self) -> dict[str, pa.Table]:
        """Reads all rows by stream, in arbitrary order."""
        streams = dict.fromkeys(piece.stream for piece in self.pieces)
        return {stream: read_pieces(self.of(stream)) for stream in streams}


class GroupBatches(beam.PTransform):
    """Brings the rows of each (stage, partition) together.

    Input: a tuple of PCollections of `Partitioned`. Output: `Group` elements, one for each
    (stage, partition) that has rows.

    Args:
        temp_location: a folder that all workers can write to and read from.
        spill_bytes: what a worker thread holds of an input before it writes.
    """

    def __init__(self, temp_location: str, spill_bytes: int = SPILL_BYTES) -> None:
        super().__init__()
        self.temp_location = temp_location
        self.spill_bytes = spill_bytes

    def expand(self, inputs: Any) -> beam.PCollection:  # noqa: D102
        by = inputs[0].pipeline.options.view_as(ShuffleOptions).shuffle_by
        send: _HeldRows = (
            _SendRows(self.spill_bytes)
            if by == RUNNER
            else _WritePieces(self.temp_location, self.spill_bytes)
        )
        # Each input is written where it is made: a Flatten of batches would be materialised.
        sent = tuple(batches | f"Send{i}" >> beam.ParDo(send) for i, batches in enumerate(inputs))
        grouped = sent | "FlattenSent" >> beam.Flatten() | "GroupSent" >> beam.GroupByKey()
        if by == RUNNER:
            return grouped | "ToGroup" >> beam.Map(_written, self.temp_location, self.spill_bytes)
        return grouped | "ToGroup" >> beam.Map(_to_group)


class _HeldRows(beam.DoFn, ABC):
    """Holds batches, and emits what stands for them, by partition, when they are enough."""

    def __init__(self, spill_bytes: int) -> None:
        self._spill_bytes = spill_bytes

    def start_bundle(self) -> None:
        self._held: dict[tuple[str, str], list[Partitioned]] = defaultdict(list)
        self._bytes = 0

    def process(self, element: Partitioned) -> Iterator[tuple[tuple[str, int], tuple[Any, ...]]]:
        self._held[element.stage, element.stream].append(element)
        self._bytes += element.batch.nbytes
        if self._bytes >= self._spill_bytes:
            yield from self._released()
            give_back_free_memory()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for sent in self._released():
            yield WindowedValue(sent, MIN_TIMESTAMP, [GlobalWindow()])

    def _released(self) -> Iterator[tuple[tuple[str, int], tuple[Any, ...]]]:
        held = self._held
        self.start_bundle()
        return self._sent(held) if held else iter(())

    @abstractmethod
    def _sent(
        self, held: dict[tuple[str, str], list[Partitioned]]
    ) -> Iterator[tuple[tuple[str, int], tuple[Any, ...]]]:
        """Yields what stands for rows, by stage and partition."""


class _WritePieces(_HeldRows):
    """Writes batches sorted by partition and emits a reference to each piece."""

    def __init__(self, folder: str, spill_bytes: int) -> None:
        super().__init__(spill_bytes)
        self._folder = folder

    def _sent(
        self, held: dict[tuple[str, str], list[Partitioned]]
    ) -> Iterator[tuple[tuple[str, int], tuple[Any, ...]]]:
        references = []
        with new_file(self._folder) as writer:
            for (stage, stream), batches in held.items():
                for partition, piece in writer.write(stream, batches):
                    references.append(((stage, partition), tuple(piece)))
        yield from references  # only now is the file complete and readable


class _SendRows(_HeldRows):
    """Emits the rows themselves by partition: their stream, its times, and a stream of Arrow."""

    def _sent(
        self, held: dict[tuple[str, str], list[Partitioned]]
    ) -> Iterator[tuple[tuple[str, int], tuple[Any, ...]]]:
        for (stage, stream), batches in held.items():
            for partition, piece in sorted_pieces(batches):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, piece.schema) as writer:
                    writer.write_batch(piece)
                rows = sink.getvalue().to_pybytes()
                yield (stage, partition), (stream, batches[0].times, rows)


def _written(
    group: tuple[tuple[str, int], Iterable[tuple[Any, ...]]],
    folder: str,
    spill_bytes: int,
) -> Group:
    """Writes the rows that a runner brought together as one file."""
    (stage, partition), sent = group
    pieces: list[Piece] = []
    with new_file(folder) as writer:
        held: dict[str, list[Partitioned]] = defaultdict(list)
        nbytes = 0

        def write() -> None:
            for stream, batches in held.items():
                pieces.extend(piece for _, piece in writer.write(stream, batches))
            held.clear()

        for stream, times, rows in sent:
            for batch in pa.ipc.open_stream(rows):
                part = np.full(len(batch), partition, np.int64)
                held[stream].append(Partitioned(stage, stream, part, batch, times))
                nbytes += batch.nbytes
            if nbytes >= spill_bytes:
                write()
                nbytes = 0
        write()
    return Group(stage, partition, tuple(pieces))


def _to_group(group: tuple[tuple[str, int], Iterable[tuple[Any, ...]]]) -> Group:
    (stage, partition), pieces = group
    return Group(stage, partition, tuple(Piece(*piece) for piece in pieces))
