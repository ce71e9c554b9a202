"""Inputs whose records are lines of text, or begin on one: CSV and JSON lines."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from forebay.pipelines.sources.inputs import FileInput, Hashed, Stretch
from forebay.pipelines.sources.text.lines import line_of, located, offset_of_line
from forebay.pipelines.sources.text.ranges import plan_ranges, read_chunks
from forebay.transforms.definition.table_formats import CsvFormat

# A stretch is parsed whole: some 80,000 rows of ordinary width at most, large enough that what each
# batch costs is small beside its rows and small enough that two cores share one middling file.
STRETCH_BYTES = 8 << 20
_BLOCK = 1 << 20


@dataclass(frozen=True)
class TextChunk:
    """Whole records: where they start in the text, and their bytes."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class TextInput(FileInput):
    """A file of text.

    Attributes:
        format: what a record is in it.
        data_offset: where its first record begins.
    """

    format: CsvFormat
    data_offset: int

    place_word: ClassVar[str] = "line"

    @property
    @abstractmethod
    def fields(self) -> int:
        """How many fields a good record has; `ANY_ARITY` where they are not counted."""

    def plan(self, max_record_bytes: int) -> Generator[Stretch, None, str]:
        """Cuts the text at records, in one sequential pass that also takes its fingerprint."""
        with self.file.open_raw() as raw:
            source = Hashed(raw)
            if self.file.is_sequential:
                yield Stretch(self.data_offset, self.data_offset)
                while source.read(_BLOCK):
                    pass
            else:
                yield from plan_ranges(
                    source, self.format, self.fields, max_record_bytes, self._stretch_bytes,
                    self.data_offset,
                )  # fmt: skip
        return source.fingerprint

    @property
    def _stretch_bytes(self) -> int:
        """How long stretches are so that all are alike: workers get the same number of them."""
        size = max(1, self.size - self.data_offset)
        return math.ceil(size / math.ceil(size / STRETCH_BYTES))

    def chunks(self, max_record_bytes: int, stretch: Stretch | None = None) -> Iterator[TextChunk]:  # noqa: D102
        with self.file.open() as source:
            if stretch is not None and not self.file.is_sequential:
                source.seek(stretch.start)
                yield TextChunk(stretch.start, source.read(stretch.end - stretch.start))
                return
            for offset, data in read_chunks(
                source, self.format, self.fields, max_record_bytes, STRETCH_BYTES,
                self.data_offset, self.path,
            ):  # fmt: skip
                yield TextChunk(offset, data)

    def share_of(self, chunk: TextChunk) -> float:  # noqa: D102
        return len(chunk.data) / max(len(chunk.data), self.text_bytes - self.data_offset)

    def places(self, offsets: Iterable[int]) -> dict[int, int]:  # noqa: D102
        with self.file.open() as source:
            return line_of(source, offsets)

    def offset_of(self, place: int) -> int | None:  # noqa: D102
        with self.file.open() as source:
            return offset_of_line(source, place)

    def located(self, rejects: pa.Table, max_record_bytes: int) -> Iterator[dict[str, str | int]]:  # noqa: D102
        with self.file.open() as source:
            yield from located(rejects, source, self.format, max_record_bytes)
