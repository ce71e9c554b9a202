"""BigQuery as a source, against a stand-in: rows, types, what is asked of it, and its faults."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.cloud.bigquery import SchemaField

from forebay import Boolean, Bytes, Date, Integer, Number, Numbers, Source, String, Timestamp
from forebay.pipelines.sources.bigquery.input import BigQueryInput, open_bigquery
from forebay.pipelines.sources.inputs import Parsed
from forebay.transforms.errors import InputError, RunFailed

pytestmark = pytest.mark.gcp

ROWS = 20_000
SCHEMA = [
    SchemaField("id", "INT64"), SchemaField("at", "TIMESTAMP"), SchemaField("v", "FLOAT64")
]  # fmt: skip
EVENTS = pa.table(
    {
        "id": pa.array(np.arange(ROWS)),
        "at": pa.array(np.arange(ROWS) * 1_000_000, pa.timestamp("us", "UTC")),
        "v": pa.array(np.arange(ROWS) * 0.5),
    }
)
IDS = Source(columns={"id": Integer()})


def read(source: BigQueryInput, table: Source) -> list[Parsed]:
    """Reads an input as a pipeline does: stretch by stretch, chunk by chunk."""
    return [
        source.parse(chunk, table, 0)
        for stretch in source.plan(0) for chunk in source.chunks(0, stretch)
    ]  # fmt: skip


def values(source: BigQueryInput, table: Source, column: str) -> list[Any]:
    return [value for parsed in read(source, table) for value in parsed.rows[column].to_pylist()]


@pytest.fixture(scope="module")
def events(warehouse: Any) -> str:
    return warehouse.load("events", SCHEMA, EVENTS)


def query(folder: Path, sql: str) -> str:
    (folder / "query.sql").write_text(sql)
    return f"bigquery-query:{folder / 'query.sql'}"


def test_a_table_is_read_once_whole_in_several_streams(warehouse: Any, events: str) -> None:
    source = open_bigquery(warehouse.input(events), IDS, 3)
    assert len(source.session.streams) > 1
    assert sorted(values(source, IDS, "id")) == list(range(ROWS))
    places = [offset for parsed in read(source, IDS) for offset in parsed.rows[1].to_pylist()]
    assert len(set(places)) == ROWS
    assert max(places) < 1 << 40
    assert source.number == 3


def test_only_the_columns_of_the_definition_are_read(warehouse: Any, events: str) -> None:
    source = open_bigquery(warehouse.input(events), IDS, 0)
    assert source.session.arrow_schema.names == ["id"]


def test_a_row_restriction_is_bigquerys(warehouse: Any, events: str) -> None:
    name = f"{events}?row_restriction=id >= 5 AND v < 4.5"
    assert sorted(values(open_bigquery(warehouse.input(name), IDS, 0), IDS, "id")) == [5, 6, 7, 8]


def test_a_query_takes_parameters(warehouse: Any, events: str, tmp_path: Path) -> None:
    name = query(tmp_path, "SELECT id FROM d.events WHERE id < @most AND id IN UNNEST(@ids)")
    given = warehouse.input(name, "most:INT64:7", "ids:ARRAY<INT64>:[1, 2, 9]")
    assert sorted(values(open_bigquery(given, IDS, 0), IDS, "id")) == [1, 2]


def test_a_text_in_a_parameter_is_never_sql(warehouse: Any, tmp_path: Path) -> None:
    table = pa.table({"name": ["x' OR 'a' = 'a", "y"]})
    warehouse.load("names", [SchemaField("name", "STRING")], table)
    name = query(tmp_path, "SELECT name FROM d.names WHERE name = @name")
    source = Source(columns={"name": String()})
    given = warehouse.input(name, "name::x' OR 'a' = 'a")
    assert values(open_bigquery(given, source, 0), source, "name") == ["x' OR 'a' = 'a"]


def test_a_snapshot_is_the_table_as_it_was(warehouse: Any) -> None:
    name = warehouse.load("growing", SCHEMA, EVENTS.slice(0, 10))
    time.sleep(0.05)
    then = dt.datetime.now(dt.UTC).isoformat()
    time.sleep(0.05)
    warehouse.append("test.d.growing", EVENTS.slice(10, 10))
    earlier = open_bigquery(warehouse.input(f"{name}@{then}"), IDS, 0)
    now = open_bigquery(warehouse.input(name), IDS, 0)
    assert sorted(values(earlier, IDS, "id")) == list(range(10))
    assert sorted(values(now, IDS, "id")) == list(range(20))


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_a_table_that_changes_meanwhile_is_never_read_as_two(warehouse: Any, change: str) -> None:
    name = warehouse.load("changing", SCHEMA, EVENTS.slice(0, 3000))
    source = open_bigquery(warehouse.input(name), IDS, 0)
    stretches = list(source.plan(0))
    first = [source.parse(chunk, IDS, 0) for chunk in source.chunks(0, stretches[0])]
    if change == "replaced":
        warehouse.load("changing", SCHEMA, EVENTS.slice(10_000, 3000))
    else:
        warehouse.client.delete_table("test.d.changing")
    rest = [source.parse(c, IDS, 0) for s in stretches[1:] for c in source.chunks(0, s)]
    ids = [value for parsed in first + rest for value in parsed.rows["id"].to_pylist()]
    assert len(stretches) > 1
    assert sorted(ids) == list(range(3000))


def test_a_stream_that_breaks_twice_is_read_on(warehouse: Any) -> None:
    name = warehouse.load("breaks_twice", SCHEMA, EVENTS)
    source = open_bigquery(warehouse.input(name), IDS, 0)
    assert sorted(values(source, IDS, "id")) == list(range(ROWS))


def test_a_stream_that_always_breaks_fails(warehouse: Any) -> None:
    name = warehouse.load("breaks_always", SCHEMA, EVENTS)
    source = open_bigquery(warehouse.input(name), IDS, 0)
    with pytest.raises(RunFailed, match=r"broke 4 times at row 500 .*try again later"):
        read(source, IDS)


def test_rejects_say_their_stream_and_offset(warehouse: Any) -> None:
    warehouse.load("texts", [SchemaField("n", "STRING")], pa.table({"n": ["1", "x", "3", "y"]}))
    table = Source(columns={"n": Integer()})
    source = open_bigquery(warehouse.input("bigquery://test.d.texts"), table, 0)
    (parsed,) = read(source, table)
    rejects = pa.table(
        {
            "__row": [reject.offset for reject in parsed.rejects],
            "reason": [reject.reason for reject in parsed.rejects],
            "raw": pa.array([None, parsed.rejects[1].raw], pa.binary()),
        }
    )
    assert list(source.located(rejects, 0)) == [
        {"stream": 0, "offset": 1, "reason": "n: 'x' is not a whole number", "raw": '{"n": "x"}'},
        {"stream": 0, "offset": 3, "reason": "n: 'y' is not a whole number", "raw": '{"n": "y"}'},
    ]
    assert list(source.places([1, 3]).values()) == ["0/1", "0/3"]


def test_reading_asks_for_no_change(warehouse: Any, events: str, tmp_path: Path) -> None:
    requests = Path(warehouse.emulators.requests)
    before = requests.read_text()
    tables = sorted(table.table_id for table in warehouse.client.list_tables("d"))
    name = query(tmp_path, "SELECT id FROM d.events WHERE id < 5")
    for given in (events, name):
        read(open_bigquery(warehouse.input(given), IDS, 0), IDS)
    asked = requests.read_text()[len(before) :].splitlines()
    posted = {line for line in asked if not line.startswith("GET ")}
    assert posted == {"POST /bigquery/v2/projects/test/jobs"}  # the query, and its dry run
    assert sorted(table.table_id for table in warehouse.client.list_tables("d")) == tables


READ = """
import json, sys
from forebay import Integer, Number, Source, Timestamp
from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.pipelines.sources.bigquery.clients import Clients
from forebay.pipelines.sources.bigquery.input import open_bigquery

