"""Numbers that float32 cannot tell apart: where the graph keeps them, and where it does not."""

from __future__ import annotations

import bisect
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from analyzed import Analyzed
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.transforms.definition.columns import MISSING_INT, Integer, Number
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference, Euclidean, Haversine, Ratio
from forebay.transforms.definition.features import Bucketized, Feature, NumberList, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import DefinitionError
from forebay.transforms.graph.cuts import parts_of
from forebay.transforms.graph.missing import number, to_float32

N = 120
START_S = 1_717_200_000  # float32 has 128 s steps here
BIG = 2**53  # float64 has steps of 2 from here
COLUMNS = {
    "start": Number(), "end": Number(), "clock": Integer(), "revenue": Integer(), "id": Integer(),
    "east": Number(), "north": Number(), "to_east": Number(), "to_north": Number(),
    "lat": Number(), "to_lat": Number(), "lon": Number(), "tenth": Number(), "tiny": Number(),
    "y": Number(),
}  # fmt: skip
FEATURES: list[Feature] = [
    Numeric(Difference("end", "start"), name="ride"),
    Numeric("end", name="end"),
    Numeric(Ratio("end", "start"), name="share"),
    Numeric(Ratio("tenth", "start"), scale="z_score", name="constant"),
    Numeric(Euclidean("east", "north", "to_east", "to_north"), name="metres"),
    Numeric(Haversine("lat", "lon", "to_lat", "lon"), name="km"),
    Bucketized(Difference("end", "start"), boundaries=(60.5, 61.0, 63.0), name="ride_bucket"),
    Bucketized("revenue", boundaries=(49_999_999, 50_000_000, 50_000_000.5), name="revenue"),
    Bucketized("id", boundaries=(BIG, BIG + 1, 2**62 + 1), name="id_bucket"),
    *[Numeric("clock", scale=s, name=f"clock_{s}")  # type: ignore[arg-type]
      for s in ("z_score", "0_1", "-1_1", "robust")],
    Numeric("clock", impute="most_frequent", scale="0_1", name="clock_mode"),
    Bucketized("clock", quantiles=4, name="quarter"),
    NumberList("clocks", ("clock", "clock"), scale="z_score"),
    NumberList("pooled", ("clock", "revenue"), pool=("sum",), scale="0_1"),
    Numeric("tiny", name="tiny"),
]  # fmt: skip
DEFINITION = Dataset(
    name="precision", columns=COLUMNS, features=FEATURES, label=Regression("y"),
    split=HashSplit("id"),
)  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Any]]:
    i = np.arange(N)
    clock = START_S + i
    clock[:3] = START_S + 77
    columns = {
        "start": START_S + 7.0 * i, "end": START_S + 7.0 * i + 60 + i % 4, "clock": clock,
        "revenue": 49_999_998 + i % 4, "id": BIG - 1 + i % 3, "east": 500_000.0 + i,
        "north": 5_600_000.0 - i, "to_east": 500_003.0 + i, "to_north": 5_600_004.0 - i,
        "lat": np.full(N, 40.7), "to_lat": 40.7 + 1e-6 * i, "lon": np.full(N, -73.9),
        "tenth": 0.1 * (START_S + 7.0 * i), "tiny": np.full(N, 1e-40), "y": np.ones(N),
    }  # fmt: skip
    found = {name: values.tolist() for name, values in columns.items()}
    found["clock"][5] = MISSING_INT
    return found


