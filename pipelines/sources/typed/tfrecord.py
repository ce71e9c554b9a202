"""TFRecord files of tf.Examples: the raw columns as a served model takes them.

A time is int64 microseconds since 1970 there, or counts in the column's unit; a day int64 days; a
truth value 0 or 1; a text bytes. Numbers of tf.Examples are float32.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.console.words import counted
from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.inputs import FileInput, Hashed, Parsed, Stretch
from forebay.pipelines.sources.missing_columns import NAMED_BY_RECORDS, refuse_missing
from forebay.pipelines.sources.rejects import Reject, Told, in_order_of_offset
from forebay.pipelines.sources.typed.frames import Frame, Frames, read_frames
from forebay.pipelines.sources.typed.rows import check_schema, parse_batch, record_json
from forebay.pipelines.tfrecord_format import FRAME_BYTES
from forebay.transforms.definition.columns import Boolean, Column, Date, Numbers, Timestamp
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError
from forebay.transforms.parsing.casts import Fault, faults_of, to_mask, without
from forebay.transforms.parsing.typed_cells import type_problem

_STRETCH_BYTES = 8 << 20
_LOOKED_AT, _LONGEST_LOOKED_AT = 1000, 4 << 20
_NOT_EXAMPLE = "not a tf.Example"
_TOO_LONG = "record too long"
_SEVERAL = "several values where one is meant"


@dataclass(frozen=True)
class TFRecordFile(FileInput):
    """A TFRecord file of tf.Examples."""

    place_word: ClassVar[str] = "record"
    kind: ClassVar[str] = "TFRecord"
    records_name_fields: ClassVar[bool] = True

    @property
    def text_bytes(self) -> int:  # noqa: D102
        return self.file.text_bytes // _TIMES_TEXT

    def plan(self, max_record_bytes: int) -> Generator[Stretch, None, str]:
        """Yields stretches of whole records in one pass that also takes the fingerprint."""
        if self.file.is_sequential:
            yield Stretch(0, 0)
            return self.fingerprint()
        start = end = 0
        with self.file.open_raw() as raw:
            source = Hashed(raw)
            for frames in read_frames(self.path, source, 0, None, 0):
                for offset in frames.offsets.tolist():
                    if offset - start >= _STRETCH_BYTES:
                        yield Stretch(start, offset)
                        start = offset
                end = int(frames.offsets[-1] + frames.sizes[-1]) + FRAME_BYTES
        if end > start:
            yield Stretch(start, end)
        return source.fingerprint

    def chunks(  # noqa: D102
        self, max_record_bytes: int, stretch: Stretch | None = None
    ) -> Iterator[Frames]:
        whole = stretch is None or self.file.is_sequential
        start, end = (0, None) if whole or stretch is None else stretch
        return self._frames(start, end, max_record_bytes)

    def share_of(self, chunk: Frames) -> float:  # noqa: D102
        read = int(chunk.sizes.sum()) + FRAME_BYTES * len(chunk.sizes)
        return read / max(read, self.file.text_bytes)

    def parse(self, chunk: Frames, table: Source, max_record_bytes: int) -> Parsed:  # noqa: D102
        chunk, rejects = without_long(chunk, max_record_bytes)
        parts, odd = decoded_parts(chunk)
        none = chunk.part(slice(0)), pa.RecordBatch.from_pydict({})
        kinds = _kinds(table.columns)
        parsed = [_parse(*part, kinds, table.forgiven) for part in parts or [none]]
        rejects += odd + [reject for part in parsed for reject in part.rejects]
        rejects.sort(key=lambda reject: reject.offset)
        unread = sum((Counter(part.unread) for part in parsed), Counter[str]())
        return Parsed(pa.concat_batches([part.rows for part in parsed]), rejects, unread)

    def places(self, offsets: Iterable[int]) -> dict[int, int]:  # noqa: D102
        wanted = set(offsets)
        numbered = enumerate(self._each(0), 1)
        return {frame.offset: number for number, frame in numbered if frame.offset in wanted}

    def offset_of(self, place: int) -> int | None:  # noqa: D102
        numbered = enumerate(self._each(0), 1)
        return next((frame.offset for number, frame in numbered if number == place), None)

    def located(self, rejects: pa.Table, max_record_bytes: int) -> Iterator[dict[str, str | int]]:  # noqa: D102
        wanted: dict[int, list[Told]] = {}
        for one in in_order_of_offset(rejects):
            wanted.setdefault(one.offset, []).append(one)
        for number, frame in enumerate(self._each(max_record_bytes), 1):
            for _, reason, raw in wanted.get(frame.offset, ()):
                record = _shown(frame.data) if raw is None else raw
                yield {
                    "record": number, "offset": frame.offset, "reason": reason,
                    "raw": record.decode("utf-8", "replace"),
                }  # fmt: skip

    def _each(self, keep: int) -> Iterator[Frame]:
        """Yields all records one by one, as `_frames`."""
        for frames in self._frames(0, None, keep):
            yield from frames.each()

    def _frames(self, start: int, end: int | None, keep: int) -> Iterator[Frames]:
        """Yields records by blocks, up to ``keep`` bytes and one more of each."""
        with self.file.open() as source:
            if start:
                source.seek(start)
            yield from read_frames(self.path, source, start, end, keep)


# How much longer a tf.Example is than the row as text.
_TIMES_TEXT = 6


def open_tfrecord(file: SourceFile, table: Source | None) -> TFRecordFile:
    """Looks at the first records of a file and checks their features against a table.

    Raises:
        InputError: none of them has a column, or it is of another type.
    """
    opened = TFRecordFile(file)
    frames = next(opened.chunks(_LONGEST_LOOKED_AT))
    try:
        batch = decoded(frames.data[:_LOOKED_AT])
    except ValueError as error:
        raise InputError(
            f"{file.path}: its first records are not tf.Examples of one kind ({error}); write "
            "records of tf.train.Example, each feature of one type"
        ) from error
    if table is None:
        return opened
    kinds, names = _kinds(table.columns), batch.schema.names
    what = f"feature in its first {counted(len(batch), 'record')}"
    refuse_missing(names, table.fields(table.optional), file.path, what, NAMED_BY_RECORDS)
    singles = [(field.name, _single_type(field, table.columns)) for field in batch.schema]
    lacks = table.lacking(names)
    present = {name: kind for name, kind in kinds.items() if name not in lacks}
    check_schema(pa.schema(singles), Source(columns=present), file.path)
    return replace(opened, lacks=lacks)


def _single_type(field: pa.Field, columns: Mapping[str, Column]) -> pa.DataType:
    kinds = {field: kind for name, kind in columns.items() for field in kind.fields(name)}
    kind = kinds.get(field.name)
    if not pa.types.is_list(field.type) and not pa.types.is_large_list(field.type):
        return field.type
    value = field.type.value_type
    if isinstance(kind, Date) and pa.types.is_int64(value):
        return pa.date32()
    return pa.list_(value) if isinstance(kind, Numbers) and not _is_bytes(value) else value


def _is_bytes(given: pa.DataType) -> bool:
    return bool(pa.types.is_binary(given) or pa.types.is_large_binary(given))


def _kinds(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Returns the columns as tf.Examples hold them."""
    return {
        name: replace(kind, format=None, unit=kind.unit or "us")
        if isinstance(kind, Timestamp) else kind
        for name, kind in columns.items()
    }  # fmt: skip