table = Source(columns={"id": Integer(), "at": Timestamp(), "v": Number()})

def rows(name):
    given = BigQuery(name, (), Clients(*json.loads(sys.argv[1])))
    source = open_bigquery(given, table, 0)
    return sum(len(source.parse(chunk, table, 0).rows) for chunk in source.chunks(0))

def peak():
    status = open("/proc/self/status").read()  # of getrusage it is the parent's, where that is more
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024

few, before = rows(sys.argv[2]), peak()
print(json.dumps([few, rows(sys.argv[3]), peak() - before]))
"""


def test_a_million_rows_are_read_in_bounded_memory(warehouse: Any, events: str) -> None:
    many = 1_000_000
    number = np.arange(many)
    at = pa.array(number * 1_000_000, pa.timestamp("us", "UTC"))
    name = warehouse.load("million", SCHEMA, pa.table({"id": number, "at": at, "v": number * 0.5}))
    there = warehouse.emulators
    clients = json.dumps([there.bigquery, there.bigquery_storage, there.project])
    command = [sys.executable, "-c", READ, clients, events, name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    few, rows, more_mib = json.loads(done.stdout)
    assert (few, rows) == (ROWS, many)
    print(f"1,000,000 rows: {more_mib} MiB more at the peak than 20,000")
    # The table is 24 MB, of which a chunk of 65,536 rows is 1.6.
    assert more_mib < 40


WHEN = dt.datetime(2024, 7, 1, 12, 30, 15, 250_000)
TYPES: dict[str, tuple[str, Any]] = {
    "number": ("NUMERIC", Decimal("12.5")),
    "whole": ("INT64", 7),
    "real": ("FLOAT64", 0.25),
    "stamp": ("TIMESTAMP", WHEN.replace(tzinfo=dt.UTC)),
    "clock": ("DATETIME", WHEN),
    "day": ("DATE", WHEN.date()),
    "time": ("TIME", WHEN.time()),
    "yes": ("BOOL", True),
    "raw": ("BYTES", b"\x00\xff"),
    "json": ("JSON", '{"a": 1}'),
    "text": ("STRING", "é"),
}


def test_every_type_is_read(warehouse: Any) -> None:
    schema = [SchemaField(name, kind) for name, (kind, _) in TYPES.items()]
    schema.append(SchemaField("list", "FLOAT64", "REPEATED"))
    inner = [SchemaField("x", "INT64"), SchemaField("y", "STRING")]
    schema.append(SchemaField("record", "STRUCT", fields=inner))
    arrays = {name: pa.array([value]) for name, (_, value) in TYPES.items()}
    arrays["number"] = pa.array([Decimal("12.5")], pa.decimal128(38, 9))
    rows = pa.table({**arrays, "list": [[1.5, 2.0]], "record": [{"x": 3, "y": "z"}]})
    warehouse.load("typed", schema, rows)
    table = Source(
        columns={
            "number": Number(), "written": String(field="number"), "whole": Integer(),
            "real": Number(), "stamp": Timestamp(),
            "clock": Timestamp(tz="America/New_York"), "day": Date(), "time": String(),
            "yes": Boolean(), "raw": Bytes(), "json": String(), "text": String(),
            "list": Numbers(), "x": Integer(field="record.x"), "y": String(field="record.y"),
            "joined": Timestamp(field=("day", "time"), tz="America/New_York"),
        }
    )  # fmt: skip
    (parsed,) = read(open_bigquery(warehouse.input("bigquery://test.d.typed"), table, 0), table)
    assert parsed.rejects == []
    (row,) = parsed.rows.drop_columns(["__offset"]).to_pylist()
    new_york = WHEN.replace(tzinfo=dt.UTC) + dt.timedelta(hours=4)
    assert row == {
        "number": 12.5, "written": "12.5", "whole": 7, "real": 0.25,
        "stamp": WHEN.replace(tzinfo=dt.UTC),
        "clock": new_york, "day": WHEN.date(), "time": "12:30:15.250000", "yes": True,
        "raw": b"\x00\xff", "json": '{"a": 1}', "text": "é", "list": "1.5;2", "x": 3, "y": "z",
        "joined": new_york,
    }  # fmt: skip


FORM = "write bigquery://PROJECT.DATASET.TABLE"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bigquery://test.d.nothing", "is not there, or no longer .*check project, dataset and"),
        ("bigquery://elsewhere.d.events", "is not there, or no longer"),
        ("bigquery://test.d", f"names no table; {FORM}"),
        (
            "bigquery://test.d.events@yesterday",
            "'yesterday' is not an instant; write one",
        ),
        ("bigquery://test.d.events?where=id<3", r"'where=id<3' is not row_restriction="),
        ("bigquery://test.d.events?row_restriction=id <<< 3", "check the name, the instant and"),
        ("bigquery://test.d.forbidden", "may not be read .*ask for the roles BigQuery Data View"),
        ("bigquery://test.d.pay", "may not be read .*column pay.salary.*Fine-Grained Reader"),
        ("bigquery://expired.d.events", "credentials are missing, wrong or expired .*gcloud auth"),
        ("bigquery://test.d.view", "is a view, which has no rows of its own; select from it"),
        ("bigquery-query:nowhere.sql", "'nowhere.sql' cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told(warehouse: Any, events: str, name: str, said: str) -> None:
    from google.cloud import bigquery

    few = EVENTS.slice(0, 5)
    warehouse.load("forbidden", SCHEMA, few)
    pay = SchemaField("salary", "FLOAT64")
    warehouse.load("pay", [*SCHEMA, pay], few.append_column("salary", few["v"]))
    view = bigquery.Table("test.d.view")
    view.view_query = "SELECT id FROM `test.d.events`"
    warehouse.client.create_table(view, exists_ok=True)
    table = Source(columns={"salary": Number()}) if "pay" in name else IDS
    with pytest.raises(InputError, match=said) as error:
        open_bigquery(warehouse.input(name), table, 0)
    assert "\n" not in str(error.value)


def test_a_quota_is_told_as_one(warehouse: Any) -> None:
    said = r"a quota of BigQuery is used up .*wait until it is there again, or ask for a greater"
    with pytest.raises(RunFailed, match=said):
        open_bigquery(warehouse.input("bigquery://test.d.over_quota"), IDS, 0)


def test_a_stream_over_its_quota_is_waited_for_and_then_told(warehouse: Any) -> None:
    name = warehouse.load("stream_quota", SCHEMA, EVENTS)
    source = open_bigquery(warehouse.input(name), IDS, 0)
    with pytest.raises(RunFailed, match=r"broke 4 times at row 0 .*Quota exceeded.*try again lat"):
        read(source, IDS)


def test_a_column_that_may_not_be_read_is_no_hindrance_where_it_is_not(warehouse: Any) -> None:
    few = EVENTS.slice(0, 5)
    pay = SchemaField("salary", "FLOAT64")
    warehouse.load("pay", [*SCHEMA, pay], few.append_column("salary", few["v"]))
    source = open_bigquery(warehouse.input("bigquery://test.d.pay"), IDS, 0)
    assert sorted(values(source, IDS, "id")) == list(range(5))


@pytest.mark.parametrize(
    ("sql", "parameters", "said"),
    [
        ("SELEC id FROM d.events", (), "Syntax error: .*mend the query"),
        ("SELECT idd FROM d.events", (), "idd.*mend the query"),
        ("SELECT id FROM d.nothing", (), "d.nothing.*is not there|is not there.*d.nothing"),
        ("DELETE FROM d.events WHERE true", (), "is DELETE, not a query; write one SELECT"),
        ("DROP TABLE d.events", (), "is DROP_TABLE, not a query"),
        ("SELECT v FROM d.events", (), "has no column 'id'"),
        ("SELECT id FROM d.events WHERE id = @n", (), "mend the query, or its parameters"),
        ("SELECT id FROM d.events WHERE id = @n", ("n:INT64:x",), "'x' is not of type INT64"),
        ("SELECT id FROM d.events WHERE id = @n", ("n=3",), "is not NAME:TYPE:VALUE"),
        ("SELECT id FROM d.events WHERE id = @n", ("n:INT:3",), "'INT' is not a type; write"),
        (
            "SELECT id FROM d.events WHERE id = @n",
            ("n:ARRAY<INT64>:3",),
            "'3' is not of type ARRAY",
        ),
    ],
)
def test_a_query_with_a_mistake_is_told_and_changes_nothing(
    warehouse: Any, events: str, tmp_path: Path, sql: str, parameters: tuple[str, ...], said: str
) -> None:
    given = warehouse.input(query(tmp_path, sql), *parameters)
    with pytest.raises(InputError, match=said) as error:
        open_bigquery(given, IDS, 0)
    assert "\n" not in str(error.value)
    assert warehouse.client.get_table("test.d.events").num_rows == ROWS


def test_a_table_deleted_under_a_session_is_told(warehouse: Any) -> None:
    name = warehouse.load("deleted_meanwhile", SCHEMA, EVENTS.slice(0, 5))
    source = open_bigquery(warehouse.input(name), IDS, 0)
    with pytest.raises(InputError, match="is not there, or no longer"):
        read(source, IDS)


def test_every_command_takes_a_table(
    warehouse: Any, in_emulators: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """`init` writes a definition of it, and `check` and `explain` read it by that."""
    from forebay.cli import main

    monkeypatch.chdir(tmp_path)
    hours = np.arange(2000) * 1_800_000_000
    sales = pa.table(
        {
            "at": pa.array(hours + 1_700_000_000_000_000, pa.timestamp("us", "UTC")),
            "shop": [f"s{i % 7}" for i in range(2000)],
            "amount": [float(i % 13 + 1) for i in range(2000)],
            "sale": np.arange(2000),
        }
    )
    kinds = {"at": "TIMESTAMP", "shop": "STRING", "amount": "FLOAT64", "sale": "INT64"}
    schema = [SchemaField(name, kind) for name, kind in kinds.items()]
    name = warehouse.load("sales", schema, sales)
    assert main(["init", name, "--label", "amount", "--output", "sales.py"]) == 0
    definition = Path("sales.py").read_text()
    assert '"at": fb.Timestamp(' in definition
    assert '"shop": fb.String(' in definition

    Path("windowed.py").write_text(WINDOWED)
    assert main(["check", "windowed.py:windowed", "--input", name]) in (0, 1)
    capsys.readouterr()
    row = ["--row", "sale=1000", "--json"]
    assert main(["explain", "windowed.py:windowed", "--input", name, *row]) == 0
    assert f"{name}:" in capsys.readouterr().out
    assert main(["explain", "windowed.py:windowed", "--input", name, "--row", f"{name}:3"]) == 2
    assert "no places that last" in capsys.readouterr().err


WINDOWED = """
from forebay import (
    Dataset, HashSplit, Integer, Number, Numeric, Regression, String, Timestamp, Windowed, mean
)

windowed = Dataset(
    name="windowed",
    columns={
        "at": Timestamp(), "shop": String(), "amount": Number(), "sale": Integer(),
    },
    row_time="at",
    windows=[Windowed("amount", key="shop", over="1d", ops=mean())],
    features=[Numeric("amount_mean_1d_by_shop")],
    label=Regression("amount"),
    split=HashSplit("sale"),
)
"""
