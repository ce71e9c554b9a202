"""Checksums of TFRecord frames, against published values and TensorFlow's own writer."""

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.pipelines.sinks.tfrecords.frames import crc32c, put_checksums, word_by_tables

# RFC 3720, B.4, and the check value of the catalogue of CRC algorithms.
PUBLISHED = {
    b"123456789": 0xE3069283,
    bytes(32): 0x8A9136AA,
    b"\xff" * 32: 0x62A8AB43,
    bytes(range(32)): 0x46DD794E,
    b"": 0,
}


@pytest.mark.parametrize("data", PUBLISHED)
def test_published_checksums(data: bytes) -> None:
    padded = np.frombuffer(b"abc" + data + b"defghijkl", np.uint8)
    assert int(crc32c(padded, 3, 3 + len(data))) == PUBLISHED[data]


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(0, 40), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_checksums_of_any_length(seed: bytes, times: int, start: int, before: int) -> None:
    data = seed * times
    given = np.frombuffer(bytes(start) + data, np.uint8)
    assert int(crc32c(given, start, len(given), before)) == google_crc32c.extend(before, data)


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=8))
def test_tables_say_what_the_instruction_says(data: bytes) -> None:
    before = np.frombuffer(data, np.uint8)
    word = int.from_bytes(data, "little")
    start = np.uint64(0xFFFFFFFF)
    whole = int(crc32c(before, 0, 8))
    assert int(word_by_tables(start, np.uint64(word))) ^ 0xFFFFFFFF == whole
    twice = np.concatenate([before, before])
    once_more = word_by_tables(word_by_tables(start, np.uint64(word)), np.uint64(word))
    assert int(once_more) ^ 0xFFFFFFFF == int(crc32c(twice, 0, 16))


@settings(deadline=None)  # compiled when first called
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_frames_are_what_tensorflow_writes(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes]
) -> None:
    path = str(tmp_path_factory.mktemp("frames") / "records")
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    frames = [len(r).to_bytes(8, "little") + b"????" + r + b"????" for r in records]
    out = np.frombuffer(b"".join(frames), np.uint8).copy()
    put_checksums(out, np.cumsum([len(frame) for frame in frames], dtype=np.int64))
    with open(path, "rb") as file:
        assert out.tobytes() == file.read()
