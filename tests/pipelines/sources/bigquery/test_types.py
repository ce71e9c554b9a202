"""Which types of BigQuery a column can hold, before any row is read."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.bigquery import SchemaField

from forebay import Boolean, Date, Number, Source, String, Timestamp
from forebay.pipelines.sources.bigquery.types import check_table
from forebay.transforms.errors import InputError


@pytest.mark.parametrize(
    ("field", "column", "said"),
    [
        (SchemaField("c", "INTERVAL"), String(), "'c' is INTERVAL, which String() cannot hold"),
        (SchemaField("c", "GEOGRAPHY"), Number(), "'c' is GEOGRAPHY, which Number() cannot hold"),
        (SchemaField("c", "JSON"), Number(), "'c' is JSON, which Number() cannot hold"),
        (SchemaField("c", "BIGNUMERIC"), Boolean(), "'c' is BIGNUMERIC, which Boolean() cannot"),
        (SchemaField("c", "TIME"), Timestamp(), "'c' is TIME, which Timestamp() cannot hold"),
        (SchemaField("c", "STRING", "REPEATED"), String(), "'c' is ARRAY<STRING>, which String()"),
        (
            SchemaField("c", "STRUCT", fields=[SchemaField("x", "INT64")]), Number(),
            "'c' is STRUCT, which Number() cannot hold; name one of its fields (x) by",
        ),
        (
            SchemaField("c", "RANGE", range_element_type="DATE"), Date(),
            "'c' is RANGE, which Date() cannot hold; name one of its fields (start, end) by",
        ),
    ],
)  # fmt: skip
def test_a_type_that_a_column_cannot_hold_is_named(
    field: SchemaField, column: Any, said: str
) -> None:
    with pytest.raises(InputError) as error:
        check_table([field], Source(columns={"c": column}), "bigquery://p.d.t")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("field", "column"),
    [
        (SchemaField("c", "GEOGRAPHY"), String()),
        (SchemaField("c", "BIGNUMERIC"), Number()),
        (SchemaField("c", "RANGE", range_element_type="DATE"), Date(field="c.start")),
        (SchemaField("c", "RANGE", range_element_type="DATETIME"), Timestamp(field="c.end")),
    ],
)
def test_other_types_are_held(field: SchemaField, column: Any) -> None:
    check_table([field], Source(columns={"c": column}), "bigquery://p.d.t")


def test_a_type_that_nobody_knows_is_refused_where_it_is_read() -> None:
    fields = [SchemaField("a", "INT64"), SchemaField("b", "HOLOGRAM")]
    check_table(fields, Source(columns={"a": Number()}), "bigquery://p.d.t")
    with pytest.raises(InputError, match=r"'b' is HOLOGRAM, which String\(\) cannot hold"):
        check_table(fields, Source(columns={"b": String()}), "bigquery://p.d.t")
