"""Dialects of CSV: numbers, comments, lines above, encodings, several fields for one column."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.rejects import Reject
from forebay.transforms.definition.columns import Date, Integer, Number, String, Timestamp
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError
from forebay.transforms.parsing.number_texts import plain_numbers

COLUMNS = {"price": Number(), "count": Integer(), "site": String()}
ROWS = [
    {"price": 1234.5, "count": 1_000_000, "site": "Genève"},
    {"price": -0.25, "count": 12, "site": "b"},
]


def read(
    content: bytes, path: Path, format: CsvFormat, columns: Any = None
) -> tuple[list[dict[str, Any]], list[Reject]]:
    path.write_bytes(content)
    table = Source(columns=columns or COLUMNS, csv=format)
    (file,) = find_files([str(path)])
    found = list(read_batches([open_csv(file, table)], table, 1 << 20))
    rows = pa.Table.from_batches([batch.rows for batch in found]).drop_columns([ROW])
    return rows.to_pylist(), [reject for batch in found for reject in batch.rejects]


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("price;count;site\n1234,5;1000000;Genève\n-0,25;12;b\n",
         CsvFormat(delimiter=";", decimal=",")),
        ("price;count;site\n1.234,5;1.000.000;Genève\n-0,25;12;b\n",
         CsvFormat(delimiter=";", decimal=",", thousands=".")),
        ('price,count,site\n"1,234.5","1,000,000",Genève\n-0.25,12,b\n',
         CsvFormat(thousands=",")),
        ("price\tcount\tsite\n1'234.5\t1'000'000\tGenève\n-.25\t12\tb\n",
         CsvFormat(delimiter="\t", thousands="'")),
        ("# made by a tool, \"so\nprice,count,site\n#1,2,3\n1234.5,1000000,Genève\n# end\n"
         "-0.25,12,b\n#\n", CsvFormat(comment="#")),
        ("Prices of May\r\n\r\n\"a title, too\"\nprice,count,site\n1234.5,1000000,Genève\n"
         "-0.25,12,b\n", CsvFormat(skip_lines=3)),
        ("some title\n1234.5,1000000,Genève\n-0.25,12,b\n",
         CsvFormat(skip_lines=1, names=("price", "count", "site"))),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-16", "utf-8-sig"])
def test_one_table_in_many_dialects(
    text: str, format: CsvFormat, encoding: str, tmp_path: Path
) -> None:
    rows, rejects = read(text.encode(encoding), tmp_path / "t", replace(format, encoding=encoding))

    assert rows == ROWS
    assert rejects == []


@pytest.mark.parametrize(
    ("decimal", "thousands"), [(",", None), (",", "."), (".", ","), (".", " ")]
)
@given(value=st.decimals(-(10**9), 10**9, places=3))
def test_numbers_written_for_people(value: Any, decimal: str, thousands: str | None) -> None:
    written = f"{value:,}".replace(",", "t").replace(".", "d")
    written = written.replace("t", thousands or "").replace("d", decimal)

    read = plain_numbers(pa.array([written]), decimal, thousands)

    assert float(read.values[0].as_py()) == float(value)
    assert not read.problems


@pytest.mark.parametrize(
    "text", ["1.5", "1.23", "1.2345", "12.34.567", "1,5,0", "1.234,5.6", "1 2"]
)
def test_numbers_of_another_way_are_rejects(text: str, tmp_path: Path) -> None:
    format = CsvFormat(delimiter=";", decimal=",", thousands=".")

    rows, (reject,) = (
        read(
            f"price;count;site\n{text};1;a\n2,5;nan;b\n2,5;2;c\n".encode(), tmp_path / "t", format
        )[0],
        read(f"price;count;site\n{text};1;a\n".encode(), tmp_path / "u", format)[1],
    )

    assert rows == [{"price": 2.5, "count": 2, "site": "c"}]
    assert reject.reason == f"price: {text!r} is not a number written as 1.234,5"


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [
        ("cp1252", b"\x81"),
        ("utf-16-le", b"\x00\xd8"),
        ("utf-32-le", b"\xff\xff\xff\xff"),
        ("iso2022_jp", b"\x1b$Bzz\x1b(B"),
    ],
)
def test_what_an_encoding_cannot_decode_is_a_reject(
    encoding: str, bad: bytes, tmp_path: Path
) -> None:
    before, after = (text.encode(encoding) for text in ("price,count,site\n1,2,a", "b\n1,2,c\n"))

    rows, (reject,) = read(before + bad + after, tmp_path / "t", CsvFormat(encoding=encoding))

    assert [row["site"] for row in rows] == ["c"]
    assert reject.category == "site: not UTF-8 text"


def test_half_of_a_character_at_the_end_is_a_reject(tmp_path: Path) -> None:
    content = "price,count,site\n1,2,c\n1,2,a".encode("utf-16")

    rows, (reject,) = read(content + b"b", tmp_path / "t", CsvFormat(encoding="utf-16"))

    assert [row["site"] for row in rows] == ["c"]
    assert reject.category == "site: not UTF-8 text"


def test_utf_16_without_its_mark_is_told_of(tmp_path: Path) -> None:
    content = "price,count,site\n1,2,c\n".encode("utf-16-le")

    with pytest.raises(InputError, match=r"does not start with BOM.*encoding='utf-16-le'"):
        read(content, tmp_path / "t", CsvFormat(encoding="utf-16"))


def test_a_time_of_two_fields_and_names_of_another_table(tmp_path: Path) -> None:
    columns = {
        "at": Timestamp(field=("the date", "Time"), format="%d.%m.%Y %H.%M", required=True),
        "wind_speed": Number(field="wind speed"),
    }
    text = (
        "Time,wind speed,the date\n18.00,2.5,10.03.2004\n,1,\n19.30,,11.03.2004\n7.00,1,\n"
        "7.00 Uhr,1,12.03.2004\n"
    )

    rows, rejects = read(text.encode(), tmp_path / "t", CsvFormat(), columns)

    assert rows == [
        {"at": dt.datetime(2004, 3, 10, 18, tzinfo=dt.UTC), "wind_speed": 2.5},
        {"at": dt.datetime(2004, 3, 11, 19, 30, tzinfo=dt.UTC), "wind_speed": None},
    ]
    assert [reject.reason for reject in rejects] == [
        "at: missing required value",
        "at: missing required value",
        "at: '12.03.2004 7.00 Uhr' is not a time written %d.%m.%Y %H.%M",
    ]


def test_several_formats_of_one_column(tmp_path: Path) -> None:
    columns = {
        "day": Date(format=("%d.%m.%Y", "%Y-%m-%d")),
        "at": Timestamp(
            format=("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M%z", "%d/%m/%y"), tz="Europe/Paris"
        ),
    }
    text = (
        "day,at\n01.02.2024,2024-02-01 12:00\n2024-02-02,2024-02-01T12:00+0500\n"
        "2024-02-02,03/02/24\n02/03/2024,03/02/24\n2024-02-02,2024-02-01\n"
    )

    rows, rejects = read(text.encode(), tmp_path / "t", CsvFormat(), columns)

    assert [row["day"].day for row in rows] == [1, 2, 2]
    assert [row["at"].isoformat() for row in rows] == [
        "2024-02-01T11:00:00+00:00", "2024-02-01T07:00:00+00:00", "2024-02-02T23:00:00+00:00",
    ]  # fmt: skip
    assert [reject.reason for reject in rejects] == [
        "day: '02/03/2024' is not a date written %d.%m.%Y or %Y-%m-%d",
        "at: '2024-02-01' is not a time written %Y-%m-%d %H:%M or %Y-%m-%dT%H:%M%z or %d/%m/%y",
    ]


def test_comments_do_not_count_as_records_nor_hide_places(tmp_path: Path) -> None:
    text = b"# one\nprice,count,site\n# two\n1,x,a\n# three\n1,2,b\n"

    rows, (reject,) = read(text, tmp_path / "t", CsvFormat(comment="#"))

    assert len(rows) == 1
    assert text[reject.offset :].startswith(b"1,x,a")


def test_too_few_lines_to_skip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no 9 lines to skip"):
        read(b"a\nb\n", tmp_path / "t", CsvFormat(skip_lines=9))
