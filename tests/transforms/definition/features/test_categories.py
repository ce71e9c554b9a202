"""Definitions of categories and crosses: mistakes are named with value, cause and cure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from forebay.transforms.definition.columns import Boolean, Integer, Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Bucketized,
    Categorical,
    CategoryIds,
    Crossed,
    Feature,
    Frequency,
    Frequent,
    Hashed,
    Identity,
    Informative,
    Listed,
)
from forebay.transforms.definition.labels import BinaryClassification, Label, Regression
from forebay.transforms.definition.serialize import from_json, to_json
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import DefinitionError


def dataset(features: Sequence[Feature], label: Label | None = None) -> Dataset:
    return Dataset(
        name="trips",
        columns={
            "shop": String(), "code": Integer(), "flag": Boolean(), "price": Number(),
            "late": Boolean(), "delay": Number(),
        },
        features=features,
        label=label or BinaryClassification("late"),
        split=HashSplit("code"),
    )  # fmt: skip


def problems(features: Sequence[Feature], label: Label | None = None) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        dataset(features, label)
    return [str(problem) for problem in caught.value.problems]


def test_every_way_to_make_ids_survives_json() -> None:
    definition = dataset(
        [
            Categorical("shop", Frequent(top_k=5, min_count=2, oov_buckets=3), embed="one_hot"),
            Categorical("shop", Informative(9, adjusted=True), impute="most_frequent", name="told"),
            Categorical("shop", Listed(["a", "b"]), impute="a", name="listed"),
            Categorical("flag", Listed([True, False]), name="flags"),
            Categorical("code", Hashed(50), name="hashed"),
            Categorical("code", Identity(7), impute=3, name="identity"),
            Frequency("shop"),
            Crossed("cross", ["shop_id", "identity"], embed="one_hot"),
        ]
    )
    again = from_json(to_json(definition))
    assert again == definition
    assert again.features[3].ids.values == (True, False)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("column", "ids", "mistake"),
    [
        ("shop", Frequent(oov_buckets=0), "ids.oov_buckets = 0: leaves no id"),
        ("shop", Frequent(top_k=0), "ids.top_k = 0: keeps nothing; write 1 to 16,777,216"),
        ("shop", Frequent(min_count=0), "ids.min_count = 0: no count"),
        ("shop", Informative(0), "ids.top_k = 0: keeps nothing"),
        (
            "shop",
            Informative(5, label_boundaries=(0.0,)),
            "the label 'late' has classes of its own",
        ),
        ("shop", Listed([]), "ids.values = (): lists nothing"),
        ("shop", Listed(["a", "b", "a"]), "ids.values = 'a': listed twice"),
        ("shop", Listed([1]), "ids.values = 1: not a value of kind String; write it as str"),
        ("code", Listed(["1"]), "ids.values = '1': not a value of kind Integer; write it as int"),
        ("flag", Listed([1]), "ids.values = 1: not a value of kind Boolean; write it as bool"),
        ("code", Hashed(1), "ids.buckets = 1: tells nothing apart"),
        ("code", Identity(0), "ids.size = 0: no id is in [0, size)"),
        ("shop", Identity(7), "a String column holds no ids; declare the column as Integer"),
        ("shop", "hashed", "ids = 'hashed': a text; write a Frequent, an Informative"),
        ("price", Hashed(7), "column = 'price': a Number column"),
    ],
)
def test_ways_to_make_ids_are_checked(column: str, ids: CategoryIds, mistake: str) -> None:
    (problem,) = problems([Categorical(column, ids)])
    assert problem.startswith("features[0]")
    assert mistake in problem


@pytest.mark.parametrize(
    ("feature", "mistake"),
    [
        (Categorical("shop", impute=3), "impute = 3: not a value of kind String"),
        (Categorical("shop", Listed(["a"]), impute="b"), "impute = 'b': unknown to Listed("),
        (Categorical("code", Identity(7), impute=7), "impute = 7: unknown to Identity(size=7)"),
        (Categorical("shop", embed=0), "embed = 0: not a dimension"),
        (Categorical("shop", embed="onehot"), "write a whole number, 'one_hot' or None"),  # type: ignore[arg-type]
        (Frequency("price"), "column = 'price': a Number column"),
        (Crossed("x", ["shop_id"]), "of = ('shop_id',): nothing to cross"),
        (Crossed("x", ["shop_id", "y"], buckets=1), "buckets = 1: tells nothing apart"),
    ],
)
def test_features_are_checked(feature: Feature, mistake: str) -> None:
    text = "\n".join(problems([feature]))
    assert mistake in text


def test_a_number_says_where_its_classes_begin() -> None:
    feature = Categorical("shop", Informative(5))
    (problem,) = problems([feature], Regression("delay"))
    assert "label_boundaries = (): the label 'delay' is a number, without classes" in problem
    ascending = Categorical("shop", Informative(5, label_boundaries=(3.0, 1.0)))
    (problem,) = problems([ascending], Regression("delay"))
    assert "not ascending; sort them" in problem


def test_crosses_are_of_features_with_one_id() -> None:
    features = [
        Categorical("shop"), Bucketized("price", boundaries=[1.0]), Frequency("shop"),
        Crossed("fine", ["shop_id", "price_bucket"]),
        Crossed("wrong", ["shop_id", "shop_frequency"]),
    ]  # fmt: skip
    (problem,) = problems(features)
    assert problem.startswith("features[4].of = 'shop_frequency': no such column")
