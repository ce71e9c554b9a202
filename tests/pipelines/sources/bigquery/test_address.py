"""How inputs of BigQuery and their parameters are written."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from forebay.pipelines.sources.bigquery.address import (
    BigQuery,
    TableAddress,
    as_bigquery,
    query_parameters,
    table_address,
)
from forebay.pipelines.sources.tables import find_inputs
from forebay.transforms.errors import InputError

MAY = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bigquery://my-project.d.t", TableAddress("my-project", "d", "t")),
        ("bigquery://example.com:my-project.d.t", TableAddress("example.com:my-project", "d", "t")),
        ("bigquery://p.d.t$20240501", TableAddress("p", "d", "t$20240501")),
        ("bigquery://p.d.t@2024-05-01T00:00:00Z", TableAddress("p", "d", "t", MAY)),
        ("bigquery://p.d.t@2024-05-01T02:00:00+02:00", TableAddress("p", "d", "t", MAY)),
        (
            "bigquery://p.d.t@2024-05-01?row_restriction=a = 'x?' AND b < 2",
            TableAddress("p", "d", "t", MAY, "a = 'x?' AND b < 2"),
        ),
        (
            "bigquery://p.d.t?row_restriction=name LIKE '%20%'",
            TableAddress("p", "d", "t", None, "name LIKE '%20%'"),
        ),
    ],
)
def test_a_table_is_addressed(text: str, meant: TableAddress) -> None:
    assert table_address(text) == meant


@pytest.mark.parametrize("text", ["bigquery://", "bigquery://t", "bigquery://p.d.t.x"])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"names no table; write bigquery://PROJECT\.DATASET"):
        table_address(text)


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("n:INT64:7", "INT64", 7),
        ("n:int64:-7", "INT64", -7),
        ("n::a:b'c", "STRING", "a:b'c"),
        ("n:STRING:", "STRING", ""),
        ("n:FLOAT64:0.5", "FLOAT64", 0.5),
        ("n:NUMERIC:0.1", "NUMERIC", Decimal("0.1")),
        ("n:BOOL:true", "BOOL", True),
        ("n:TIMESTAMP:2024-05-01 00:00:00Z", "TIMESTAMP", "2024-05-01 00:00:00Z"),
        ("n:DATE:NULL", "DATE", None),
        ("n:ARRAY<INT64>:[1, 2]", "INT64", [1, 2]),
        ('n:ARRAY<STRING>:["a", "b"]', "STRING", ["a", "b"]),
        ("n:ARRAY<STRING>:[7, true]", "STRING", ["7", "true"]),
        ("n:ARRAY<BOOL>:[true, false]", "BOOL", [True, False]),
        (
            "n:ARRAY<NUMERIC>:[0.10000000000000000001]",
            "NUMERIC",
            [Decimal("0.10000000000000000001")],
        ),
    ],
)
def test_a_parameter_is_read_as_the_bq_command_has_it(text: str, type_: str, value: Any) -> None:
    (read,) = query_parameters([text])
    assert (read.name, read.type, read.value) == ("n", type_, value)
    assert read.is_array == ("ARRAY" in text)


@pytest.mark.parametrize("items", ['["NO", null]', "[1, [2]]", '["NO", {"a": 1}]'])
def test_an_item_that_is_no_single_value_is_refused(items: str) -> None:
    with pytest.raises(InputError, match="item 2 is no text, number or truth value, and arrays"):
        query_parameters([f"n:ARRAY<STRING>:{items}"])


def test_files_are_no_inputs_of_bigquery() -> None:
    assert as_bigquery("data/bigquery.csv") is None
    assert as_bigquery([{"a": 1}]) is None


def test_without_the_extra_one_error_names_it() -> None:
    program = (
        "import sys; sys.modules['google.cloud.bigquery'] = None\n"
        "from forebay.pipelines.sources.bigquery.input import open_bigquery\n"
        "from forebay.pipelines.sources.bigquery.address import BigQuery\n"
        "open_bigquery(BigQuery('bigquery://p.d.t'), None, 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("forebay.transforms.errors.InputError: BigQuery needs")
    assert last.endswith("pip install 'forebay[gcp]'")


def test_what_is_named_twice_is_read_once() -> None:
    table, query = "bigquery://p.d.t", "bigquery-query:q.sql"
    of_may = BigQuery(query, ("month:INT64:5",))

    found = find_inputs([table, query, of_may, table, BigQuery(query), of_may])

    assert found == [BigQuery(table), BigQuery(query), of_may]
