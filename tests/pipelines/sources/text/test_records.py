from __future__ import annotations

import gzip
import io
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from csv_oracle import read_records
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.pipelines.sources.csv.header import HEAD_BYTES, check_header, read_header
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.inputs import Stretch
from forebay.pipelines.sources.kinds import unpacked
from forebay.pipelines.sources.text import ranges as csv_ranges
from forebay.pipelines.sources.text import records as csv_records
from forebay.pipelines.sources.text.ranges import plan_ranges, read_chunks
from forebay.pipelines.sources.text.record_ends import (
    ARITY,
    MALFORMED_QUOTE,
    OK,
    TOO_LONG,
    UNCLOSED_QUOTE,
)
from forebay.pipelines.sources.text.records import ANY_ARITY, Records, scan_records
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

CSV = CsvFormat()
FORMATS = (CSV, CsvFormat(quote=None), CsvFormat(delimiter=";", quote="'"))
# Texts in which structure is dense.
texts = st.lists(st.sampled_from([b"a", b"bc", b",", b'"', b"\n", b"\r", b";", b"'"]), max_size=40)
lines = st.lists(
    st.sampled_from(
        [b'a,b\n', b'"a","b"\r\n', b'x",",\n', b'1,"a\n', b'","\n', b'b",c\n', b'""\n', b"\n",
         b"\r", b'a,"b""c"\n', b'a,"\r\n', b'"a"x,b\n', b"a,b,c\n", b"long" * 9 + b",\n", b'"']
    ),
    max_size=12,
)  # fmt: skip
dense = st.one_of(texts, lines).map(b"".join)
limits = st.sampled_from([1, 3, 7, 20, 1000])
reaches = st.sampled_from([0, 1, 5, 12, 30, 1000])


def scan(
    data: bytes,
    columns_count: int = 2,
    limit: int = 1000,
    format: CsvFormat = CSV,
    *,
    is_last: bool = True,
) -> tuple[Records, list[tuple[int, int, int]]]:
    found = scan_records(data, format, columns_count, limit, is_last=is_last)
    columns = found.starts.tolist(), found.ends.tolist(), found.statuses.tolist()
    return found, list(zip(*columns, strict=True))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\r\n\r", []),
        (b"a,b\nc,d", [(0, 3, OK), (4, 7, OK)]),
        (b"a,b\r\nc,d\re,f\n", [(0, 3, OK), (5, 8, OK), (9, 12, OK)]),
        (b"a,b\n\n\r\n\rc,d\n", [(0, 3, OK), (8, 11, OK)]),
        (b" \n,\n", [(0, 1, ARITY), (2, 3, OK)]),
        (b'"a,\n""b",c\n', [(0, 10, OK)]),
        (b'"",""\n', [(0, 5, OK)]),
        (b'"",""', [(0, 5, OK)]),
        (b'a"b,c"\n', [(0, 6, OK)]),  # quotes within unquoted fields are text
        (b'"a"b,c\nd,e\n', [(0, 6, MALFORMED_QUOTE), (7, 10, OK)]),
        (b'"a" ,c\nd,e\n', [(0, 6, MALFORMED_QUOTE), (7, 10, OK)]),
        (b'a,"b\nc,d\ne,f\n', [(0, 4, UNCLOSED_QUOTE), (5, 8, OK), (9, 12, OK)]),
        (b'a,"b\nc,"d\n', [(0, 4, UNCLOSED_QUOTE), (5, 9, UNCLOSED_QUOTE)]),
        (b'a,"b', [(0, 4, UNCLOSED_QUOTE)]),
        (b'a,"b\nc",d\n', [(0, 9, ARITY)]),  # three fields on two lines
        (b'"b\nc,d\n"\ne,f\n', [(0, 8, ARITY), (9, 12, OK)]),
        (b'a,"b\nc,d\n"x\n', [(0, 4, UNCLOSED_QUOTE), (5, 8, OK), (9, 11, UNCLOSED_QUOTE)]),
        (b"a,b,c\na\nb,c\n", [(0, 5, ARITY), (6, 7, ARITY), (8, 11, OK)]),
    ],
)
def test_records(data: bytes, expected: Any) -> None:
    assert scan(data)[1] == expected


