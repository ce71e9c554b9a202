"""What Python's csv module writes is read back, in ranges of any size; damage stays where it is."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import pairwise
from typing import NamedTuple
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.pipelines.sources.csv.header import read_header
from forebay.pipelines.sources.csv.parse import parse_chunk
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.pipelines.sources.text import ranges as csv_ranges
from forebay.pipelines.sources.text.ranges import plan_ranges, read_chunks
from forebay.transforms.definition.columns import String
from forebay.transforms.definition.table_formats import CsvFormat

LIMIT = 500
CSV = CsvFormat()

nasty = st.text(st.sampled_from('ab"",,\n\r é\t;\0'), max_size=6)
# Cells that begin and end with a letter: where a record is damaged, what follows it then cannot
# be read as its continuation.
bounded = st.builds("a{}a".format, st.text(st.sampled_from('ab",\n\r'), max_size=4))
plain = st.text(st.sampled_from("abc"), max_size=3)


class File(NamedTuple):
    cells: list[list[str]]
    starts: list[int]  # of the records, in the text
    data: bytes  # with a header, after which the records start at starts[0]


@st.composite
def files(draw: st.DrawFn, cell: st.SearchStrategy[str]) -> File:
    """Draws a file: line ends, quoting, blank lines, byte-order mark and last line vary."""
    width = draw(st.integers(1, 4))
    cells = draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=8))
    ends = st.sampled_from([draw(st.sampled_from(["\n", "\r\n", "\r"]))] * 3 + ["\n", "\r\n"])
    parts = [draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))]
    parts.append(",".join(f"c{i}" for i in range(width)).encode() + b"\n")
    starts = []
    for row in cells:
        starts.append(sum(map(len, parts)))
        end = draw(ends)
        parts.append(write_row(row, draw(st.booleans()), end))
        if parts[-1].endswith(b"\n"):  # after a lone CR, LF would be the rest of a CRLF
            parts.append(draw(st.sampled_from([b"", b"", b"\n", b"\r\n", b"\r"])))
            if parts[-1] == b"\r":
                parts[-1] = b"\r\r\n"
    data = b"".join(parts)
    if draw(st.booleans()):
        data = data.rstrip(b"\r\n")
    return File(cells, starts, data)


def write_row(row: list[str], all_quoted: bool, end: str) -> bytes:
    # Python 3.11 does not quote a line end other than its own.
    risky = any("\r" in cell or "\n" in cell for cell in row)
    quoting = csv.QUOTE_ALL if all_quoted or risky else csv.QUOTE_MINIMAL
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=quoting, lineterminator=end).writerow(row)
    return stream.getvalue().encode()


def parse(
    pieces: list[tuple[int, bytes]], names: tuple[str, ...]
) -> tuple[dict[int, list[str]], list[Reject]]:
    """Returns the cells of every row by its offset, and the rejects."""
    columns = {name: String(nulls=()) for name in names}
    rows: dict[int, list[str]] = {}
    rejects: list[Reject] = []
    for offset, text in pieces:
        batch, more, _ = parse_chunk(text, offset, names, columns, CSV, LIMIT)
        offsets = batch[ROW_OFFSET].to_pylist()
        assert not rows.keys() & set(offsets)
        cells = zip(*(batch[name].to_pylist() for name in names), strict=True)
        rows |= dict(zip(offsets, map(list, cells), strict=True))
        rejects += more
    return rows, rejects


def in_ranges(data: bytes, target: int, block: int) -> tuple[dict[int, list[str]], list[Reject]]:
    names, start = read_header(data, CSV, "f")
    with mock.patch.object(csv_ranges, "_PLAN_BLOCK_BYTES", block):
        ranges = list(plan_ranges(io.BytesIO(data), CSV, len(names), LIMIT, target, start, "f"))
    edges = [start, *(piece.end for piece in ranges)]
    assert [(piece.start, piece.end) for piece in ranges] == list(pairwise(edges))
    assert edges[-1] == len(data)
    return parse([(piece.start, data[piece.start : piece.end]) for piece in ranges], names)


@settings(max_examples=250, deadline=None)
@given(files(nasty), st.integers(1, 80), st.integers(1, 80))
def test_what_python_writes_is_read_back(file: File, target: int, block: int) -> None:
    rows, rejects = in_ranges(file.data, target, block)
    assert rejects == []
    assert rows == dict(zip(file.starts, file.cells, strict=True))
    text = file.data.decode("utf-8-sig")
    assert [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:] == list(
        rows.values()
    )


@settings(max_examples=100, deadline=None)
@given(files(nasty), st.integers(1, 80))
def test_gzip_gives_the_same(file: File, target: int) -> None:
    names, start = read_header(file.data, CSV, "f")
    stream = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(file.data)))
    chunks = list(read_chunks(stream, CSV, len(names), LIMIT, target, start, "f.gz"))
    rows, rejects = parse(chunks, names)
    assert (rows, rejects) == (dict(zip(file.starts, file.cells, strict=True)), [])


@settings(max_examples=400, deadline=None)
@given(
    files(st.one_of(bounded, plain)), st.sampled_from([b'"', b","]), st.integers(1, 80), st.data()
)
def test_damage_costs_no_other_row(
    file: File, stray: bytes, target: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(file.starts[0], len(file.data)))
    damaged = file.data[:place] + stray + file.data[place:]
    hurt = max(i for i, start in enumerate(file.starts) if start <= place)
    rows, rejects = in_ranges(damaged, target, 50)
    region = range(file.starts[hurt], [*file.starts, len(damaged)][hurt + 1] + 1)
    untouched = {
        start + (i > hurt): cells
        for i, (start, cells) in enumerate(zip(file.starts, file.cells, strict=True))
        if i != hurt
    }
    found = {offset: cells for offset, cells in rows.items() if offset in untouched}
    assert found == untouched
    strays = [offset for offset in rows if offset not in untouched]
    strays += [reject.offset for reject in rejects]
    assert all(offset in region for offset in strays)
    assert len(strays) == len(set(strays))
    assert strays or not damaged[region.start : region.stop].strip(b"\r\n")
    assert (rows, rejects) == in_ranges(damaged, 1 << 20, 1 << 20)


@settings(max_examples=400, deadline=None)
@given(files(nasty), st.sampled_from([b'"', b",", b"\n", b"\r"]), st.integers(1, 80), st.data())
def test_every_byte_of_a_damaged_file_is_accounted_for(
    file: File, stray: bytes, target: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(file.starts[0], len(file.data)))
    damaged = file.data[:place] + stray + file.data[place:]
    rows, rejects = in_ranges(damaged, target, 50)
    assert (rows, rejects) == in_ranges(damaged, 1 << 20, 1 << 20)
    # What lies between the start of one row or reject and the next is its own text and line ends.
    _, start = read_header(damaged, CSV, "f")
    starts = sorted([*rows, *(reject.offset for reject in rejects)])
    assert not damaged[start : starts[0] if starts else None].strip(b"\r\n")
    ends = [*starts[1:], len(damaged)]
    raw = {reject.offset: reject.raw for reject in rejects}
    for begin, end in zip(starts, ends, strict=True):
        text = damaged[begin:end]
        if begin in raw:
            assert text.rstrip(b"\r\n") == raw[begin]
        else:
            again = list(csv.reader(io.StringIO(text.decode(), newline="")))
            assert [row for row in again if row] == [rows[begin]]
