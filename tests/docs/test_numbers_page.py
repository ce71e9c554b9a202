"""What the page on numbers shows is what the code does, from cells to a served row."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from doc_pages import Page

import forebay as fb
from forebay.pipelines.transform.graph_rows import to_graph_rows
from forebay.serving.instances import InstanceReader
from forebay.transforms.definition.columns import MISSING
from forebay.transforms.errors import InstanceError
from forebay.transforms.graph.inputs import feature_spec
from forebay.transforms.graph.missing import is_missing
from forebay.transforms.graph.preprocessing import preprocessing_fn
from forebay.transforms.parsing.cells import read_cells

PAGE = Page("reference/features/numbers.md")


def whole() -> fb.Dataset:
    """Runs the page's code, and returns a definition with the features of all that it defines."""
    names: dict[str, Any] = {}
    features = []
    for code in PAGE.code("python"):
        exec(code, names)
        features += [f for f in names.pop("features", []) if f not in features]
    assert sum(isinstance(value, fb.Dataset) for value in names.values()) == 6
    return names["rides"](features)  # type: ignore[no-any-return]


def graph_rows(dataset: fb.Dataset, cells: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Reads cells as files are read, and turns them into rows of the graph."""
    read = {}
    for name, column in dataset.columns.items():
        raw = pa.array([cell.encode() for cell in cells[name]], pa.binary())
        of_column = read_cells(raw, column)
        assert not of_column.problems
        read[name] = of_column.values
    batch = to_graph_rows(pa.RecordBatch.from_pydict(read), dataset)
    return {name: batch[name].flatten().to_pylist() for name in dataset.graph_columns}


def rides() -> dict[str, list[str]]:
    """The page's first table, as cells of a file, with a fare."""
    (table, *_) = PAGE.tables
    cells = {name: [row[name] for row in table] for name in table[0]}
    return {**cells, "fare": ["9.5"] * len(table)}


def transform(folder: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """Returns the graph of all the page's features as a layer, and what it makes of the rides."""
    dataset = whole()
    given = graph_rows(dataset, rides())
    rows = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
    metadata = tft.DatasetMetadata.from_feature_spec(feature_spec(dataset))
    with tft_beam.Context(temp_dir=str(folder / "temp")):
        function = (rows, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn(dataset))
        _ = function | tft_beam.WriteTransformFn(str(folder))
    layer = tft.TFTransformOutput(str(folder)).transform_features_layer()
    dtypes = {name: spec.dtype for name, spec in feature_spec(dataset).items()}
    found = layer({name: tf.constant(given[name], dtypes[name]) for name in given})
    return layer, {name: tensor.numpy() for name, tensor in found.items()}


@pytest.fixture(scope="module")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, np.ndarray]]:
    return transform(tmp_path_factory.mktemp("page"))


def test_the_tables_are_what_the_code_makes_of_the_rides(transformed: tuple) -> None:
    _, found = transformed
    shown: set[str] = set()
    for table in PAGE.tables:
        for name in set(found) & set(table[0]):
            shown.add(name)
            for row, value in zip(table, found[name], strict=True):
                text = row[name].replace("−", "-")
                digits = len(text.partition(".")[2])
                assert float(text) == pytest.approx(value, abs=0.5001 * 10**-digits), (name, row)
        for name in set(rides()) & set(table[0]):
            assert [row[name] for row in table] == rides()[name]
    assert shown == set(found) - {"fare"}


def test_what_z_scores_are_by_hand() -> None:
    """The page's own numbers, worked out here: the page cannot be wrong in the same way."""
    minutes = [float(cell or "nan") for cell in rides()["minutes"]]
    known = [value for value in minutes if math.isfinite(value)]
    mean = sum(known) / len(known)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in known) / len(known))
    table = next(t for t in PAGE.tables if "minutes_z_score" in t[0])
    for row, value in zip(table, minutes, strict=True):
        score = 0.0 if math.isnan(value) else (value - mean) / deviation
        assert float(row["minutes_z_score"].replace("−", "-")) == pytest.approx(score, abs=0.006)


def test_cells_are_missing_nan_or_values_as_the_table_says() -> None:
    (table,) = [t for t in PAGE.tables if "the cell" in t[0]]
    texts = {"empty": ""}
    for row in table:
        text = texts.get(row["the cell"], row["the cell"].strip("`"))
        for kind in list(row)[1:]:
            column = eval("fb." + kind.strip("`"))
            cells = read_cells(pa.array([text.encode()], pa.binary()), column)
            (value,) = cells.values.to_pylist()
            outcome = "reject" if cells.problems else "missing" if value is None else "a value"
            if outcome == "a value" and isinstance(value, float) and not math.isfinite(value):
                outcome = "NaN" if math.isnan(value) else str(value)
            assert outcome == row[kind], (text, kind)
            if outcome == "a value":
                assert value == text


def test_booleans_times_and_days_read_cells_as_integers_do() -> None:
    for column in (fb.Boolean(), fb.Timestamp(), fb.Date()):
        for text, missing in (("", True), ("NA", False), ("NaN", False), ("inf", False)):
            cells = read_cells(pa.array([text.encode()], pa.binary()), column)
            assert bool(cells.problems) == (not missing)


def test_what_is_missing_in_the_graph(transformed: tuple) -> None:
    layer, _ = transformed
    for dtype, marker in MISSING.items():
        assert bool(is_missing(tf.constant(marker, dtype)))
    assert [bool(is_missing(tf.constant(x))) for x in (math.nan, math.inf, -math.inf, 0.0)] == [
        True, True, True, False,
    ]  # fmt: skip
    assert not bool(is_missing(tf.constant("")))
    assert not bool(is_missing(tf.constant("NaN")))
    # The graph asked about NaN, an infinity and a value; about nothing and two values.
    dataset = whole()
    cells = {name: [values[0]] * 3 for name, values in rides().items()}
    given = graph_rows(dataset, cells | {"minutes": ["NaN", "inf", "10"], "stops": ["", "2", "0"]})
    assert given["stops"] == [MISSING["int64"], 2, 0]
    assert np.isnan(np.array(given["minutes"]).view(np.float64)[0])  # float64, for less_stops
    dtypes = {name: spec.dtype for name, spec in feature_spec(dataset).items()}
    found = layer({name: tf.constant(given[name], dtypes[name]) for name in given})
    assert found["by_number_is_missing"].numpy().tolist() == [1, 1, 0]
    assert found["by_mode"].numpy().tolist() == [1, 2, 0]


ASKED = {
    "pickup": "2024-03-01T13:30:00Z", "joined": "2024-02-29", "driver": "ann", "minutes": 10.0,
    "tip": 0.0, "stops": 1, "lat": 40.75, "lon": -73.99, "to_lat": 40.64, "to_lon": -73.78,
}  # fmt: skip


def test_what_is_missing_in_forebay_predict() -> None:
    dataset = whole()
    reader = InstanceReader(dataset)
    nothing = reader.read(dict.fromkeys(ASKED))
    for name, value in nothing.items():
        marker = MISSING[dataset.columns[name].graph_dtype]
        assert value == marker or (value != value and marker != marker)
    assert reader.read({**ASKED, "driver": ""})["driver"] == b""
    assert reader.read({**ASKED, "driver": "NaN"})["driver"] == b"NaN"
    with pytest.raises(InstanceError, match="NaN is not a number in JSON; write null"):
        reader.parse(json.dumps({**ASKED, "minutes": math.nan}).encode())
    for name in ("minutes", "stops", "pickup", "joined"):
        for text in ("", "NaN"):
            with pytest.raises(InstanceError, match=name):
                reader.read({**ASKED, name: text})