def test_field_counts_are_told() -> None:
    found, _ = scan(b'a,b,c\n"x"\na,b\n"a"b\n"a\nb",c,d,e\n')
    assert found.fields.tolist() == [3, 1, 2, 0, 4]


def test_quotes_are_text_without_a_quote_character() -> None:
    assert scan(b'"a,b"\n"\n', format=CsvFormat(quote=None))[1] == [(0, 5, OK), (6, 7, ARITY)]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_the_limit_counts_the_record_without_its_line_end(end: bytes) -> None:
    assert scan(b"12345,7890" + end, limit=10)[1] == [(0, 10, OK)]
    assert scan(b"12345,78901" + end, limit=10)[1] == [(0, 11, TOO_LONG)]
    assert scan(b'1,"4\n67890"' + end, limit=11)[1] == [(0, 11, OK)]
    assert scan(b'1,"4\n67890"' + end + b"\na,b", limit=10)[1] == [
        (0, 11, TOO_LONG),
        (len(end) + 12, len(end) + 15, OK),
    ]
    assert scan(b'1,"4567890' + b"x" * 9 + end + b"\na,b", limit=10)[1] == [
        (0, 11, TOO_LONG),
        (len(end) + 20, len(end) + 23, OK),
    ]


@settings(max_examples=300, deadline=None)
@given(dense, limits, reaches, st.sampled_from([ANY_ARITY, 1, 2, 3]), st.sampled_from(FORMATS))
def test_the_scanner_agrees_with_the_oracle(
    data: bytes, limit: int, reach: int, columns_count: int, format: CsvFormat
) -> None:
    with mock.patch.object(csv_records, "REACH_BYTES", reach):
        found, records = scan(data, columns_count, limit, format)
    expected = read_records(data, format, columns_count, limit, reach)
    assert records == [record[:3] for record in expected]
    assert found.fields.tolist() == [len(record.fields) for record in expected]
    assert found.consumed == len(data)


@settings(max_examples=200, deadline=None)
@given(dense, limits, reaches, st.data())
def test_a_window_gives_the_beginning_of_the_whole(
    data: bytes, limit: int, reach: int, draw: st.DataObject
) -> None:
    size = draw.draw(st.integers(0, len(data)))
    with mock.patch.object(csv_records, "REACH_BYTES", reach):
        found, records = scan(data[:size], 2, limit, is_last=False)
        whole = scan(data, 2, limit)[1]
        rest = scan(data[found.consumed :], 2, limit)[1]
    assert records == whole[: len(records)]
    if size > limit + reach:
        assert found.consumed > 0
    if not found.in_long_line:
        assert [(s + found.consumed, e + found.consumed, status) for s, e, status in rest] == whole[
            len(records) :
        ]


def shifted(data: bytes, offset: int, limit: int) -> list[tuple[int, int, int]]:
    return [(s + offset, e + offset, status) for s, e, status in scan(data, 2, limit)[1]]


@settings(max_examples=300, deadline=None)
@given(dense, limits, reaches, st.integers(1, 60), st.integers(1, 60), st.integers(0, 4))
def test_ranges_and_chunks_read_alone_give_the_whole(
    data: bytes, limit: int, reach: int, target: int, block: int, start: int
) -> None:
    start = min(start, len(data))
    with (
        mock.patch.object(csv_ranges, "_PLAN_BLOCK_BYTES", block),
        mock.patch.object(csv_records, "REACH_BYTES", reach),
    ):
        expected = shifted(data[start:], start, limit)
        ranges = list(plan_ranges(io.BytesIO(data), CSV, 2, limit, target, start, "f"))
        chunks = list(read_chunks(io.BytesIO(data), CSV, 2, limit, target, start, "f"))
        pieces = [(piece.start, data[piece.start : piece.end]) for piece in ranges]
        for found in (pieces, chunks):
            assert [r for offset, text in found for r in shifted(text, offset, limit)] == expected
            assert all(data.startswith(text, offset) and text for offset, text in found)
    gaps = [(a.end, b.start) for a, b in itertools.pairwise(ranges)]
    assert all(end <= following for end, following in gaps)
    if max((end - begin for begin, end, _ in expected), default=0) <= limit:
        assert all(end == following for end, following in gaps)
        assert not ranges or (ranges[0].start, ranges[-1].end) == (start, len(data))


