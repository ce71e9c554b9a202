"""A table of BigQuery as an input: one stretch for each stream of a read session."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from forebay.pipelines.sources.bigquery.address import QUERY_SCHEME, BigQuery
from forebay.pipelines.sources.bigquery.clients import Clients, faults_told
from forebay.pipelines.sources.bigquery.sessions import Session, open_session
from forebay.pipelines.sources.bigquery.streams import read_stream
from forebay.pipelines.sources.inputs import Parsed, Stretch, TableInput
from forebay.pipelines.sources.typed.input import CELL_BYTES, RowsChunk
from forebay.pipelines.sources.typed.rows import parse_batch, record_json, told_rejects
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError

# A row's offset in the input: its stream, and its offset there in so many bits.
_OFFSET_BITS = 32


@dataclass(frozen=True)
class BigQueryInput(TableInput):
    """A table of BigQuery.

    Its rows are those of one instant, that of the session: it never changes while it is read.

    Attributes:
        session: what is read.
        order: its place among all inputs.
        clients: how BigQuery is reached.
        split: the split of its rows, if it is named.
    """

    session: Session
    order: int
    clients: Clients
    split: str | None = None

    kind: ClassVar[str] = "a table of BigQuery"
    place_word: ClassVar[str] = "row"

    @property
    def path(self) -> str:  # noqa: D102
        return self.session.name

    @property
    def read_from(self) -> str:
        """The table, or the file with the query."""
        return self.path.removeprefix(QUERY_SCHEME)

    @property
    def number(self) -> int:  # noqa: D102
        return self.order

    @property
    def size(self) -> int:  # noqa: D102
        return self.session.size

    @property
    def text_bytes(self) -> int:  # noqa: D102
        return self.session.rows * len(self.session.arrow_schema) * CELL_BYTES

    @property
    def lacks(self) -> frozenset[str]:  # noqa: D102
        return self.session.lacks

    def plan(self, max_record_bytes: int) -> Generator[Stretch, None, str]:  # noqa: D102
        for stream in range(len(self.session.streams)):
            yield Stretch(stream, stream + 1)
        return self.session.fingerprint

    def chunks(self, max_record_bytes: int, stretch: Stretch | None = None) -> Iterator[RowsChunk]:  # noqa: D102
        for stream in range(*stretch or (0, len(self.session.streams))):
            yield from self._read(stream)

    def parse(self, chunk: RowsChunk, table: Source, max_record_bytes: int) -> Parsed:  # noqa: D102
        offsets = np.arange(chunk.first, chunk.first + len(chunk.batch), dtype=np.int64)
        return parse_batch(chunk.batch, offsets, table.columns, table.forgiven)

    def check_unchanged(self) -> None:
        """Does nothing: a session's rows are those of one instant."""

    def places(self, offsets: Iterable[int]) -> dict[int, str]:  # noqa: D102
        return {offset: "{}/{}".format(*_stream_place(offset)) for offset in offsets}

    def offset_of(self, place: int) -> int | None:  # noqa: D102
        raise InputError(
            f"{self.path}: rows of BigQuery have no places that last; find a row by its values, "
            "as by --row COLUMN=VALUE"
        )

    def located(self, rejects: pa.Table, max_record_bytes: int) -> Iterator[dict[str, str | int]]:  # noqa: D102
        for offset, reason, record in told_rejects(rejects, self._records):
            stream, row = _stream_place(offset)
            yield {"stream": stream, "offset": row, "reason": reason, "raw": record}

    def _read(self, stream: int, first: int = 0) -> Iterator[RowsChunk]:
        name, schema = self.session.streams[stream], self.session.arrow_schema
        with faults_told(self.path, "start again"):
            for offset, batch in read_stream(self.clients, self.path, name, schema, first):
                yield RowsChunk((stream << _OFFSET_BITS) | offset, batch)

    def _records(self, offsets: Sequence[int]) -> dict[int, bytes]:
        """Reads some rows as JSON, each of their streams from the first of them to the last."""
        found: dict[int, bytes] = {}
        by_stream: dict[int, list[int]] = {}
        for offset in offsets:
            by_stream.setdefault(_stream_place(offset)[0], []).append(offset)
        for stream, wanted in by_stream.items():
            for chunk in self._read(stream, _stream_place(wanted[0])[1]):
                end = chunk.first + len(chunk.batch)
                for offset in wanted:
                    if chunk.first <= offset < end:
                        row = chunk.batch.slice(offset - chunk.first, 1)
                        found[offset] = record_json(row)
                if wanted[-1] < end:
                    break
        return found


def _stream_place(offset: int) -> tuple[int, int]:
    """Returns a row's stream, and its offset there."""
    return offset >> _OFFSET_BITS, offset & ((1 << _OFFSET_BITS) - 1)


def open_bigquery(given: BigQuery, table: Source | None, number: int) -> BigQueryInput:
    """Opens a table, or the result of a query; see `open_session`.

    Args:
        given: the input.
        table: what it is checked against; None: nothing, and all of it is read.
        number: its place among all inputs.
    """
    clients = given.clients or Clients.from_environment()
    session = open_session(given.name, table, given.parameters, clients)
    return BigQueryInput(session, number, clients)
