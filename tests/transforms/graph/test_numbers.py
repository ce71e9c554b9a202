"""Numbers in the graph, analyzed by tf.Transform in several batches, against numpy and sklearn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from analyzed import fed
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler
from tensorflow_transform import analyzer_nodes

from forebay.transforms.definition.columns import (
    MISSING,
    Boolean,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference, Elapsed, Euclidean, Haversine
from forebay.transforms.definition.features import (
    Bucketized,
    Crossed,
    Cyclic,
    Feature,
    Grid,
    Numeric,
)
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.graph.inputs import feature_spec
from forebay.transforms.graph.preprocessing import preprocessing_fn

Rows = dict[str, np.ndarray[Any, Any]]

N = 601
BATCH = 97
NAN = float("nan")
DAY_US = 86_400_000_000
COLUMNS = {
    "x": Number(), "skewed": Number(), "flat": Number(), "zeros": Number(), "nothing": Number(),
    "huge": Number(), "tied": Number(), "i": Integer(), "flag": Boolean(), "carrier": String(),
    "code": Integer(), "lat": Number(), "lon": Number(), "to_lat": Number(), "to_lon": Number(),
    "at": Timestamp(), "since": Timestamp(), "born": Date(), "y": Number(),
}  # fmt: skip
BOUNDS = {"latitudes": (40.0, 41.0), "longitudes": (-75.0, -73.0)}
FEATURES: list[Feature] = [
    Numeric("x", scale="-1_1"),
    Numeric("x", scale="robust", impute="median"),
    Numeric("x", impute="median", name="by_median"),
    Numeric("i", impute="most_frequent", name="by_mode"),
    Numeric("flag", impute="most_frequent", scale="z_score", name="flag"),
    Numeric("tied", impute="most_frequent", name="tied_mode"),
    Numeric("zeros", scale="robust"),
    *[Numeric("flat", scale=s) for s in ("z_score", "0_1", "-1_1", "robust")],  # type: ignore[arg-type]
    *[Numeric("nothing", scale="robust", impute=p, name=f"nothing_{p}")  # type: ignore[arg-type]
      for p in ("mean", "median", "most_frequent")],
    Numeric("x", scale="z_score", key="carrier", indicator=True),
    Numeric("huge", scale="z_score", key="carrier"),
    Numeric("x", scale="z_score", key="code", log1p=True, clip=(-1.0, 2.0), impute=0.5),
    Numeric(Difference("x", "skewed"), scale="z_score", key="carrier"),
    Bucketized("x", linspace=(-1.5, 1.5, 7)),
    Bucketized("x", quantiles=4, name="x_quarter"),
    Bucketized("skewed", quantiles=4),
    Bucketized("nothing", quantiles=4),
    Grid("lat", "lon", cells=(4, 8), **BOUNDS, name="cell"),  # type: ignore[arg-type]
    Grid("lat", "lon", cells=(4, 3), name="strips"),
    Grid("lat", "lon", cells=(1, 8), longitudes=BOUNDS["longitudes"], name="half"),
    Crossed("cell_bucket", ["cell", "x_bucket"], buckets=500),
    Numeric(Haversine("lat", "lon", "to_lat", "to_lon"), indicator=True, name="km"),
    Numeric(Euclidean("lat", "lon", "to_lat", "to_lon"), name="degrees"),
    Numeric(Elapsed("since", "at"), name="seconds"),
    Numeric(Elapsed("born", "at", unit="days"), indicator=True, name="age"),
    Numeric(Elapsed("at", "born", unit="hours"), name="hours"),
    Cyclic("at", tz="America/New_York"),
    Cyclic("born", "day_of_year"),
]  # fmt: skip
DEFINITION = Dataset(
    name="numbers", columns=COLUMNS, features=FEATURES, label=Regression("y"),
    split=HashSplit("carrier"),
)  # fmt: skip
CARRIERS = [b"UA", b"DL", b"AA", b"\xff", b""]


def holes(values: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    marker: Any = MISSING["float32" if values.dtype.kind == "f" else "int64"]
    return np.where(random.random(len(values)) < share, marker, values).astype(values.dtype)


def make_rows(n: int, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    carrier = random.choice(np.array(CARRIERS, object), n)
    offset = np.array([{b"DL": 3.0, b"AA": -2.0}.get(name, 0.0) for name in carrier])
    x = random.normal(offset, 1 + (carrier == b"DL"))
    at = random.integers(0, 20_000, n) * DAY_US + random.integers(0, DAY_US, n)
    columns = {
        "x": holes(x.astype(np.float32), 0.1, random),
        "skewed": random.lognormal(0, 2, n), "flat": np.full(n, 5.0), "nothing": np.full(n, NAN),
        "zeros": np.where(random.random(n) < 0.8, 0.0, 10.0), "huge": 1e7 + 4 * np.round(x),
        "tied": np.array(([-2.0, -0.5, 3.0, NAN] * n)[:n]),
        "i": holes(random.choice([-7, 3, 40], n, p=[0.3, 0.5, 0.2]), 0.2, random),
        "flag": holes(random.integers(0, 2, n), 0.2, random),
        "carrier": carrier, "code": holes(random.integers(0, 3, n), 0.2, random),
        "lat": holes(random.uniform(39.8, 41.2, n), 0.1, random),
        "lon": random.uniform(-75.4, -72.6, n), "to_lat": random.uniform(-90, 90, n),
        "to_lon": random.uniform(-180, 180, n), "at": at,
        "since": at - random.integers(-10**10, 10**15, n),
        "born": holes(random.integers(-20_000, 20_000, n), 0.1, random), "y": np.ones(n),
    }  # fmt: skip
    return {
        name: values.astype({"float32": np.float32, "int64": np.int64, "string": object}[
            COLUMNS[name].graph_dtype]) for name, values in columns.items()
    }  # fmt: skip


def with_changes(rows: Rows, **columns: list[Any]) -> Rows:
    """The first rows, with other values in some columns."""
    n = len(next(iter(columns.values())))
    changed = {name: values[:n].copy() for name, values in rows.items()}
    for name, values in columns.items():
        changed[name][:] = values
    return changed


@pytest.fixture(scope="module")
def train() -> Rows:
    rows = make_rows(N, 1)
    # A carrier with one flight, and one whose flights are all the same.
    rows["carrier"][:4] = [b"lone", b"same", b"same", b"same"]
    rows["x"][:4] = [1.5, 0.1, 0.1, 0.1]
    # One whose flights are all missing.
    rows["carrier"][4], rows["x"][4], rows["skewed"][4] = b"unknown", NAN, NAN
    return rows


@pytest.fixture(scope="module")
def graph(train: Rows, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Asks the graph that was made of the training rows: a function of rows."""
    metadata = tft.DatasetMetadata.from_feature_spec(feature_spec(DEFINITION))
    folder = tmp_path_factory.mktemp("numbers")
    names = list(metadata.schema.feature)
    columns = fed(DEFINITION, train)
    given = [{c.name: columns[c.name][i] for c in names} for i in range(N)]
    with tft_beam.Context(temp_dir=str(folder / "temp"), desired_batch_size=BATCH):
        function = (given, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn(DEFINITION))
        _ = function | tft_beam.WriteTransformFn(str(folder))
    output = tft.TFTransformOutput(str(folder))
    layer = output.transform_features_layer()

    def ask(rows: Rows) -> dict[str, np.ndarray]:
        columns = fed(DEFINITION, rows)
        found = layer({c.name: tf.constant(columns[c.name]) for c in names})
        return {name: tensor.numpy() for name, tensor in found.items()}

    ask.output, ask.layer, ask.folder = output, layer, folder  # type: ignore[attr-defined]
    return ask


