"""The flights example from every kind of input: the same run, to the byte, as from CSV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from google.cloud.bigquery import SchemaField
from table_kinds import WRITERS

from forebay.cli import main
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import preprocess as made
from forebay.pipelines.sources.spool import Given
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


def typed(text: Path, columns: Mapping[str, Column]) -> pa.Table:
    """Reads a CSV file as a table, each column of its own type."""
    fields = {kind.fields(c)[0]: kind for c, kind in columns.items()}
    types = {field: kind.arrow_type for field, kind in fields.items()}
    nulls = sorted({null for kind in fields.values() for null in kind.nulls})
    options = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=nulls, strings_can_be_null=True,
        include_columns=list(types),
    )  # fmt: skip
    return pyarrow.csv.read_csv(text, convert_options=options)


def load(warehouse: Any, name: str, rows: pa.Table) -> str:
    """Loads a table into BigQuery."""
    schema = [SchemaField(field.name, KINDS[str(field.type)]) for field in rows.schema]
    return warehouse.load(name, schema, rows)


def contents(run: Path) -> dict[str, str]:
    """The checksums of the examples and of the vocabularies."""
    files = [*run.glob("examples/*/*"), *run.glob("transform_fn/assets/*")]
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def preprocess(rows: str, weather: str, run: str, *more: str) -> int:
    return main(
        ["preprocess", DEFINITION, "--input", rows, "--source", f"weather={weather}",
         "--output", run, "--shards", "2", *more]
    )  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "flights.csv"
    header, *lines = (DATA / "flights.csv").read_text().splitlines(keepends=True)
    path.write_text("".join([header, *lines[::EACH]]))
    return path


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that is made of CSV files on a local disk."""
    run = tmp_path_factory.mktemp("runs") / "csv"
    assert preprocess(str(sample), str(DATA / "weather.csv"), str(run)) == 0
    return run


def every_kind(
    flights: pa.Table, weather: pa.Table, folder: Path
) -> Iterator[tuple[str, Given, Given]]:
    """Yields what each kind is called, and both tables as it."""
    for name in ("JSON lines", "Parquet", "Arrow", "TFRecord"):
        paths = [folder / f"{name}-{table}" for table in ("flights", "weather")]
        for path, table in zip(paths, (flights, weather), strict=True):
            records = table.to_pylist()
            kind = {"JSON lines": "jsonl", "TFRecord": "tfrecord"}.get(name)
            if kind is not None:
                WRITERS[kind](records, path)
            elif name == "Parquet":
                pyarrow.parquet.write_table(table, path, row_group_size=1000)
            else:
                pyarrow.feather.write_feather(table, str(path), chunksize=1000)
        # Numbers of tf.Examples are float32, and the weather's are not.
        yield name, str(paths[0]), weather if name == "TFRecord" else str(paths[1])
    yield "pandas", flights.to_pandas(), weather.to_pandas()
    yield "Polars", polars.from_arrow(flights), polars.from_arrow(weather)


@pytest.mark.timeout(1800)  # eight runs
def test_flights_of_every_kind_are_those_of_csv(
    warehouse: Any, in_emulators: Any, sample: Path, run: Path, tmp_path: Path
) -> None:
    dataset = load_definition(DEFINITION)
    rows = typed(sample, dataset.columns)
    hours = typed(DATA / "weather.csv", dataset.sources["weather"].columns)
    csv = contents(run)
    assert len(csv) == 9  # two shards of each split, and three vocabularies
    for name, given, source in every_kind(rows, hours, tmp_path):
        output = str(tmp_path / f"run of {name}")
        options = PreprocessOptions(
            DEFINITION, (given,), output=output, sources={"weather": (source,)}, shards=2
        )
        made(options)
        assert contents(Path(output)) == csv, name

    flights = load(warehouse, "flights", rows)
    weather = load(warehouse, "weather", hours)
    (tmp_path / "query.sql").write_text(QUERY)
    query = f"bigquery-query:{tmp_path / 'query.sql'}"
    parameter = ("--query-parameter", "none::XX")
    assert preprocess(flights, weather, str(tmp_path / "table")) == 0
    assert preprocess(query, weather, str(tmp_path / "query"), *parameter) == 0

    assert contents(tmp_path / "table") == csv
    assert contents(tmp_path / "query") == csv
    manifest = json.loads((tmp_path / "query" / "manifest.json").read_text())
    (entry,) = manifest["inputs"]
    assert entry["path"] == query
    assert entry["fingerprint"].startswith("job:")
    (rejects,) = (tmp_path / "table" / "rejects").iterdir()
    reject = json.loads(rejects.read_text())
    assert set(reject) == {"source", "stream", "offset", "reason", "raw"}
    assert reject["source"] == weather


def test_a_run_on_cloud_storage_is_the_one_on_a_disk(
    emulators: Any, in_emulators: Any, sample: Path, run: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import tensorflow as tf
    from apache_beam.io.filesystems import FileSystems

    bucket = f"gs://{emulators.bucket}"
    flights, weather = f"{bucket}/data/flights.csv", f"{bucket}/data/weather.csv"
    for path, there in ((sample, flights), (DATA / "weather.csv", weather)):
        tf.io.gfile.copy(str(path), there)
    remote = f"{bucket}/runs/flights"
    assert preprocess(flights, weather, remote) == 0

    found = [
        f"{folder.removesuffix('/')}/{name}".removeprefix(f"{remote}/")
        for folder, _, names in tf.io.gfile.walk(remote) for name in names
    ]  # fmt: skip
    manifest = json.loads(tf.io.gfile.GFile(f"{remote}/manifest.json").read())
    assert sorted({*manifest["files"], "manifest.json"}) == sorted(found)
    # Asked of Beam: TensorFlow remembers for seconds what it has seen there.
    assert FileSystems.match([f"{remote}/.forebay-**"])[0].metadata_list == []
    for name in found:
        tf.io.gfile.makedirs(str((tmp_path / name).parent))
        tf.io.gfile.copy(f"{remote}/{name}", str(tmp_path / name))
    assert contents(tmp_path) == contents(run)

    assert preprocess(flights, weather, remote) == 2
    assert "--overwrite" in capsys.readouterr().err
    failed = f"{bucket}/runs/failed"
    assert preprocess(flights, weather, failed, "--from", "2030-01-01") == 2
    assert FileSystems.match([f"{failed}/**"])[0].metadata_list == []
    assert main(["train", remote, "--model", "linear", "--epochs", "1"]) == 0
    assert main(["evaluate", remote]) == 0
    assert tf.io.gfile.exists(f"{remote}/evaluation/test.json")
    capsys.readouterr()
    rows = f"{REPOSITORY}/examples/flights/rows.jsonl"
    assert main(["predict", "--model", f"{remote}/model", rows]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == len(Path(rows).read_text().splitlines())
    assert all("error" not in answer for answer in answers)
