"""Records of TFRecord files found by their frames, beside TensorFlow's own writer and reader."""

from __future__ import annotations

import io
from typing import Any

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.pipelines.sources.typed import frames
from forebay.pipelines.sources.typed.frames import Frame, begins_record, read_frames
from forebay.transforms.errors import InputError

FRAME = 16


def written(records: list[bytes], folder: Any) -> bytes:
    path = str(folder / "records")
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    with open(path, "rb") as source:
        return source.read()


def found(data: bytes, keep: int, start: int = 0, end: int | None = None) -> list[Frame]:
    stream = io.BytesIO(data)
    stream.seek(start)
    read = read_frames("f", stream, start, end, keep)
    return [frame for block in read for frame in block.each()]


lengths = st.one_of(st.integers(0, 40), st.sampled_from([47, 48, 49, 63, 64, 65, 200, 300]))


@given(st.lists(lengths, min_size=1, max_size=12), st.sampled_from([64, 80, 100]),
       st.integers(0, 250))  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_records_are_those_written_whatever_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], block: int, keep: int
) -> None:
    records = [bytes((i * 7 + j) % 256 for j in range(size)) for i, size in enumerate(sizes)]
    data = written(records, tmp_path_factory.mktemp("frames"))
    offsets = [0]
    for size in sizes:
        offsets.append(offsets[-1] + size + FRAME)
    wanted = [
        Frame(offset, record[: keep + 1], len(record))
        for offset, record in zip(offsets, records, strict=False)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_BLOCK_BYTES", block)
        patch.setattr(frames, "_PIECE_BYTES", 50)
        assert found(data, keep) == wanted
        middle = len(sizes) // 2
        assert found(data, keep, offsets[middle]) == wanted[middle:]
        assert found(data, keep, 0, offsets[middle]) == wanted[:middle]


@pytest.mark.parametrize("block", [64, 1 << 20])
def test_every_byte_at_fault_is_found_and_its_record_named(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(frames, "_BLOCK_BYTES", block)
    data = written([b"first", b"second" * 20, b"third"], tmp_path)
    starts = (0, 21, 157)
    assert begins_record(data)
    for place in range(len(data)):
        start = max(one for one in starts if one <= place)
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(InputError, match=f"f: the record at byte {start} is damaged"):
            found(bytes(damaged), 1000)
        assert begins_record(bytes(damaged)) == (place >= 12)


@pytest.mark.parametrize("block", [64, 1 << 20])
def test_a_file_cut_anywhere_is_told(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(frames, "_BLOCK_BYTES", block)
    data = written([b"first", b"second" * 20, b"third"], tmp_path)
    for length in range(1, len(data)):
        if length in (21, 157):
            continue  # between two records
        start = max(one for one in (0, 21, 157) if one <= length)
        with pytest.raises(InputError, match=rf"byte {start} is damaged \(the file ends within it"):
            found(data[:length], 1000)