@pytest.fixture(scope="module")
def found(graph: Any, train: Rows) -> dict[str, np.ndarray]:
    return graph(train)


def rank(values: np.ndarray, of: float) -> tuple[float, float]:
    """The shares of values below, and not above."""
    known = values[np.isfinite(values)]
    return float((known < of).mean()), float((known <= of).mean())


def test_minus_one_to_one(found: dict, train: Rows) -> None:
    x = train["x"].astype(np.float64)
    x = np.where(np.isnan(x), np.nanmean(x), x)[:, None]
    expected = MinMaxScaler((-1, 1)).fit_transform(x)[:, 0]
    np.testing.assert_allclose(found["x_minus1_1"], expected, rtol=0, atol=1e-6)
    assert MaxAbsScaler().fit(found["x_minus1_1"][:, None]).max_abs_[0] == 1.0


def test_robust_scaling_is_of_the_median_and_the_quartiles(found: dict, train: Rows) -> None:
    x, y = train["x"].astype(np.float64), found["x_robust"].astype(np.float64)
    known = np.isfinite(x)
    slope, intercept = np.polyfit(x[known], y[known], 1)
    np.testing.assert_allclose(y[known], slope * x[known] + intercept, atol=1e-5)
    below, upto = rank(x, -intercept / slope)
    assert below - 0.01 <= 0.5 <= upto + 0.01
    least, greatest = (np.quantile(x[known], [0.75 + e, 0.25 - e]) for e in (-0.012, 0.012))
    assert least[0] - least[1] <= 1 / slope <= greatest[0] - greatest[1]
    np.testing.assert_array_equal(y[~known], 0.0)