def decoded(records: Sequence[bytes]) -> pa.RecordBatch:
    """Decodes tf.Examples; each feature becomes a column of lists.

    Raises:
        ValueError: one is none, or a feature is of two types.
    """
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    try:
        return ExamplesToRecordBatchDecoder().DecodeBatch(list(records))
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def decoded_parts(frames: Frames) -> tuple[list[tuple[Frames, pa.RecordBatch]], list[Reject]]:
    """Decodes tf.Examples in as few parts as they allow, one where all are of one kind.

    Returns:
        records that are of one kind, as `decoded` does, in order; and those that are none.
    """
    count = len(frames.data)
    if not count:
        return [], []
    try:
        return [(frames, decoded(frames.data))], []
    except ValueError as error:
        if count == 1:
            reason = f"{_NOT_EXAMPLE} ({error})"
            return [], [
                Reject(int(frames.offsets[0]), reason, _base64(frames.data[0]), _NOT_EXAMPLE)
            ]
    halves = frames.part(slice(count // 2)), frames.part(slice(count // 2, None))
    (first, bad), (second, worse) = map(decoded_parts, halves)
    return first + second, bad + worse


def without_long(frames: Frames, max_record_bytes: int) -> tuple[Frames, list[Reject]]:
    """Returns the records that are not too long, and the others as rejects."""
    long = frames.sizes > max_record_bytes
    rejects = [
        Reject(int(frames.offsets[row]), f"longer than {max_record_bytes} bytes",
               _base64(frames.data[row]), _TOO_LONG)
        for row in np.flatnonzero(long).tolist()
    ]  # fmt: skip
    return frames.without(long) if rejects else frames, rejects


def _parse(
    frames: Frames, batch: pa.RecordBatch, kinds: Mapping[str, Column], forgiven: Collection[str]
) -> Parsed:
    """Turns decoded records into rows and rejects."""
    offsets, records = frames.offsets, len(frames.data)
    strict = {one for name in kinds if name not in forgiven for one in kinds[name].fields(name)}
    fields = {field: kind for name, kind in kinds.items() for field in kind.fields(name)}
    columns: dict[str, pa.Array] = {}
    causes: dict[int, list[str]] = {}
    for field, kind in fields.items():
        values = batch[field] if field in batch.schema.names else None
        columns[field], faults = _held(*single_values(values, kind, records), kind)
        for fault in faults if field in strict else ():
            for row in np.flatnonzero(fault.mask).tolist():
                causes.setdefault(row, []).append(f"{field}: {fault.text}")
    kinds = {name: _as_held(kind, name, columns) for name, kind in kinds.items()}
    good = np.ones(records, np.bool_)
    good[list(causes)] = False
    chosen = pa.RecordBatch.from_pydict(columns).filter(pa.array(good))
    parsed = parse_batch(chosen, offsets[good], kinds, forgiven)
    rejects = [
        Reject(int(offsets[row]), "; ".join(found), _shown(frames.data[row]), found[0])
        for row, found in causes.items()
    ]
    return Parsed(parsed.rows, [*rejects, *parsed.rejects], parsed.unread)


def _held(
    values: pa.Array, several: npt.NDArray[np.bool_], kind: Column
) -> tuple[pa.Array, list[Fault]]:
    """Returns what `single_values` does as a column's kind holds it, null where it cannot."""
    values, faults = without(values, several), faults_of((several, _SEVERAL))
    if isinstance(kind, Date) and pa.types.is_int64(values.type):
        days = values.fill_null(0).to_numpy()
        far = days != days.astype(np.int32)
        held = without(values, far).cast(pa.int32()).view(pa.date32())
        return held, [*faults, *faults_of((far, "outside the years 1 to 9999"))]
    problem = type_problem(values.type, kind)
    if problem is None:
        return values, faults
    return pa.nulls(len(values)), [*faults, *faults_of((to_mask(values.is_valid()), problem))]


def _as_held(kind: Column, name: str, columns: Mapping[str, pa.Array]) -> Column:
    """Returns a kind as its values are: numbers are truth values as 0 and 1, whatever texts are."""
    if isinstance(kind, Boolean) and pa.types.is_int64(columns[kind.fields(name)[0]].type):
        return replace(kind, true=("1",), false=("0",))
    return kind


def single_values(
    values: pa.Array | None, kind: Column | None, n: int
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Returns a feature's one value in each record, and which have several, bool (n,).

    Args:
        values: a list for each record; None: no record has the feature.
        kind: what the definition says of it, if there is one.
        n: how many records there are.
    """
    none = np.zeros(n, np.bool_)
    if values is None or pa.types.is_null(values.type):
        return pa.nulls(n), none
    if isinstance(kind, Numbers) and not _is_bytes(values.type.value_type):
        return values, none
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy()
    starts = values.offsets.to_numpy()[:-1]
    index = pa.array(np.where(lengths > 0, starts, 0), mask=lengths == 0)
    single = values.values.take(index)
    return single, lengths > 1


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data)


def _shown(record: bytes) -> bytes:
    try:
        return record_json(decoded([record]))
    except ValueError:
        return _base64(record)
