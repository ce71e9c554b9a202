"""The shards of a run: the rows of each split after the windows, as Arrow files."""

from collections.abc import Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

# (split, shard number, path of its rows as an Arrow file)
Shard = tuple[str, int, str]
# (split, shard number) and the shard's rows
Rows = tuple[tuple[str, int], pa.RecordBatch]
# The same as the graph makes them: lists of each output.
Transformed = tuple[tuple[str, int], pa.RecordBatch]


class ReadShards(beam.PTransform):
    """Reads shards: (split, shard number) and the shard's rows as one record batch."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        super().__init__()
        self.shards = shards

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:  # noqa: D102
        return (
            pipeline
            | "Shards" >> beam.Create(self.shards, reshuffle=True)
            | "Read" >> beam.Map(_read).with_output_types(Rows)
        )


def _read(shard: Shard) -> Rows:
    split, number, path = shard
    return (split, number), read_shard(path)


def read_shard(path: str) -> pa.RecordBatch:
    """Returns the rows of a shard."""
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        # At once: mapped, it would be waited for bit by bit.
        return pa.ipc.open_file(source.read()).get_batch(0)