def test_equal_quartiles_move_a_column_and_keep_its_scale(found: dict, train: Rows) -> None:
    np.testing.assert_array_equal(found["zeros_robust"], train["zeros"])


def test_the_median_stands_for_missing_values(found: dict, train: Rows) -> None:
    missing = np.isnan(train["x"])
    (median,) = np.unique(found["by_median"][missing])
    assert median in train["x"]
    below, upto = rank(train["x"], median)
    assert below - 0.01 <= 0.5 <= upto + 0.01
    np.testing.assert_array_equal(found["by_median"][~missing], train["x"][~missing])


def test_the_most_frequent_value_stands_for_missing_ones(found: dict, train: Rows) -> None:
    missing = train["i"] == MISSING["int64"]
    assert missing.any()
    np.testing.assert_array_equal(found["by_mode"], np.where(missing, 3, train["i"]))
    flags = train["flag"][train["flag"] != MISSING["int64"]]
    filled = np.where(train["flag"] == MISSING["int64"], flags.mean() > 0.5, train["flag"])
    mean, deviation = flags.mean(), flags.std()
    np.testing.assert_allclose(found["flag"], (filled - mean) / deviation, rtol=1e-5)


def test_of_several_most_frequent_values_the_least_is_taken(found: dict, train: Rows) -> None:
    assert np.unique(train["tied"], return_counts=True)[1].tolist() == [151, 150, 150, 150]
    np.testing.assert_array_equal(found["tied_mode"], np.nan_to_num(train["tied"], nan=-2.0))


def test_constant_and_empty_columns_become_zero(found: dict) -> None:
    outputs = [name for name in found if name.startswith(("flat_", "nothing_"))]
    assert len(outputs) == 8
    for name in outputs:
        np.testing.assert_array_equal(found[name], 4 if name == "nothing_bucket" else 0)


def by_key(x: np.ndarray, keys: np.ndarray, missing: Any, fill: float = NAN) -> np.ndarray:
    """The definition of a key's z-score, row by row."""
    known = x[np.isfinite(x)].astype(np.float64)
    result = []
    for value, key in zip(x.astype(np.float64), keys, strict=True):
        mine = x[(keys == key) & np.isfinite(x)].astype(np.float64)
        mean, deviation = known.mean(), known.std()
        if key != missing and len(mine):
            mean, deviation = mine.mean(), mine.std() or deviation
        filled = value if np.isfinite(value) else mean if np.isnan(fill) else fill
        result.append((filled - mean) / deviation)
    return np.array(result)


