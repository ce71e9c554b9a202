"""Sizes and checksums of files, against published values."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.storage.run import checksums
from forebay.storage.run.checksums import check_entry, file_entry, read_entry
from forebay.storage.run.manifest import FileEntry
from forebay.transforms.errors import RunFolderError

# RFC 3720, B.4, and the check value of the catalogue of CRC algorithms.
PUBLISHED = {
    b"": "00000000",
    b"123456789": "e3069283",
    bytes(32): "8a9136aa",
    b"\xff" * 32: "62a8ab43",
    bytes(range(32)): "46dd794e",
}


@pytest.mark.parametrize("content", PUBLISHED)
def test_published_checksums(content: bytes) -> None:
    expected = FileEntry(len(content), PUBLISHED[content])
    assert file_entry(content) == expected
    assert read_entry(io.BytesIO(content)) == expected


@given(st.binary(), st.binary())
def test_a_file_in_pieces_is_described_as_a_whole(head: bytes, tail: bytes) -> None:
    assert file_entry(tail, behind=file_entry(head)) == file_entry(head + tail)


def test_a_large_file_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 100
    monkeypatch.setattr(checksums, "_PIECE", 1000)
    assert read_entry(io.BytesIO(content)) == file_entry(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"12345678", r"f has 8 bytes where its listing says 9; cure"),
     (b"123456798", r"f has the checksum [0-9a-f]{8} where its listing says e3069283.*; cure")],
)  # fmt: skip
def test_another_content_is_refused(content: bytes, words: str) -> None:
    listed = FileEntry(9, "e3069283", rows=4)
    check_entry("f", file_entry(b"123456789"), listed, "cure")
    with pytest.raises(RunFolderError, match=words):
        check_entry("f", file_entry(content), listed, "cure")
