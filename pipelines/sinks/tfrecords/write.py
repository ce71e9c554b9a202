"""Writes transformed shards as TFRecord files."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.sinks.run_folder import write_file
from forebay.pipelines.sinks.tfrecords.encode import encode_examples
from forebay.pipelines.tallies.tallies import Tally
from forebay.pipelines.transform.read import Transformed
from forebay.storage.run.layout import EXAMPLES_FOLDER

# Examples encoded at a time: a few megabytes, which the allocator hands out again and again. A
# whole shard in one piece spent more on fresh pages from the system than on encoding.
ENCODED_ROWS = 4_096


_GZIP_WBITS = 31  # zlib's word for gzip's header, without a time, and the largest window


class WriteExamples(beam.PTransform):
    """Writes each transformed shard as a TFRecord file of tf.Examples.

    Input: `Transformed`. Output: `Tally` elements: each file's entry, and the rows written of
    each split.
    """

    def __init__(self, folder: str, gzip: bool) -> None:
        super().__init__()
        self.folder = folder
        self.gzip = gzip

    def expand(self, batches: beam.PCollection) -> beam.PCollection:  # noqa: D102
        return batches | beam.ParDo(_WriteExamples(self.folder, self.gzip))


class _WriteExamples(beam.DoFn):
    def __init__(self, folder: str, gzip: bool) -> None:
        self._folder = folder
        self._gzip = gzip

    def process(self, element: Transformed) -> Iterator[Tally]:
        (split, number), batch = element
        name = f"{EXAMPLES_FOLDER}/{split}/part-{number:05d}.tfrecord" + ".gz" * self._gzip
        encoded = (piece.data for piece in encode_examples(batch, ENCODED_ROWS))
        pieces = _gzipped(encoded) if self._gzip else encoded
        entry = write_file(FileSystems.join(self._folder, name), pieces)
        yield ("files", name, asdict(replace(entry, rows=len(batch))))
        yield ("written", split, len(batch))


def _gzipped(pieces: Iterable[memoryview]) -> Iterator[bytes]:
    compressor = zlib.compressobj(level=6, wbits=_GZIP_WBITS)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()