@pytest.fixture(scope="module")
def analyzed(rows: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Analyzed:
    return Analyzed(DEFINITION, rows, tmp_path_factory.mktemp("precision"))


def test_numbers_of_several_columns_are_made_of_float64(analyzed: Analyzed) -> None:
    assert analyzed["ride"] == [60.0 + i % 4 for i in range(N)]
    assert analyzed["ride_bucket"] == [[0, 2, 2, 3][i % 4] for i in range(N)]
    ratio = np.array(analyzed.rows["end"]) / np.array(analyzed.rows["start"])
    assert analyzed["share"] == ratio.astype(np.float32).tolist()
    assert analyzed["metres"] == [5.0] * N
    degrees = np.array(analyzed.rows["to_lat"]) - 40.7
    np.testing.assert_allclose(analyzed["km"], np.radians(degrees) * 6371.0088, rtol=1e-6)


def test_a_number_alone_is_float32_whatever_else_is_made_of_it(analyzed: Analyzed) -> None:
    assert DEFINITION.graph_dtypes["end"] == "float64"
    assert analyzed["end"] == np.float32(analyzed.rows["end"]).tolist()
    assert DEFINITION.graph_dtypes["tiny"] == "float32"


def test_one_value_is_constant_though_its_mean_rounds(analyzed: Analyzed) -> None:
    shares = [t / s for t, s in zip(analyzed.rows["tenth"], analyzed.rows["start"], strict=True)]
    assert max(shares) - min(shares) < 1e-15
    assert np.std(shares) > 0
    assert analyzed["constant"] == [0.0] * N


def test_whole_numbers_are_cut_exactly(analyzed: Analyzed) -> None:
    assert analyzed["revenue"] == [[0, 1, 2, 3][i % 4] for i in range(N)]
    assert analyzed["id_bucket"] == [i % 3 for i in range(N)]


def test_whole_numbers_are_scaled_before_they_are_rounded(analyzed: Analyzed) -> None:
    clock = np.array([x - START_S if x != MISSING_INT else np.nan for x in analyzed.rows["clock"]])
    mean, deviation = np.nanmean(clock), np.nanstd(clock)
    least, span = np.nanmin(clock), np.nanmax(clock) - np.nanmin(clock)
    filled = np.where(np.isnan(clock), mean, clock)
    z_score = (filled - mean) / deviation
    np.testing.assert_allclose(analyzed["clock_z_score"], z_score, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(analyzed["clock_0_1"], (filled - least) / span, rtol=1e-6, atol=1e-6)
    both = 2 * (filled - least) / span - 1
    np.testing.assert_allclose(analyzed["clock_-1_1"], both, rtol=1e-6, atol=1e-6)
    robust = np.array(analyzed["clock_robust"])
    assert np.unique(robust).size == np.unique(filled).size
    most = np.where(np.isnan(clock), 77, clock)
    np.testing.assert_allclose(analyzed["clock_mode"], (most - least) / span, rtol=1e-6)
    padded = np.where(np.isnan(clock), 0.0, z_score)
    np.testing.assert_allclose(analyzed["clocks"], np.stack([padded] * 2, 1), rtol=1e-6, atol=1e-6)


def test_quantiles_of_whole_numbers_are_theirs(analyzed: Analyzed) -> None:
    there = [q for x, q in zip(analyzed.rows["clock"], analyzed["quarter"], strict=True)
             if x != MISSING_INT]  # fmt: skip
    np.testing.assert_allclose(np.bincount(there, minlength=4) / len(there), 0.25, atol=0.03)


def test_pools_of_whole_numbers_are_exact(analyzed: Analyzed) -> None:
    sums = np.array([
        r + (0 if c == MISSING_INT else c)
        for c, r in zip(analyzed.rows["clock"], analyzed.rows["revenue"], strict=True)
    ])  # fmt: skip
    expected = (sums - sums.min()) / (sums.max() - sums.min())
    np.testing.assert_allclose(analyzed["pooled_sum"], expected, rtol=1e-6)


def test_numbers_below_the_normal_range_are_zero(analyzed: Analyzed, rows: Any) -> None:
    assert analyzed["tiny"] == [0.0] * N
    asked = {name: values[:4] for name, values in rows.items()}
    least = float(np.finfo(np.float32).tiny)
    asked["tiny"] = [1.5e-38, -1e-38, least, float(np.nextafter(np.float32(least), np.float32(0)))]
    found = np.array(analyzed.served(asked)["tiny"], np.float32)
    assert found.tolist() == np.array([1.5e-38, 0, least, 0], np.float32).tolist()
    asked["end"], asked["start"] = [3e-310, 1e-39, 2.0, 0.0], [1e-310, 1e-39, 1e300, 5.0]
    # The divisor of the first is zero, the least quotients are.
    assert analyzed.served(asked)["share"][1:] == [1.0, 0.0, 0.0]


def test_boundaries_that_no_number_lies_between_are_refused() -> None:
    bucketized = Bucketized("start", boundaries=(2**24, 2**24 + 1, 2**24 + 2))
    with pytest.raises(DefinitionError, match="the same number in float32") as caught:
        replace(DEFINITION, features=[bucketized])
    assert len(caught.value.problems) == 1


floats = st.floats(allow_nan=False, allow_infinity=False)
wholes = st.one_of(
    st.integers(MISSING_INT + 1, 2**63 - 1),
    st.integers(-3, 3).flatmap(lambda d: st.integers(0, 62).map(lambda e: 2**e + d)),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(wholes, min_size=1, max_size=6),
    st.lists(st.one_of(wholes, floats), min_size=1, max_size=5),
    st.booleans(),
)
def test_whole_numbers_meet_boundaries_of_any_kind(
    values: list[int], boundaries: list[float], closed: bool
) -> None:
    cuts = sorted(map(Fraction, boundaries))
    expected = [bisect.bisect_right(cuts, Fraction(value)) for value in values]
    if closed:
        expected = [
            place - cuts.count(cuts[-1]) + cuts[:-1].count(cuts[-1]) if value == cuts[-1] else place
            for value, place in zip(values, expected, strict=True)
        ]
    found = parts_of(tf.constant(values, tf.int64), sorted(boundaries, key=Fraction), closed=closed)
    assert found.numpy().tolist() == expected


def normal(values: list[float], dtype: Any) -> Any:
    """Values as a type has them, zero below its normal range."""
    with np.errstate(over="ignore"):
        found = np.array(values, dtype)
    return np.where(np.abs(found) < np.finfo(dtype).tiny, dtype(0), found)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(floats, min_size=1, max_size=6),
    st.lists(st.one_of(floats, st.sampled_from([0.0, 1.0])), min_size=1, max_size=5),
    st.booleans(),
)
def test_floats_meet_boundaries_of_their_own_precision(
    values: list[float], boundaries: list[float], closed: bool
) -> None:
    for dtype in (np.float32, np.float64):
        x, cuts = normal([*values, *boundaries], dtype), np.sort(normal(boundaries, dtype))
        if np.isfinite(cuts).all() and cuts[-1] < np.finfo(dtype).max:
            found = parts_of(tf.constant(x), sorted(boundaries), closed=closed).numpy()
            expected = np.searchsorted(cuts, x, side="right")
            if closed:
                before = np.searchsorted(cuts[:-1], x, side="right")
                expected = np.where(x == cuts[-1], before, expected)
            assert found.tolist() == expected.tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=8))
def test_the_one_cast_is_numpys_without_subnormals(values: list[float]) -> None:
    with np.errstate(over="ignore"):
        expected = np.array(values, np.float32)
    expected[np.abs(np.array(values)) < np.finfo(np.float32).tiny] = 0
    found = to_float32(tf.constant(values, tf.float64))
    np.testing.assert_array_equal(found, expected)
    expected[~np.isfinite(expected)] = np.nan
    np.testing.assert_array_equal(number(found), expected)
    np.testing.assert_array_equal(number(tf.constant(found.numpy())), expected)
