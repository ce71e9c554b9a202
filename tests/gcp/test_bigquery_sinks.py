"""BigQuery as a sink, against a stand-in: its columns, each row once, all or none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.api_core.exceptions import NotFound
from google.cloud.bigquery import SchemaField

from forebay.pipelines.sinks.bigquery.output import BigQueryOutput, open_table
from forebay.transforms.errors import InputError, RunFailed

pytestmark = pytest.mark.gcp

SCHEMA = pa.schema(
    [
        ("yes", pa.bool_()), ("whole", pa.int64()), ("real", pa.float64()), ("text", pa.string()),
        ("raw", pa.binary()), ("at", pa.timestamp("us", "UTC")), ("day", pa.date32()),
        ("part", pa.float32()), ("parts", pa.list_(pa.float32(), 2)),
    ]
)  # fmt: skip
WHEN = dt.datetime(2024, 7, 1, 12, 30, 15, 250_000, dt.UTC)
ROW = {
    "yes": True, "whole": -(2**62), "real": 0.1, "text": "é", "raw": b"\x00\xff", "at": WHEN,
    "day": WHEN.date(), "part": 0.5, "parts": [0.25, 0.75],
}  # fmt: skip
MISSING = dict.fromkeys(ROW) | {"parts": [0.5, 0.5]}
NUMBERS = pa.schema([("n", pa.int64()), ("text", pa.string())])


def numbers(start: int, end: int, each: int = 1000) -> Iterator[pa.RecordBatch]:
    for first in range(start, end, each):
        n = np.arange(first, min(first + each, end))
        yield pa.RecordBatch.from_arrays(
            [pa.array(n), pa.array([f"{v:>20}" for v in n])], NUMBERS.names
        )


def sink(warehouse: Any, name: str) -> BigQueryOutput:
    """A sink whose table, if there was one, is gone."""
    table = f"{warehouse.emulators.project}.sinks.{name}"
    warehouse.client.create_dataset("test.sinks", exists_ok=True)
    warehouse.client.delete_table(table, not_found_ok=True)
    return open_table(warehouse.input(f"bigquery://{table}"), "--output")


def rows(warehouse: Any, name: str, columns: str = "*") -> list[dict[str, Any]]:
    sql = f"SELECT {columns} FROM sinks.{name} ORDER BY 1"
    return [dict(row) for row in warehouse.client.query(sql).result()]


def ready(output: BigQueryOutput, schema: pa.Schema) -> None:
    """Checks a sink and makes it ready, as commands do."""
    output.check(schema)
    output.make_ready(schema)


def test_a_table_is_made_of_the_rows_schema_once_that_is_checked(warehouse: Any) -> None:
    output = sink(warehouse, "made")
    output.check(SCHEMA)
    with pytest.raises(NotFound):
        warehouse.client.get_table("test.sinks.made")
    output.make_ready(SCHEMA)
    fields = warehouse.client.get_table("test.sinks.made").schema
    told = {field.name: (field.field_type, field.mode) for field in fields}
    assert told.pop("parts") in (("FLOAT64", "REPEATED"), ("FLOAT", "REPEATED"))
    kinds = ["BOOL", "INT64", "FLOAT64", "STRING", "BYTES", "TIMESTAMP", "DATE", "FLOAT64"]
    legacy = {"BOOLEAN": "BOOL", "INTEGER": "INT64", "FLOAT": "FLOAT64"}
    assert [legacy.get(kind, kind) for kind, _ in told.values()] == kinds
    assert {mode for _, mode in told.values()} == {"NULLABLE"}

    batch = pa.RecordBatch.from_pylist([ROW, MISSING], SCHEMA)
    output.write(SCHEMA, [batch])
    missing, row = sorted(rows(warehouse, "made"), key=lambda row: row["whole"] is not None)
    assert row == ROW
    assert missing == MISSING
    ready(output, SCHEMA)  # it is there now, and still fits
    output.write(SCHEMA, [batch])
    assert len(rows(warehouse, "made")) == 4  # what was there stays


@pytest.mark.parametrize("name", ["numbers", "answers_lost"])
def test_each_row_comes_once_though_answers_are_lost(warehouse: Any, name: str) -> None:
    output = sink(warehouse, name)
    ready(output, NUMBERS)
    output.write(NUMBERS, numbers(0, 10_500))
    assert [row["n"] for row in rows(warehouse, name, "n")] == list(range(10_500))


def test_rows_that_are_too_many_for_a_request_go_in_several(warehouse: Any) -> None:
    output = sink(warehouse, "long")
    schema = pa.schema([("n", pa.int64()), ("text", pa.string())])
    # One row takes half of a request, so that pieces cut by the mean length are cut again.
    texts = ["x" * 6_000_000, *["y"] * 200, "z" * 6_000_000]
    ready(output, schema)
    output.write(schema, [pa.RecordBatch.from_pydict({"n": list(range(202)), "text": texts})])
    found = rows(warehouse, "long", "n, LENGTH(text) AS length")
    assert [row["n"] for row in found] == list(range(202))
    assert [row["length"] for row in found] == [len(text) for text in texts]


def test_a_row_that_no_request_takes_is_told(warehouse: Any) -> None:
    output = sink(warehouse, "longest")
    schema = pa.schema([("text", pa.string())])
    ready(output, schema)
    batch = pa.RecordBatch.from_pydict({"text": ["a", "x" * 10_000_000]})
    with pytest.raises(InputError, match=r"a row takes 10,000,.* leave its longest column out"):
        output.write(schema, [batch])
    assert rows(warehouse, "longest") == []


def test_nothing_is_seen_of_what_fails(warehouse: Any) -> None:
    output = sink(warehouse, "unwritable")
    ready(output, NUMBERS)
    with pytest.raises(RunFailed, match=r"writing broke 4 times .*nothing is shown"):
        output.write(NUMBERS, numbers(0, 3000))
    assert rows(warehouse, "unwritable") == []


def test_parts_are_shown_together_and_those_begun_in_vain_never(warehouse: Any) -> None:
    output = sink(warehouse, "parts")
    ready(output, NUMBERS)
    output.write_part(NUMBERS, numbers(0, 2000))  # by a worker that died
    parts = [output.write_part(NUMBERS, numbers(i * 1000, i * 1000 + 1000)) for i in range(3)]
    assert rows(warehouse, "parts") == []
    output.commit(parts)
    assert [row["n"] for row in rows(warehouse, "parts", "n")] == list(range(3000))


DIFFERENT = [
    ([SchemaField("n", "INT64")], "has no column 'text' (ADD COLUMN text STRING)"),
    ([SchemaField("n", "STRING"), SchemaField("text", "STRING")],
     "the column 'n' is STRING, and in the rows INT64"),
    ([SchemaField("n", "INT64", "REPEATED"), SchemaField("text", "STRING")],
     "the column 'n' is ARRAY<INT64>, and in the rows INT64"),
    ([SchemaField("n", "INT64", "REQUIRED"), SchemaField("text", "STRING")],
     "'n' is REQUIRED, which may be missing in rows (ALTER COLUMN n DROP NOT NULL)"),
    ([SchemaField("N", "INT64"), SchemaField("text", "STRING"),
      SchemaField("x", "DATE", "REQUIRED")], "'x' is REQUIRED, which the rows do not have"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "said"), DIFFERENT)
def test_a_table_that_does_not_fit_is_told_before_any_row(
    warehouse: Any, schema: list[SchemaField], said: str
) -> None:
    from google.cloud import bigquery

    output = sink(warehouse, "other")
    warehouse.client.create_table(bigquery.Table("test.sinks.other", schema=schema))
    with pytest.raises(InputError) as error:
        output.check(NUMBERS)
    assert said in str(error.value)
    assert "mend the table, or name a new one" in str(error.value)


def test_every_difference_is_named_at_once(warehouse: Any) -> None:
    from google.cloud import bigquery

    output = sink(warehouse, "others")
    schema = [SchemaField("n", "FLOAT64"), SchemaField("y", "INT64", "REQUIRED")]
    warehouse.client.create_table(bigquery.Table("test.sinks.others", schema=schema))
    with pytest.raises(InputError) as error:
        output.check(NUMBERS)
    assert str(error.value).count(";") == 3


def test_a_table_may_have_more_columns(warehouse: Any) -> None:
    from google.cloud import bigquery

    output = sink(warehouse, "wider")
    schema = [SchemaField("more", "DATE"), SchemaField("TEXT", "STRING"), SchemaField("n", "INT64")]
    warehouse.client.create_table(bigquery.Table("test.sinks.wider", schema=schema))
    output.check(NUMBERS)
    output.write(NUMBERS, numbers(3, 4))
    (row,) = rows(warehouse, "wider")
    assert (row["more"], row["n"]) == (None, 3)


def test_names_that_bigquery_does_not_take_are_told(warehouse: Any) -> None:
    output = sink(warehouse, "names")
    schema = pa.schema([(name, pa.int64()) for name in ("a b", "x", "X", "_PARTITIONTIME")])
    with pytest.raises(InputError) as error:
        output.check(schema)
    for said in ("the name 'a b'", "'X' and 'x' for one", "the name '_PARTITIONTIME'", "field="):
        assert said in str(error.value)


NAMES = [
    ("bigquery-query:q.sql", "a query takes no rows"),
    ("bigquery://test.sinks.t@2024-01-01", "not to an instant"),
    ("bigquery://test.sinks.t?row_restriction=n > 1", "not to an instant or a part"),
    ("bigquery://test.sinks", "names no table"),
    ("bigquery://test.sinks.read", "is one of the tables that are read"),
]


@pytest.mark.parametrize(("name", "said"), NAMES)
def test_a_name_that_is_no_tables_is_refused(warehouse: Any, name: str, said: str) -> None:
    read = ["bigquery://test.sinks.read@2024-01-01T00:00:00Z", "rows.csv"]
    with pytest.raises(InputError, match=said):
        open_table(warehouse.input(name), "--output", read)


def test_what_may_not_be_written_is_told(warehouse: Any) -> None:
    output = sink(warehouse, "forbidden")
    ready(output, NUMBERS)
    with pytest.raises(InputError, match=r"may not be written .* Data Editor"):
        output.write(NUMBERS, numbers(0, 10))
    absent = open_table(warehouse.input("bigquery://test.no_such.t"), "--output")
    with pytest.raises(InputError, match=r"is not there.*check project, dataset and table"):
        absent.check(NUMBERS)


def test_a_quota_is_told_as_one(warehouse: Any) -> None:
    output = open_table(warehouse.input("bigquery://test.sinks.over_quota"), "--output")
    with pytest.raises(RunFailed, match=r"a quota of BigQuery is used up .*ask for a greater one"):
        output.check(NUMBERS)


def test_writing_deletes_nothing(warehouse: Any) -> None:
    output = sink(warehouse, "kept")
    requests = Path(warehouse.emulators.requests)
    before = requests.read_text()
    ready(output, NUMBERS)
    output.write(NUMBERS, numbers(0, 10))
    asked = set(requests.read_text()[len(before) :].splitlines())
    assert {line.split()[0] for line in asked} == {"GET", "POST"}
    posted = {line for line in asked if line.startswith("POST")}
    assert posted == {"POST /bigquery/v2/projects/test/datasets/sinks/tables"}
