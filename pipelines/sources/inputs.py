"""What a table is read from, whatever its kind: the one interface of every source.

An input is cut into stretches that workers read by themselves; a stretch is read in chunks of
bounded size, and a chunk becomes typed rows and rejects. Each record of an input has an offset: the
byte at which it starts where records are lines of text, its number where they are not.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import IO, Any, ClassVar, NamedTuple

import pyarrow as pa

from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import row_place
from forebay.transforms.definition.sources import Source

_BLOCK = 1 << 20


class Stretch(NamedTuple):
    """A part of an input, from ``start`` to before ``end``, counted as its kind counts."""

    start: int
    end: int


class Parsed(NamedTuple):
    """What a chunk held.

    Attributes:
        rows: the table's columns, of their Arrow types, and `ROW_OFFSET`, in order of offset.
        rejects: the records that became no row.
        unread: how many cells of the rows are missing for they cannot be read, by column.
    """

    rows: pa.RecordBatch
    rejects: list[Reject]
    unread: Mapping[str, int] = MappingProxyType({})


class TableInput(ABC):
    """A file of a table, or something like one."""

    kind: ClassVar[str]
    """Its format, for people."""
    place_word: ClassVar[str]
    """What people count to find a record in it: lines, or rows."""
    records_name_fields: ClassVar[bool] = False
    """Whether each record names its fields, so that the first ones tell what the input lacks."""

    @property
    @abstractmethod
    def path(self) -> str:
        """Its name for people, and in the manifest."""

    @property
    def read_from(self) -> str:
        """The name of what no output of the same command may replace: a file, or a table."""
        return self.path

    @property
    @abstractmethod
    def number(self) -> int:
        """Its place among all inputs that are read, from 0."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many bytes it takes where it is."""

    @property
    @abstractmethod
    def text_bytes(self) -> int:
        """About how long its rows are as text, bytes."""

    @property
    @abstractmethod
    def split(self) -> str | None:
        """The split of its rows, if it is named; None: the definition's split tells."""

    @property
    @abstractmethod
    def lacks(self) -> frozenset[str]:
        """The optional columns of its table that it is known not to have."""

    def of_split(self, split: str | None) -> TableInput:
        """Returns the input with the split of its rows."""
        return replace(self, split=split)  # type: ignore[type-var]

    @abstractmethod
    def plan(self, max_record_bytes: int) -> Generator[Stretch, None, str]:
        """Yields the stretches that are read by themselves, and returns the content's fingerprint.

        Raises:
            InputError: the input cannot be read to its end.
        """

    @abstractmethod
    def chunks(self, max_record_bytes: int, stretch: Stretch | None = None) -> Iterator[Any]:
        """Yields a stretch, or all of the input, in chunks for `parse`.

        Raises:
            InputError: the input cannot be read to its end.
        """

    @abstractmethod
    def parse(self, chunk: Any, table: Source, max_record_bytes: int) -> Parsed:
        """Turns a chunk into rows and rejects."""

    @abstractmethod
    def check_unchanged(self) -> None:
        """Raises an InputError where the input is no longer what it was when it was found."""

    @abstractmethod
    def places(self, offsets: Iterable[int]) -> Mapping[int, int | str]:
        """Returns what people call the place of each offset: a line or a row, counted from 1."""

    @abstractmethod
    def offset_of(self, place: int) -> int | None:
        """Returns the offset of such a number; None where the input ends before."""

    @abstractmethod
    def located(self, rejects: pa.Table, max_record_bytes: int) -> Iterator[dict[str, str | int]]:
        """Yields where each reject is, why it is one, and its record as text.

        Args:
            rejects: `ROW`, ``reason`` and ``raw``.
            max_record_bytes: the greatest length of a record.
        """


@dataclass(frozen=True)
class FileInput(TableInput):
    """A file of a table.

    Attributes:
        file: the file.
        lacks: the optional columns of its table that it is known not to have.
        split: the split of its rows, if it is named.
    """

    file: SourceFile
    lacks: frozenset[str] = field(default=frozenset(), kw_only=True)
    split: str | None = field(default=None, kw_only=True)

    @property
    def path(self) -> str:  # noqa: D102
        return self.file.path

    @property
    def number(self) -> int:  # noqa: D102
        return self.file.number

    @property
    def size(self) -> int:  # noqa: D102
        return self.file.size

    @property
    def text_bytes(self) -> int:  # noqa: D102
        return self.file.text_bytes

    def check_unchanged(self) -> None:  # noqa: D102
        self.file.check_unchanged()

    @abstractmethod
    def share_of(self, chunk: Any) -> float:
        """Returns about which share of the file's records a chunk of it holds."""

    def fingerprint(self) -> str:
        """Reads the file and returns the fingerprint of its bytes."""
        with self.file.open_raw() as raw:
            source = Hashed(raw)
            while source.read(_BLOCK):
                pass
        return source.fingerprint


class Hashed:
    """A stream that takes the SHA-256 of what is read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    @property
    def fingerprint(self) -> str:
        """What identifies the bytes read so far."""
        return f"sha256:{self._digest.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes of the stream."""
        data = self._stream.read(size)
        self._digest.update(data)
        return data


def places_of(inputs: Sequence[TableInput], rows: Iterable[int]) -> dict[int, str]:
    """Returns where rows are as FILE:LINE or FILE:ROW, by identity, in one pass over each input."""
    wanted = {identity: row_place(identity) for identity in rows}
    offsets: dict[int, set[int]] = {}
    for number, offset in wanted.values():
        offsets.setdefault(number, set()).add(offset)
    places = {number: inputs[number].places(mine) for number, mine in offsets.items()}
    return {
        identity: f"{inputs[number].path}:{places[number][offset]}"
        for identity, (number, offset) in wanted.items()
    }


def place_of(inputs: Sequence[TableInput], identity: int) -> str:
    """Returns where a row is, as `places_of`."""
    return places_of(inputs, [identity])[identity]