def test_each_key_has_its_own_mean_and_deviation(found: dict, train: Rows) -> None:
    expected = by_key(train["x"], train["carrier"], b"\xff")
    np.testing.assert_allclose(found["x_z_score_by_carrier"], expected, atol=1e-5)
    assert found["x_z_score_by_carrier"][:5].tolist() == [0.0] * 5
    np.testing.assert_array_equal(found["x_z_score_by_carrier_is_missing"], np.isnan(train["x"]))


def test_the_numbers_of_a_key_are_shaped_first(found: dict, train: Rows) -> None:
    def shaped(x: np.ndarray) -> np.ndarray:
        clipped = np.clip(x.astype(np.float64), -1, 2)
        return np.sign(clipped) * np.log1p(np.abs(clipped))

    expected = by_key(shaped(train["x"]), train["code"], MISSING["int64"], math.log1p(0.5))
    np.testing.assert_allclose(found["x_log1p_z_score_by_code"], expected, atol=1e-5)


def test_deviations_of_a_key_are_exact_far_from_zero(found: dict, train: Rows) -> None:
    """The mean, a float32, is off by up to 0.5 at 10 million; the deviation must not be."""
    for carrier in (b"UA", b"DL", b"AA", b""):
        mine = train["carrier"] == carrier
        assert train["huge"][mine].std() < 10
        there = mine & np.isfinite(train["huge"])
        scores = found["huge_z_score_by_carrier"][there].astype(np.float64)
        np.testing.assert_allclose(scores.std(), 1, rtol=1e-6)
        np.testing.assert_allclose(scores.mean(), 0, atol=0.5)


def test_pairs_have_keys_too(found: dict, train: Rows) -> None:
    difference = train["x"].astype(np.float64) - train["skewed"]
    expected = by_key(difference.astype(np.float32), train["carrier"], b"\xff")
    np.testing.assert_allclose(found["x_minus_skewed_z_score_by_carrier"], expected, atol=1e-4)


