"""The flights example from BigQuery: the same run, to the byte, as from CSV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from google.cloud.bigquery import SchemaField

from forebay.cli import main
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.columns import Column

pytestmark = pytest.mark.gcp

REPOSITORY = Path(__file__).resolve().parents[2]
DEFINITION = f"{REPOSITORY}/examples/flights/flights.py:departure"
DATA = REPOSITORY / "data" / "flights"
EACH = 84  # one flight in so many, some 4,000 of all the year
KINDS = {
    "timestamp[us, tz=UTC]": "TIMESTAMP", "int64": "INT64", "double": "FLOAT64",
    "string": "STRING", "bool": "BOOL", "date32[day]": "DATE",
}  # fmt: skip
# BigQuery orders nothing, and neither do we: the same rows come in another order.
QUERY = "SELECT * FROM `test.d.flights` WHERE carrier != @none ORDER BY flight"


def load(warehouse: Any, name: str, text: Path, columns: Mapping[str, Column]) -> str:
    """Loads a CSV file as a table of BigQuery, each column of its own type."""
    fields = {kind.fields(c)[0]: kind for c, kind in columns.items()}
    types = {field: kind.arrow_type for field, kind in fields.items()}
    nulls = sorted({null for kind in fields.values() for null in kind.nulls})
    options = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=nulls, strings_can_be_null=True,
        include_columns=list(types),
    )  # fmt: skip
    rows = pyarrow.csv.read_csv(text, convert_options=options)
    schema = [SchemaField(field, KINDS[str(types[field])]) for field in types]
    return warehouse.load(name, schema, rows)


def contents(run: Path) -> dict[str, str]:
    """The checksums of the examples and of the vocabularies."""
    files = [*run.glob("examples/*/*"), *run.glob("transform_fn/assets/*")]
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "flights.csv"
    header, *lines = (DATA / "flights.csv").read_text().splitlines(keepends=True)
    path.write_text("".join([header, *lines[::EACH]]))
    return path


def test_flights_of_a_table_and_of_a_query_are_those_of_csv(
    warehouse: Any, in_emulators: Any, sample: Path, tmp_path: Path
) -> None:
    dataset = load_definition(DEFINITION)
    flights = load(warehouse, "flights", sample, dataset.columns)
    weather = load(warehouse, "weather", DATA / "weather.csv", dataset.sources["weather"].columns)
    (tmp_path / "query.sql").write_text(QUERY)
    given = {
        "csv": (str(sample), str(DATA / "weather.csv")),
        "table": (flights, weather),
        "query": (f"bigquery-query:{tmp_path / 'query.sql'}", weather),
    }
    for name, (rows, events) in given.items():
        arguments = [
            "preprocess", DEFINITION, "--input", rows, "--source", f"weather={events}",
            "--output", str(tmp_path / name), "--shards", "2", "--query-parameter", "none::XX",
        ]  # fmt: skip
        assert main(arguments) == 0

    csv = contents(tmp_path / "csv")
    assert len(csv) == 9  # two shards of each split, and three vocabularies
    assert contents(tmp_path / "table") == csv
    assert contents(tmp_path / "query") == csv
    manifest = json.loads((tmp_path / "query" / "manifest.json").read_text())
    inputs = {entry["path"]: entry["fingerprint"] for entry in manifest["inputs"]}
    assert inputs[given["query"][0]].startswith("job:")
    assert inputs[weather].startswith("modified:")
