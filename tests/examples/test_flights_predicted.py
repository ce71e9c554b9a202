"""A person's whole way: January to October trains, November's rows are answered, unlabelled."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
import tensorflow as tf
import tensorflow_transform as tft

import forebay as fb
from forebay.cli import main
from forebay.storage.run.exported import newest_model, open_exported
from forebay.transforms.graph.fed import marked_column

DEFINITION = Path(__file__).resolve().parents[2] / "examples" / "flights" / "flights.py"
NOVEMBER = "2013-11-01T00:00:00-04:00"
# What is known of a flight only once it has left.
LATER = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
EVERY = 150


@dataclass(frozen=True)
class Way:
    """The tables, and what was made of them.

    Attributes:
        folder: where all of it is: the tables ``flights.csv`` and ``november.csv``, the runs
            ``trained`` and ``labelled``, and ``november.jsonl``, the predictions.
        sources: the arguments for the other tables.
    """

    folder: Path
    sources: list[str]

    @property
    def model(self) -> str:
        return newest_model(str(self.folder / "trained" / "model"))

    def written(self, run: str, split: str) -> pa.RecordBatch:
        """The rows of a split after the windows, as Parquet has them."""
        (path,) = (self.folder / run / "parquet" / "rows" / split).glob("*.parquet")
        return pa_parquet.read_table(path).combine_chunks().to_batches()[0]

    def predictions(self) -> list[dict[str, Any]]:
        lines = (self.folder / "november.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def way(prepare: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Way:
    folder = tmp_path_factory.mktemp("way")
    data = prepare.find_data()
    header, *lines = prepare.read_flights(data).splitlines(keepends=True)
    (folder / "flights.csv").write_bytes(b"".join([header, *lines[::EVERY]]))
    write_november(folder)
    sources = [f"{name}={data / name}.csv" for name in ("weather", "planes")]
    way = Way(folder, [part for one in sources for part in ("--source", one)])
    tables = ["--input", str(folder / "flights.csv"), *way.sources]
    asked = ["preprocess", f"{DEFINITION}:aircraft", *tables]
    trained = str(folder / "trained")
    assert main([*asked, "--to", NOVEMBER, "--output", trained]) == 0
    assert (
        main(["train", trained, "--max-steps", "5", "--hidden-units", "8", "--no-tensorboard"]) == 0
    )
    assert main(predict(way, str(folder / "november.jsonl"))) == 0
    labelled = [
        "--from",
        NOVEMBER,
        "--to",
        "2013-12-01T00:00:00-05:00",
        "--also",
        "parquet",
        "--keep-unlabelled",
    ]
    again = [*labelled, "--transform-fn", trained, "--output", str(folder / "labelled")]
    assert main([*asked, *again]) == 0
    return way


def write_november(folder: Path) -> None:
    with (folder / "flights.csv").open(newline="", encoding="utf-8") as file:
        flights = list(csv.DictReader(file))
    names = [name for name in flights[0] if name not in LATER]
    november = [row for row in flights if row["month"] == "11"]
    with (folder / "november.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(november)


def predict(way: Way, output: str, *more: str) -> list[str]:
    return [
        "predict", "--model", way.model, "--input", str(way.folder / "november.csv"),
        "--history", str(way.folder / "flights.csv"), *way.sources,
        "--definition", f"{DEFINITION}:aircraft", "--output", output, *more,
    ]  # fmt: skip


def test_every_new_row_has_its_answer_in_order(way: Way) -> None:
    with (way.folder / "november.csv").open(newline="", encoding="utf-8") as file:
        flights = [(row["carrier"], int(row["flight"])) for row in csv.DictReader(file)]

    assert [(row["carrier"], row["flight"]) for row in way.predictions()] == flights


def test_answers_are_those_of_the_labelled_run_to_the_bit(way: Way) -> None:
    """Its windows, given to a plain SavedModel, with no code of ours."""
    tables = [way.written("labelled", split) for split in ("test", "predict")]
    model = tf.saved_model.load(way.model).signatures["serving_default"]

    labelled = {key: answer for rows in tables for key, answer in ask(model, rows, way).items()}

    answered = {
        (row["flight_date"], row["carrier"], row["flight"]): np.float32(row["prediction"])
        for row in way.predictions()
    }
    assert len(labelled) == sum(map(len, tables)) > 100
    assert answered == labelled


def ask(model: Any, rows: pa.RecordBatch, way: Way) -> dict[tuple[Any, ...], np.float32]:
    dataset = open_exported(way.model).definition
    columns = {
        name: tf.constant(
            marked_column(rows[name], dataset.graph_dtypes[name]).to_numpy(zero_copy_only=False)
        )
        for name in dataset.served_columns
    }
    answers = model(**columns)["prediction"].numpy()
    keys = zip(*(rows[name].to_pylist() for name in ("flight_date", "carrier", "flight")),
               strict=True)  # fmt: skip
    return {(str(day), *key): a for (day, *key), a in zip(keys, answers, strict=True)}


def test_from_python_frames_are_answered_the_same(way: Way) -> None:
    """Of numbers and of texts; rows of both are one."""
    new = pd.read_csv(way.folder / "november.csv", dtype={"tailnum": "string"})
    earlier = pd.read_csv(way.folder / "flights.csv", dtype=str)
    sources = dict(one.split("=", 1) for one in way.sources[1::2])

    found = fb.predict(
        way.model, new, history=earlier, sources=sources, definition=f"{DEFINITION}:aircraft"
    )

    written = way.predictions()
    assert found.columns == list(written[0])
    assert found.arrow["flight"].to_pylist() == [row["flight"] for row in written]
    answers = np.array([row["prediction"] for row in written], np.float32)
    np.testing.assert_array_equal(found.arrow["prediction"].to_numpy(), answers)
    assert found.records == len(found) == len(new)
    (planes,) = found.lookups.values()
    assert planes.source == "planes"
    assert planes.found + planes.not_found + planes.without_key == len(new)
    rejects = (way.folder / "november.jsonl.rejects.jsonl").read_text("utf-8").splitlines()
    reasons = [json.loads(line)["reason"] for line in rejects]
    assert found.rejects.arrow["reason"].to_pylist() == reasons


def test_unlabelled_rows_are_kept_as_a_split(way: Way) -> None:
    run = way.folder / "labelled"
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    spec = tft.TFTransformOutput(str(run)).transformed_feature_spec()
    (file,) = (name for name in manifest["files"] if name.startswith("examples/predict/"))
    records = tf.data.TFRecordDataset(str(run / file))
    examples = [tf.io.parse_single_example(record, spec) for record in records]

    with (way.folder / "flights.csv").open(newline="", encoding="utf-8") as table:
        flights = list(csv.DictReader(table))
    unlabelled = [row for row in flights if row["month"] == "11" and row["arr_delay"] == "NA"]
    assert manifest["rows"]["predict"] == len(examples) == len(unlabelled) > 0
    assert "no label" not in manifest["dropped"]
    assert sorted(one["flight"].numpy() for one in examples) == sorted(
        int(row["flight"]) for row in unlabelled
    )
    assert all(np.isnan(one["arr_delay"].numpy()) for one in examples)


def test_what_cannot_be_answered_is_told_beforehand(
    way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(way.folder / "none.jsonl")
    with_other = [arg.replace(":aircraft", ":schedule") for arg in predict(way, output)]
    no_source = predict(way, output)
    del no_source[no_source.index("--source") : no_source.index("--source") + 2]
    cases = {
        "is not the definition 'flights-aircraft' that the model was made with": with_other,
        "no files for weather, of the sources of the definition": no_source,
        "--history 'nowhere.csv' matches no file": [*predict(way, output), "--history",
                                                   "nowhere.csv"],
        "a table goes to --input": [*predict(way, output), "rows.jsonl"],
        "is one of the files that are read": predict(way, str(way.folder / "november.csv")),
    }  # fmt: skip
    for said, arguments in cases.items():
        assert main(arguments) == 2, said
        assert said in capsys.readouterr().err
    assert not Path(output).exists()


def test_a_table_without_what_answers_depend_on_is_refused(
    way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    with (way.folder / "november.csv").open(newline="", encoding="utf-8") as file:
        flights = list(csv.DictReader(file))
    text = io.StringIO()
    writer = csv.DictWriter(text, [n for n in flights[0] if n != "dest"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(flights[:3])
    lacking = way.folder / "lacking.csv"
    lacking.write_text(text.getvalue(), "utf-8")
    arguments = predict(way, str(way.folder / "none.jsonl"))
    arguments[arguments.index("--input") + 1] = str(lacking)

    assert main(arguments) == 2

    assert f"{lacking}: has no column 'dest'" in capsys.readouterr().err
