"""What every kind of file has in common as a sink: its name, and that it is written whole."""

from __future__ import annotations

import shutil
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pyarrow as pa

from forebay.pipelines.sinks.outputs import TableOutput
from forebay.pipelines.sources.files import file_systems
from forebay.storage.named_files import check_output, written_whole
from forebay.storage.names import is_remote
from forebay.transforms.errors import InputError, reason

STANDARD_OUTPUT = "-"
# The store that writes a file whole, and an empty one too.
_STORE = "gs://"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileOutput(TableOutput):
    """A file that has its name when all is written.

    Attributes:
        path: its name; ``-`` is standard output.
        option: what it was given by, for errors.
        inputs: files that are read, by whatever names: they are not replaced.
        sparse: whether what is missing is left out, where a row names its values.
    """

    path: str
    option: str
    inputs: tuple[str, ...] = ()
    sparse: bool = False

    @property
    def name(self) -> str:  # noqa: D102
        return self.path

    @abstractmethod
    def write_to(
        self, stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """Writes rows to a stream."""

    def check(self, schema: pa.Schema) -> None:  # noqa: D102
        if is_remote(self.path):
            if not self.path.startswith(_STORE):
                raise InputError(
                    f"{self.option} {self.path!r}: files are written to disks and to {_STORE} "
                    "alone; name one there"
                )
            if self.path in self.inputs:
                raise InputError(
                    f"{self.option} {self.path!r} is one of the files that are read; choose another"
                )
        elif self.path != STANDARD_OUTPUT:
            check_output(self.path, self.option, self.inputs)

    def write(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:  # noqa: D102
        with self._opened() as stream:
            self.write_to(stream, schema, batches)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if self.path == STANDARD_OUTPUT:
            yield sys.stdout.buffer
        elif is_remote(self.path):
            with _remote(self.path, self.option) as stream:
                yield stream
        else:
            with written_whole(self.path, self.option, self.inputs) as stream:
                yield stream


@contextmanager
def _remote(path: str, option: str) -> Iterator[IO[bytes]]:
    """Opens what becomes an object of a store when all of it is written."""
    from apache_beam.io.filesystem import CompressionTypes

    with tempfile.TemporaryFile() as here:  # a stream to a store cannot be taken back
        yield here
        here.seek(0)
        try:
            kind = CompressionTypes.UNCOMPRESSED
            with file_systems(path).create(path, compression_type=kind) as there:
                shutil.copyfileobj(here, there, _BLOCK)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{option} {path!r} cannot be written ({reason(error)}); check the name and your "
                "rights"
            ) from error
