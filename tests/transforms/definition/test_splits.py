"""Splits, against published FARM_FINGERPRINT values, TensorFlow and plain Python."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.definition.columns import Number, String
from forebay.transforms.definition.splits import (
    NO_SPLIT,
    SPLITS,
    ColumnSplit,
    HashSplit,
    RandomSplit,
    TimeSplit,
    bigquery_text,
    farm_fingerprint,
    farm_remainder,
)
from forebay.transforms.hashing import scramble

# The examples of GoogleSQL's reference for FARM_FINGERPRINT.
PUBLISHED = {
    "1footrue": -1541654101129638711,
    "2applefalse": 2794438866806483259,
    "3true": -4880158226897771312,
}


def test_fingerprints_are_the_published_ones() -> None:
    assert farm_fingerprint(pa.array(PUBLISHED)).tolist() == list(PUBLISHED.values())


def test_the_remainder_truncates_toward_zero() -> None:
    # ABS(MOD(-1541654101129638711, 100)): -11, where Python's % gives 89.
    assert farm_remainder(pa.array(["1footrue"]), 100).tolist() == [11]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=20), st.integers(1, 10**6))
def test_remainders_agree_with_tensorflow(texts: list[str], modulus: int) -> None:
    data = [[text.encode()] for text in texts]
    found = tf.raw_ops.Fingerprint(data=data, method="farmhash64").numpy()
    signed = [int.from_bytes(one.tobytes(), "little", signed=True) for one in found]
    expected = [abs(one) % modulus for one in signed]  # ABS(MOD(x, n)) = ABS(x) mod n
    assert farm_remainder(pa.array(texts), modulus).tolist() == expected


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([0, -7, 12345]), ["0", "-7", "12345"]),
        (pa.array([dt.date(2013, 1, 31), dt.date(1969, 12, 31)]), ["2013-01-31", "1969-12-31"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["x", ""]), ["x", ""]),
        (
            pa.array([0, 1_356_998_400_123_000, -5], pa.int64()).cast(pa.timestamp("us", "UTC")),
            [
                "1970-01-01 00:00:00+00",
                "2013-01-01 00:00:00.123+00",
                "1969-12-31 23:59:59.999995+00",
            ],
        ),
    ],
)
def test_values_are_cast_to_text_as_bigquery_does(values: pa.Array, texts: list[str]) -> None:
    assert bigquery_text(values).to_pylist() == texts


def test_hash_split_follows_the_weights_in_order() -> None:
    texts = pa.array([str(i) for i in range(3000)] + [None])
    split = HashSplit("x", train=3, eval=1, test=1).assign(texts)
    remainder = farm_remainder(texts.slice(0, 3000), 5)
    expected = np.select([remainder < 3, remainder < 4], [0, 1], 2)
    assert split[:-1].tolist() == expected.tolist()
    assert split[-1] == NO_SPLIT


def test_hash_split_keeps_equal_values_together_in_any_order() -> None:
    values = pa.array(["b", "a", "b", None, "a"])
    split = HashSplit("x").assign(values)
    assert split[0] == split[2]
    assert split[1] == split[4]
    again = HashSplit("x").assign(values.take(pa.array([4, 3, 2, 1, 0])))
    assert again.tolist() == split[::-1].tolist()


def test_time_split_bounds_are_half_open() -> None:
    split = TimeSplit("2013-10-08", "2013-10-28T00:00:00-04:00")
    texts = ["2013-10-07T23:59:59.999999", "2013-10-08T00:00:00", "2013-10-28T03:59:59.999999",
             "2013-10-28T04:00:00", None]  # fmt: skip
    instants = pa.array(texts).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    names = [SPLITS[i] if i != NO_SPLIT else None for i in split.assign(instants)]
    assert names == ["train", "eval", "eval", "test", None]


def test_no_rows_make_no_splits() -> None:
    assert len(HashSplit("x").assign(pa.array([], pa.string()))) == 0


def test_a_column_says_which_split() -> None:
    split = ColumnSplit("part", train=("a", "b"), eval="c", test=7)
    values = ["a", "7", None, "c", "b", "x", "A", ""]

    assert split.assign(pa.array(values)).tolist() == [0, 2, -1, 1, 0, -1, -1, -1]
    assert split.assign(pa.array([7, 8, None])).tolist() == [2, -1, -1]
    days = ColumnSplit("day", train="2024-05-01", test=["2024-05-02"])
    assert days.assign(pa.array([dt.date(2024, 5, 2), dt.date(2024, 5, 1)])).tolist() == [2, 0]
    flags = ColumnSplit("flag", train="false", test="true")
    assert flags.assign(pa.array([True, False, None])).tolist() == [2, 0, -1]


@pytest.mark.parametrize(
    ("split", "mistakes"),
    [
        (ColumnSplit("x"), ["split.on = 'x': no such column"]),
        (ColumnSplit("price"), ["split.on = 'price': a Number column"]),
        (ColumnSplit("part", train=()), ["leaves no row for training"]),
        (ColumnSplit("part", train="a", eval=["a", "b"], test="b"),
         ["eval = 'a': stands for train already", "test = 'b': stands for eval already"]),
    ],
)  # fmt: skip
def test_mistakes_of_a_column_split(split: ColumnSplit, mistakes: list[str]) -> None:
    found = [
        str(problem) for problem in split.problems("split", {"part": String(), "price": Number()})
    ]

    assert len(found) == len(mistakes)
    for problem, mistake in zip(found, mistakes, strict=True):
        assert mistake in problem


@given(st.integers(0, 2**31 - 1), st.integers(1, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_random_split_has_its_shares_and_depends_on_the_seed(
    seed: int, train: int, eval_weight: int, test: int
) -> None:
    contents = pa.array(scramble(np.arange(4000)))
    split = RandomSplit(train, eval_weight, test, seed)

    drawn = split.assign(contents)

    shares = np.bincount(drawn, minlength=3) / 4000
    weights = np.array([train, eval_weight, test]) / (train + eval_weight + test)
    assert np.abs(shares - weights).max() < 0.05
    assert np.array_equal(split.assign(contents), drawn)
    if 0 < weights[0] < 0.9:
        assert not np.array_equal(
            RandomSplit(train, eval_weight, test, seed ^ 1).assign(contents), drawn
        )


def test_a_time_split_takes_days() -> None:
    days = pa.array([dt.date(2024, 5, day) for day in (1, 2, 3)] + [None])

    assert TimeSplit("2024-05-02", "2024-05-03", on="day").assign(days).tolist() == [0, 1, 2, -1]