def test_keys_that_train_did_not_know_are_scaled_by_all_rows(graph: Any, train: Rows) -> None:
    known = train["x"][np.isfinite(train["x"])].astype(np.float64)
    keys = [b"never seen", b"\xff", b"unknown", b"lone", b"same", b"", b"never seen"]
    asked = with_changes(train, x=[2.0] * 6 + [NAN], carrier=keys)
    found = graph(asked)["x_z_score_by_carrier"]
    overall = (2.0 - known.mean()) / known.std()
    empty = train["x"][(train["carrier"] == b"") & np.isfinite(train["x"])]
    expected = [
        overall, overall, overall, (2.0 - 1.5) / known.std(),
        (2.0 - train["x"][1]) / known.std(), (2.0 - empty.mean()) / empty.std(), 0.0,
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_linspace_is_numpys(found: dict, train: Rows) -> None:
    bounds = np.linspace(-1.5, 1.5, 7).astype(np.float32)
    expected = np.where(np.isnan(train["x"]), 8, np.digitize(train["x"], bounds))
    assert set(expected) == set(range(9))
    np.testing.assert_array_equal(found["x_bucket"], expected)


@pytest.mark.parametrize(("name", "column"), [("x_quarter", "x"), ("skewed_bucket", "skewed")])
def test_quantiles_analyzed_together_are_each_columns_own(
    found: dict, train: Rows, name: str, column: str
) -> None:
    missing = np.isnan(train[column])
    assert (found[name][missing] == 4).all()
    shares = np.bincount(found[name][~missing], minlength=4) / (~missing).sum()
    np.testing.assert_allclose(shares, 0.25, atol=0.021)
    order = np.argsort(train[column][~missing], kind="stable")
    assert (np.diff(found[name][~missing][order]) >= 0).all()


def test_cells_are_numbered_from_the_south_west(graph: Any, found: dict, train: Rows) -> None:
    rows = np.floor((train["lat"].astype(np.float64) - 40) * 4)
    columns = np.floor((train["lon"].astype(np.float64) + 75) * 4)
    inside = (rows >= 0) & (rows < 4) & (columns >= 0) & (columns < 8)
    cells = np.where(inside, rows * 8 + columns, 32)
    missing = np.isnan(train["lat"])
    np.testing.assert_array_equal(found["cell"], np.where(missing, 33, cells))
    assert set(found["cell"]) >= {0, 31, 32, 33}
    asked = with_changes(train, lat=[41.0, 40.0, 41.0, 39.9, 40.2], lon=[-73, -75, NAN, -74, -72.9])
    assert graph(asked)["cell"].tolist() == [31, 0, 33, 32, 32]
    assert graph(asked)["half"].tolist() == [7, 0, 9, 4, 8]


def test_cells_without_bounds_hold_as_many_rows_each_way(found: dict, train: Rows) -> None:
    there = np.isfinite(train["lat"])
    assert (found["strips"][~there] == 12).all()
    for strip, parts in ((found["strips"][there] // 3, 4), (found["strips"][there] % 3, 3)):
        np.testing.assert_allclose(np.bincount(strip) / there.sum(), 1 / parts, atol=0.04)


def test_cells_can_be_crossed(found: dict) -> None:
    np.testing.assert_array_equal(found["cell_bucket"], found["cell"] * 9 + found["x_bucket"])


def test_the_schema_says_how_many_cells_there_are(graph: Any) -> None:
    schema = graph.output.transformed_metadata.schema
    most = {f.name: f.int_domain.max for f in schema.feature if f.HasField("int_domain")}
    assert (most["cell"], most["strips"], most["half"], most["x_bucket"]) == (33, 12, 9, 8)


def great_circle_km(lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """The angle between two unit vectors, which needs no haversine."""

    def unit(latitude: float, longitude: float) -> np.ndarray:
        a, b = math.radians(latitude), math.radians(longitude)
        return np.array([math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)])

    u, v = unit(lat, lon), unit(to_lat, to_lon)
    return 6371.0088 * math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v))


def test_distances(graph: Any, found: dict, train: Rows) -> None:
    corners = [train[name].astype(np.float64) for name in ("lat", "lon", "to_lat", "to_lon")]
    there = np.isfinite(corners[0])
    expected = np.array([great_circle_km(*four) for four in zip(*corners, strict=True)])
    np.testing.assert_allclose(found["km"][there], expected[there], rtol=1e-6)
    np.testing.assert_array_equal(found["km_is_missing"], ~there)
    plane = np.hypot(corners[2] - corners[0], corners[3] - corners[1])
    np.testing.assert_allclose(found["degrees"][there], plane[there], rtol=1e-6)
    # London to Paris, the poles, no way at all, and the other side of the Earth.
    places = np.array([[51.5074, -0.1278, 48.8566, 2.3522], [90, 0, -90, 77], [40, 5, 40, 5],
                       [12.5, 30, -12.5, -150]])  # fmt: skip
    names = ("lat", "lon", "to_lat", "to_lon")
    asked = with_changes(train, **{n: list(places[:, i]) for i, n in enumerate(names)})
    half = math.pi * 6371.0088
    np.testing.assert_allclose(graph(asked)["km"], [343.556, half, 0.0, half], rtol=2e-6)


def test_time_since(graph: Any, found: dict, train: Rows) -> None:
    seconds = (train["at"] - train["since"]) / 1e6
    np.testing.assert_allclose(found["seconds"], seconds, rtol=1e-6)
    there = train["born"] != MISSING["int64"]
    days = (train["at"] - train["born"] * DAY_US)[there] / DAY_US
    np.testing.assert_allclose(found["age"][there], days, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["hours"][there], -24 * days, rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(found["age_is_missing"], ~there)
    asked = with_changes(train, at=[DAY_US + 1, MISSING["int64"]], since=[DAY_US, DAY_US])
    assert graph(asked)["seconds"].tolist() == pytest.approx([1e-6, seconds.mean()], rel=1e-6)


def test_cycles_are_points_of_a_circle(graph: Any, found: dict, train: Rows) -> None:
    # 1970-01-01 05:00 UTC is midnight in New York.
    hours = [5, 11, 5 + 24 * 31, 17, MISSING["int64"] / 3_600_000_000]
    asked = graph(with_changes(train, at=[int(hour * 3_600_000_000) for hour in hours]))
    np.testing.assert_allclose(asked["at_hour_of_day_sin"], [0, 1, 0, 0, 0], atol=1e-7)
    np.testing.assert_allclose(asked["at_hour_of_day_cos"], [1, 0, 1, -1, 0], atol=1e-7)
    radius = np.hypot(found["born_day_of_year_sin"], found["born_day_of_year_cos"])
    np.testing.assert_allclose(radius, train["born"] != MISSING["int64"], atol=1e-6)


def test_a_served_graph_needs_no_run_folder_and_answers_alike(
    graph: Any, found: dict, train: Rows, tmp_path: Path
) -> None:
    """Statistics travel in the model, the most frequent values in files of their own."""
    kinds = feature_spec(DEFINITION)
    spec = {name: tf.TensorSpec([None], kind.dtype, name) for name, kind in kinds.items()}
    archive = keras.export.ExportArchive()
    archive.track(graph.layer)
    archive.add_endpoint("serve", lambda raw: dict(graph.layer(dict(raw))), [spec])
    archive.write_out(str(tmp_path / "model"), verbose=False)
    away = graph.folder.rename(graph.folder.with_name("away"))
    try:
        loaded, columns = tf.saved_model.load(str(tmp_path / "model")), fed(DEFINITION, train)
        for size in (1, 7, N):
            served = loaded.serve({name: tf.constant(columns[name][:size]) for name in spec})
            for name, expected in found.items():
                if expected.dtype == np.float32:
                    scale = max(1.0, float(np.abs(expected).max()))
                    np.testing.assert_allclose(served[name], expected[:size], atol=1e-6 * scale)
                else:
                    assert served[name].numpy().tolist() == expected[:size].tolist()
    finally:
        away.rename(graph.folder)


def analyzers(features: list[Feature]) -> int:
    """How many analyzers the graph of these features takes statistics from."""
    definition = replace(DEFINITION, features=tuple(features))
    with tf.Graph().as_default() as traced:
        spec = feature_spec(definition)
        preprocessing_fn(definition)(
            {name: tf.compat.v1.placeholder(s.dtype, [None], name) for name, s in spec.items()}
        )
        sinks = traced.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS)
        return len({id(sink.future.parent_operation) for sink in sinks})


def test_more_features_need_no_more_analyzers() -> None:
    few: list[Feature] = [
        Numeric("x", scale="z_score", key="carrier"), Numeric("x", scale="robust"),
        Numeric("x", scale="0_1", name="unit"), Bucketized("x", quantiles=4),
    ]  # fmt: skip
    more = [replace(f, column=name, name=f"{name}{i}")  # type: ignore[call-arg]
            for i, f in enumerate(few) for name in ("skewed", "zeros", "flat")]  # fmt: skip
    grid = Grid("lat", "lon", cells=(4, 4))
    assert analyzers([*few, *more, grid]) == analyzers(few)
    # Mean; variance; least; greatest; quartiles; the moments of keys; quantiles.
    assert analyzers(few) == 7
