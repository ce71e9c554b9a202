"""How a table is written is found by init, and what it writes then reads every row."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from table_kinds import WRITERS, make_records
from tensorflow.io import TFRecordWriter

from forebay.commands.init.draft import Draft, make_draft
from forebay.commands.init.sample import read_sample
from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.tables import find_inputs, open_tables
from forebay.transforms.definition.columns import Integer, Number, Timestamp
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

LIMIT = 1 << 20


def drafted(path: Path) -> Draft:
    sample = read_sample(find_inputs([str(path)]), None, (), 200_000, LIMIT)
    return make_draft(sample, "table", None)


def rejected(path: Path, draft: Draft) -> list[str]:
    """Returns why records of a table are rejects under a drafted definition."""
    tables = open_tables(draft.dataset, [str(path)], {})
    found = list(read_batches(tables["rows"], draft.dataset, LIMIT))
    assert sum(len(batch.rows) for batch in found) > 100
    return [reject.reason for batch in found for reject in batch.rejects]


def table(write: Callable[[float], str], delimiter: str) -> str:
    """Returns a table of days, sites, numbers written in some way, and whole numbers."""
    draw = random.Random(3)
    lines = [delimiter.join(["day", "site", "price", "count"])]
    for i in range(200):
        price = write(round(draw.uniform(0, 5000), 2))
        cells = [f"2024-05-{1 + i % 28:02d}", draw.choice(["Genève", "Köln", "b"]), price]
        lines.append(delimiter.join([*cells, str(draw.randrange(100))]))
    return "\n".join(lines) + "\n"


def german(value: float) -> str:
    return f"{value:,.2f}".replace(",", "t").replace(".", ",").replace("t", ".")


@pytest.mark.parametrize(
    ("text", "encoding", "format"),
    [
        (table(str, ","), "utf-8", CsvFormat()),
        (table(str, ","), "utf-8-sig", CsvFormat()),
        (table(str, "\t"), "cp1252", CsvFormat(delimiter="\t", encoding="cp1252")),
        (table(str, ","), "utf-16", CsvFormat(encoding="utf-16")),
        (table(german, ";"), "utf-8", CsvFormat(delimiter=";", decimal=",", thousands=".")),
        (table(lambda value: str(value).replace(".", ","), ";"), "utf-8",
         CsvFormat(delimiter=";", decimal=",")),
        (table(lambda value: f'"{value:,.2f}"', ","), "utf-8", CsvFormat(thousands=",")),
        ("# one\n# two, three\n" + table(str, ","), "utf-8", CsvFormat(comment="#")),
        ("Prices of May\n\n" + table(str, ","), "utf-8", CsvFormat(skip_lines=1)),
        ("Prices, of May\nin euros\n\n\n" + table(german, ";"), "latin-1",
         CsvFormat(delimiter=";", decimal=",", thousands=".", skip_lines=2, encoding="cp1252")),
        (table(str, ",") + ",,,\n" * 6, "utf-8", CsvFormat()),
    ],
)  # fmt: skip
def test_the_dialect_is_found(text: str, encoding: str, format: CsvFormat, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))

    draft = drafted(path)

    assert draft.dataset.csv == format
    assert isinstance(draft.dataset.columns["price"], Number)
    assert isinstance(draft.dataset.columns["count"], Integer)
    assert len(draft.dataset.features) > 2
    assert rejected(path, draft) == []


def test_a_time_of_two_columns_and_a_sentinel_are_found(tmp_path: Path) -> None:
    draw = random.Random(3)
    lines = [
        f"{1 + i % 28:02d}/{1 + i % 12:02d}/2004;{i % 24:02d}.00.00;"
        f"{draw.choice([-200, *range(2, 20)])};{draw.uniform(1, 9):.1f}".replace(".0;", ",0;")
        for i in range(300)
    ]
    path = tmp_path / "air.csv"
    path.write_text("\n".join(["Date;Time;CO(GT);T", *lines]) + "\n")

    draft = drafted(path)

    assert draft.dataset.columns["date_time"] == Timestamp(
        field=("Date", "Time"), format="%d/%m/%Y %H.%M.%S"
    )
    assert draft.dataset.row_time == "date_time"
    assert draft.dataset.columns["co_gt"] == Integer(field="CO(GT)", nulls=("", "-200"))
    assert rejected(path, draft) == []


def test_a_day_without_its_clock_is_missing_in_the_sample_as_in_a_run(tmp_path: Path) -> None:
    lines = [
        f"2024-05-{1 + i % 28:02d},{'' if i % 4 == 0 else f'{i % 24:02d}:30'},{i % 7},{i % 13}.5"
        for i in range(300)
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["day,clock,n,y", *lines]) + "\n")

    draft = drafted(path)

    (times,) = (n for n, kind in draft.dataset.columns.items() if isinstance(kind, Timestamp))
    sampled = draft.readings[times].of_rows()
    tables = open_tables(draft.dataset, [str(path)], {})
    read = pa.Table.from_batches(
        [b.rows for b in read_batches(tables["rows"], draft.dataset, LIMIT)]
    )
    assert sampled.null_count == read[times].null_count == 75


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_of_input_gives_the_same_draft(kind: str, tmp_path: Path) -> None:
    records = make_records()
    paths = {name: tmp_path / f"table.{name}" for name in ("csv", kind)}
    for name, path in paths.items():
        WRITERS[name](records, path)

    wanted, found = (
        (drafted(path).dataset for path in paths.values())
        if kind != "csv"
        else (drafted(paths["csv"]).dataset, drafted(paths["csv"]).dataset)
    )

    kinds = {name: type(column) for name, column in found.columns.items()}
    if kind == "tfrecord":  # instants and days are numbers there
        assert set(kinds) == set(wanted.columns)
        return
    assert kinds == {name: type(column) for name, column in wanted.columns.items()}
    assert found.row_time == wanted.row_time
    assert found.label == wanted.label


def test_what_no_kind_can_hold_is_left_out_and_types_decide(tmp_path: Path) -> None:
    n = 200
    columns = {
        "compact": pa.array([20240101 + i % 28 for i in range(n)]),
        "took": pa.array(range(n), pa.duration("us")),
        "list": pa.array([[1.0, 2.0]] * n),
        "midnight": pa.array([1_714_521_600 * 10**6] * n, pa.timestamp("us", "UTC")),
        "share": pa.array([i % 7 / 8 for i in range(n)]),
        "y": pa.array([i % 13 + 0.5 for i in range(n)]),
    }
    path = tmp_path / "typed.parquet"
    pa_parquet.write_table(pa.table(columns), path)

    draft = drafted(path)

    assert draft.sample.unusable == ("took", "list")
    kinds = {name: type(column).__name__ for name, column in draft.dataset.columns.items()}
    assert kinds == {
        "compact": "Integer", "midnight": "Timestamp", "share": "Number", "y": "Number"
    }  # fmt: skip
    assert rejected(path, draft) == []


def test_lists_in_json_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    lines = [{"tags": ["a"], "x": i % 11, "y": i / 2, "of": {"z": i % 5}} for i in range(200)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    draft = drafted(path)

    assert draft.sample.unusable == ("tags",)
    assert set(draft.dataset.fields()) == {"x", "y", "of.z"}
    assert rejected(path, draft) == []


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    good = [json.dumps({"t": "a\u00e9" * (i % 5), "x": i % 11, "y": i / 2}) for i in range(200)]
    bad = ['{"t": "\\ud83d", "x": 1, "y": 2}', '{"\\ud83d": 1}', "[1]", '{"t": "' + "a" * LIMIT]
    path.write_text("\n".join([*good[:100], *bad, *good[100:]]) + "\n")

    draft = drafted(path)

    assert (draft.sample.rows, draft.sample.share) == (200, 1)
    reasons = [reject.reason for reject in draft.sample.rejects]
    assert reasons == [
        "not UTF-8 text", "not UTF-8 text", "not a JSON object", f"longer than {LIMIT} bytes",
    ]  # fmt: skip
    offsets = [reject.offset for reject in draft.sample.rejects]
    assert [path.read_bytes()[offset:][:4] for offset in offsets] == [
        b'{"t"',
        b'{"\\u',
        b"[1]\n",
        b'{"t"',
    ]
    assert draft.reject_share == pytest.approx(4 / 204)


def test_a_part_of_a_table_has_its_share_of_rejects(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    good = [json.dumps({"t": "a" * (i % 5), "x": i % 11, "y": i / 2}) for i in range(400)]
    path.write_text("".join(f"{line}\n[1]\n" for line in good))

    sample = read_sample(find_inputs([str(path)]), None, (), 300, LIMIT)

    assert (sample.rows, len(sample.rejects)) == (150, 150)
    assert sample.share < 1


def test_records_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "records"
    records = [{"t": "a" * (i % 5), "x": i % 11, "y": i / 2} for i in range(1200)]
    records[1100] = {"t": "a" * (2 * LIMIT), "x": 1, "y": 2.0}
    WRITERS["tfrecord"](records, path)
    with TFRecordWriter(str(tmp_path / "odd")) as writer:
        writer.write(b"no example")
    path.write_bytes(path.read_bytes() + (tmp_path / "odd").read_bytes())

    draft = drafted(path)

    assert draft.sample.rows == 1199
    (long, odd) = draft.sample.rejects
    assert long.reason == f"longer than {LIMIT} bytes"
    assert odd.reason.startswith("not a tf.Example")


def test_files_of_other_columns_are_told_apart(tmp_path: Path) -> None:
    for name in "ab":
        pa_parquet.write_table(pa.table({name: [1, 2], "y": [1, 2]}), tmp_path / f"{name}.parquet")

    with pytest.raises(InputError, match=r"b\.parquet: has other columns than .*\(a, b\)"):
        drafted(tmp_path / "?.parquet")
