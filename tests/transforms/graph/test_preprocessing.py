"""Features in the graph, analyzed by tf.Transform on a few rows, against plain Python."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from analyzed import fed

from forebay.transforms.definition.columns import (
    MISSING_BYTES,
    MISSING_INT,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference, Ratio
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Custom,
    Frequent,
    Numeric,
)
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InputError
from forebay.transforms.graph.inputs import feature_spec
from forebay.transforms.graph.preprocessing import preprocessing_fn

NAN = float("nan")
HOUR_US = 3_600_000_000
X = [1.0, 2.0, NAN, 4.0, -100.0, math.inf]
TEXTS = [b"b", b"b", b"", b"a\nb", MISSING_BYTES, b"a\rb"]
INTS = [7, 7, 7, 8, MISSING_INT, 9]
DIVISORS = [2.0, 0.0, 2.0, -4.0, 5.0, NAN]
TIMES = [0, 5 * HOUR_US, MISSING_INT, 23 * HOUR_US, 24 * HOUR_US, 0]


def reciprocal(inputs: dict) -> dict:
    """Two outputs, one of them an analyzed id."""
    ids = tft.compute_and_apply_vocabulary(inputs["text"], vocab_filename="own", num_oov_buckets=1)
    return {"reciprocal": 1.0 / inputs["x"], "own_id": ids}


DEFINITION = Dataset(
    name="graph",
    columns={
        "x": Number(), "text": String(), "i": Integer(), "t": Timestamp(), "y": Number(),
        "nothing": Number(), "divisor": Number(),
    },
    features=[
        Numeric("x", scale="z_score", clip=(-10, 3), indicator=True),
        Numeric("x", scale="0_1", log1p=True, impute=0.0, name="unit"),
        Numeric("i", name="int_value"),
        Numeric("nothing", scale="z_score"),
        Categorical("text"),
        Categorical("i", Frequent(top_k=1, oov_buckets=2)),
        Numeric(Difference("x", "i"), indicator=True),
        Numeric(Ratio("i", "divisor"), scale="z_score", name="share"),
        Bucketized("x", boundaries=[1.0, 4.0]),
        Bucketized(Ratio("x", "divisor"), boundaries=[0.0, 1.5]),
        Calendar("t", "hour_of_day", name="hour"),
        Crossed("exact", ["hour", "i_id"], buckets=200),
        Crossed("hashed", ["hour", "i_id"], buckets=10),
        Custom("test_graph_functions:reciprocal", columns=["x", "text"]),
    ],
    label=Regression("y"),
    split=HashSplit("text"),
)  # fmt: skip


@pytest.fixture(scope="module")
def transformed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[dict], tft.TFTransformOutput]:
    import sys
    import types

    module = types.ModuleType("test_graph_functions")
    module.reciprocal = reciprocal
    sys.modules[module.__name__] = module
    columns = {
        "x": X, "text": TEXTS, "i": INTS, "t": TIMES, "y": [1.0] * 6, "nothing": [NAN] * 6,
        "divisor": DIVISORS,
    }  # fmt: skip
    columns = fed(DEFINITION, columns)
    rows = [{name: values[i] for name, values in columns.items()} for i in range(6)]
    metadata = tft.DatasetMetadata.from_feature_spec(feature_spec(DEFINITION))
    folder = tmp_path_factory.mktemp("graph")
    with tft_beam.Context(temp_dir=str(folder / "temp")):
        (found, _), function = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn(DEFINITION)
        )
        _ = function | tft_beam.WriteTransformFn(str(folder))
    return found, tft.TFTransformOutput(str(folder))


def column(transformed: tuple, name: str) -> list:
    return [row[name] for row in transformed[0]]


def test_numbers_are_clipped_imputed_and_scaled(transformed: tuple) -> None:
    known = [1.0, 2.0, 3.0, -10.0]
    mean, deviation = statistics.mean(known), statistics.pstdev(known)
    clipped = [1.0, 2.0, mean, 3.0, -10.0, mean]
    expected = [(value - mean) / deviation for value in clipped]
    np.testing.assert_allclose(column(transformed, "x_z_score"), expected, rtol=1e-6)
    assert column(transformed, "x_z_score_is_missing") == [0, 0, 1, 0, 0, 1]


def test_logarithms_keep_the_sign_and_ranges_come_from_known_values(transformed: tuple) -> None:
    logs = [math.copysign(math.log1p(abs(x)), x) if math.isfinite(x) else 0.0 for x in X]
    low, high = logs[4], logs[3]
    expected = [(value - low) / (high - low) for value in logs]
    np.testing.assert_allclose(column(transformed, "unit"), expected, rtol=1e-6)


def test_a_difference_is_missing_where_either_number_is(transformed: tuple) -> None:
    known = [1.0 - 7, 2.0 - 7, 4.0 - 8]  # the others lack one, infinity not being a number
    expected = [known[0], known[1], statistics.mean(known), known[2], *[statistics.mean(known)] * 2]
    np.testing.assert_allclose(column(transformed, "x_minus_i_value"), expected, rtol=1e-6)
    assert column(transformed, "x_minus_i_value_is_missing") == [0, 0, 1, 0, 1, 1]


def test_a_ratio_is_missing_where_its_divisor_is_zero(transformed: tuple) -> None:
    known = [7 / 2.0, 7 / 2.0, 8 / -4.0]  # in the first, third and fourth row
    mean, deviation = statistics.mean(known), statistics.pstdev(known)
    shares = [known[0], mean, known[1], known[2], mean, mean]
    expected = [(share - mean) / deviation for share in shares]
    np.testing.assert_allclose(column(transformed, "share"), expected, rtol=1e-6, atol=1e-7)
    # 0.5, missing three times, -1, -20
    assert column(transformed, "x_over_divisor_bucket") == [1, 3, 3, 0, 0, 3]


def test_whole_numbers_are_imputed_too(transformed: tuple) -> None:
    np.testing.assert_allclose(column(transformed, "int_value"), [7, 7, 7, 8, 7.6, 9], rtol=1e-6)


def test_a_column_without_values_becomes_zero(transformed: tuple) -> None:
    assert column(transformed, "nothing_z_score") == [0.0] * 6


def test_texts_of_every_kind_have_ids_of_their_own(transformed: tuple) -> None:
    ids = column(transformed, "text_id")
    assert ids[0] == ids[1] == 0  # the most frequent
    assert sorted(ids[i] for i in (2, 3, 5)) == [1, 2, 3]  # empty and broken lines are values
    assert ids[4] == 5  # missing comes after the vocabulary and its one OOV bucket


def test_values_outside_the_vocabulary_share_the_oov_buckets(transformed: tuple) -> None:
    ids = column(transformed, "i_id")
    assert ids[:3] == [0, 0, 0]
    assert {ids[3], ids[5]} <= {1, 2}
    assert ids[4] == 3


def test_buckets_are_half_open_and_missing_is_the_last(transformed: tuple) -> None:
    assert column(transformed, "x_bucket") == [1, 1, 3, 2, 0, 3]


def test_crosses_number_the_combinations_where_they_fit(transformed: tuple) -> None:
    hours, ids = column(transformed, "hour"), column(transformed, "i_id")
    assert hours == [0, 5, 24, 23, 0, 0]
    assert column(transformed, "exact") == [h * 4 + i for h, i in zip(hours, ids, strict=True)]
    assert all(0 <= value < 10 for value in column(transformed, "hashed"))
    assert column(transformed, "hashed")[0] != column(transformed, "hashed")[4]


def test_the_schema_says_how_many_ids_there_are(transformed: tuple) -> None:
    schema = transformed[1].transformed_metadata.schema
    most = {f.name: f.int_domain.max for f in schema.feature if f.HasField("int_domain")}
    assert most["text_id"] == 5
    assert most["i_id"] == 3
    assert most["x_bucket"] == 3
    assert most["hour"] == 24
    assert most["exact"] == 199


def test_own_functions_add_their_outputs(transformed: tuple) -> None:
    assert column(transformed, "reciprocal")[:2] == [1.0, 0.5]
    assert len(set(column(transformed, "own_id"))) > 1


def test_a_function_that_fails_is_named() -> None:
    definition = replace(DEFINITION, features=[Custom("math:sqrt", columns=["x"], name="root")])
    with pytest.raises(InputError, match="the function 'math:sqrt' failed"):
        preprocessing_fn(definition)({name: tf.zeros(1) for name in ("x", "y")})