def test_ranges_are_about_as_long_as_asked() -> None:
    data = b"1234,6789\n" * 1000
    ranges = list(plan_ranges(io.BytesIO(data), CSV, 2, 100, 95, 20, "f"))
    assert ranges[:2] == [Stretch(20, 120), Stretch(120, 220)]
    assert ranges[-1].end == len(data)


class ShortReads(io.BytesIO):
    def read(self, size: int = -1, /) -> bytes:
        return super().read(min(size, 7))


def test_streams_may_return_less_than_asked_for() -> None:
    data = b"1234,6789\n" * 1000
    ranges = list(plan_ranges(ShortReads(data), CSV, 2, 100, 5000, 0, "f"))
    assert ranges == [Stretch(0, 5000), Stretch(5000, 10000)]


def test_an_endless_line_is_cut_in_bounded_memory() -> None:
    data = b"a,b\n" + b"x" * (3 * csv_records.REACH_BYTES) + b"\r\nc,d\n"
    chunks = list(read_chunks(io.BytesIO(data), CSV, 2, 100, 1000, 0, "f"))
    assert max(len(text) for _, text in chunks) < 1200
    records = [record for offset, text in chunks for record in shifted(text, offset, 100)]
    assert [record[2] for record in records] == [OK, TOO_LONG, OK]
    assert records[-1][0] == len(data) - 4


@pytest.mark.parametrize("end", [b"", b'"x\n', b'","x\n', b"x" * (17 << 20)])
@pytest.mark.parametrize("line", [b'x",",\n', b'1,"a\n', b'1,"""\n', b'","\n', b'",\n'])
def test_many_lines_with_open_quotes_take_linear_time(line: bytes, end: bytes) -> None:
    # Each line could look 17 MiB ahead: were it not known what becomes of the others, this would
    # take hours.
    scan(b"a,b\n")
    start = time.process_time()
    scan(line * 200_000 + end, 3, 1 << 20)
    assert time.process_time() - start < 10.0


def test_gzip_chunks() -> None:
    data = b"".join(b"%d,x\n" % i for i in range(5000))
    stream = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data)))
    chunks = list(read_chunks(stream, CSV, 2, 100, 4096, 4, "f.gz"))
    assert len(chunks) > 5
    assert b"".join(text for _, text in chunks) == data[4:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-4],
        lambda packed: packed[:50] + b"\0\0\0\0\0\0\0\0" + packed[58:],
        lambda packed: packed[:-8] + b"\0" * 8,
        lambda packed: packed + b"more",
    ],
)
def test_damaged_gzip_is_an_input_error(damage: Callable[[bytes], bytes]) -> None:
    data = b"".join(b"%d,%d\n" % (i, i * i % 97) for i in range(50_000))
    stream = gzip.GzipFile(fileobj=io.BytesIO(damage(gzip.compress(data))))
    with pytest.raises(InputError, match=r"^f.csv.gz: (after \d+ bytes of text )?the gzip data"):
        list(read_chunks(stream, CSV, 2, 100, 4096, 0, "f.csv.gz"))


@pytest.mark.parametrize("text", [b"", b"a,b\n1,2\n"])
def test_what_follows_gzip_is_told(text: bytes) -> None:
    stream = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(text) + b"more"))
    with pytest.raises(InputError, match=r"^f.csv.gz: the gzip data are followed by.*b'mo'"):
        list(read_chunks(stream, CSV, 2, 100, 4096, 0, "f.csv.gz"))


def test_a_plain_file_named_gz_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    plain, damaged = tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"
    plain.write_bytes(b"a,b\n1,2\n")
    damaged.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-8] + b"\1" * 8)
    files = find_files([str(plain), str(damaged)])
    with pytest.raises(InputError, match=r"is not gzip-compressed.*b'a,'.*name without .gz"):
        unpacked(files[0])
    with pytest.raises(InputError, match=r"truncated or corrupt \(CRC check failed"):
        unpacked(files[1])


@pytest.mark.parametrize(
    ("head", "format", "expected"),
    [
        (b"a,b\n1,2\n", CSV, (("a", "b"), 4)),
        (b"a,b", CSV, (("a", "b"), 3)),
        (b"\xef\xbb\xbfa,b\r\n1,2\n", CSV, (("a", "b"), 8)),
        (b'\n\n"a ""x""\n",b\n', CSV, (('a "x"\n', "b"), 15)),
        (b"a;b|c\n", CsvFormat(delimiter=";"), (("a", "b|c"), 6)),
        (b'"a",b\n', CsvFormat(quote=None), (('"a"', "b"), 6)),
        ("é,ü\n".encode(), CSV, (("é", "ü"), 6)),
        (b"a,,\n", CSV, (("a", "", ""), 4)),
        (b"1,2\n", CsvFormat(names=("a", "b")), (("a", "b"), 0)),
        (b"\xef\xbb\xbf1,2\n", CsvFormat(names=("a", "b")), (("a", "b"), 3)),
        (b'1,"' + b"x," * 100_000 + b'"\n', CsvFormat(names=("a", "b")), (("a", "b"), 0)),
        (b"#x\r\n\n" * 9_000 + b"a#,b\n", CsvFormat(comment="#"), (("a#", "b"), 45_005)),
    ],
)
def test_headers(head: bytes, format: CsvFormat, expected: Any) -> None:
    assert read_header(head, format, "f") == expected


@pytest.mark.parametrize(
    ("head", "format", "message"),
    [
        (b"", CSV, "is empty"),
        (b"\xef\xbb\xbf\n\r\n", CSV, "is empty"),
        (b"# a\n# b\n", CsvFormat(comment="#"), "is empty"),
        (b"# a\n" * HEAD_BYTES, CsvFormat(comment="#"), "nothing but blank lines and comments in"),
        (b"a\0,b\n", CSV, "NUL bytes"),
        ("a,b\n".encode("utf-16-le"), CSV, "NUL bytes"),
        ("é,b\n".encode("latin-1"), CSV, r"'\\\\xe9,b' is not UTF-8 at byte 0"),
        (b"a,b,a\n", CSV, "names 'a' more than once"),
        (b'"a"x,b\n', CSV, "text after a closing quote"),
        (b'a,"b\n1,2\n', CSV, "never closed"),
        (b"a," + b"x" * 200_000 + b"\n", CSV, r"'a,x+\.\.\.' is no header \(field larger than"),
        (b"x" * HEAD_BYTES, CSV, "does not end within 1048576 bytes"),
        (b"sep=;\na;b\n", CSV, r"'sep=;' is a note for Excel.*CsvFormat\(delimiter=';'\)"),
        (b'"sep=,"\r\na,b\n', CSV, r"delete the line.*CsvFormat\(delimiter=','\)"),
        (b"sep=\t\n1\t2\n", CsvFormat(delimiter="\t", names=("a", "b")), "note for Excel"),
        (b"1,2,3\n", CsvFormat(names=("a", "b")), r"'1,2,3' .* CsvFormat names 2 columns"),
    ],
)
def test_what_is_no_header_is_refused(head: bytes, format: CsvFormat, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_header(head, format, "data/f.csv")
    assert str(error.value).startswith("data/f.csv: ")


def test_missing_columns_are_all_named_with_their_likes() -> None:
    with pytest.raises(InputError) as error:
        check_header(("dep_dely", "origin"), ("dep_delay", "zzz", "origin"), CSV, "f")
    assert "has no columns 'dep_delay' (did you mean dep_dely?), 'zzz';" in str(error.value)
    assert "Rename the columns" in str(error.value)


def test_letters_that_unicode_writes_in_two_ways_are_told_apart() -> None:
    with pytest.raises(InputError) as error:
        check_header(("cafe", "cafe\u0301"), ("caf\xe9",), CSV, "f")
    assert r"mean 'cafe\u0301', the same letters as 'caf\xe9' in other" in str(error.value)


def test_a_wrong_delimiter_is_guessed() -> None:
    with pytest.raises(InputError, match=r"CsvFormat\(delimiter=';'\)"):
        check_header(("a;b",), ("a", "b"), CSV, "f")


def test_a_complete_header_passes() -> None:
    check_header(("a", "b", "c"), ("c", "a"), CSV, "f")
