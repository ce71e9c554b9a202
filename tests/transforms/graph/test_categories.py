"""Categories in the graph, analyzed by tf.Transform in several batches, against plain Python."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import tensorflow as tf
from analyzed import Analyzed
from category_oracle import by_frequency, hash_bucket, information
from sklearn.metrics import mutual_info_score

from forebay.transforms.definition.columns import (
    MISSING_BYTES,
    MISSING_INT,
    Boolean,
    Integer,
    Number,
    String,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Categorical,
    Crossed,
    Feature,
    Frequency,
    Frequent,
    Hashed,
    Identity,
    Informative,
    Listed,
    cross_buckets,
)
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
)
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.graph.label_classes import label_classes

N = 240
PLACES = ["New York", "50%", "%35", "a\nb", "a\rb", "", "Åre", "x", "y"]
COLUMNS = {
    "place": String(nulls=("?",)), "code": Integer(), "flag": Boolean(), "void": String(),
    "rare": String(), "late": Boolean(), "delay": Number(),
}  # fmt: skip
FEATURES: list[Feature] = [
    Categorical("place", Listed(["x", "New York", "", "a\nb"], oov_buckets=3), name="listed"),
    Categorical("code", Listed([7, -1]), name="listed_codes"),
    Categorical("flag", Listed([True, False]), name="listed_flags"),
    Categorical("place", Hashed(5), name="hashed"),
    Categorical("code", Hashed(4), name="hashed_codes"),
    Categorical("code", Identity(6), name="identity"),
    Categorical("flag", Identity(2), name="identity_flags"),
    Categorical("place", Frequent(top_k=2), impute="most_frequent", name="frequent_imputed"),
    Categorical("place", Frequent(), impute="y", name="given"),
    Categorical("place", Listed(["y", "x"]), impute="most_frequent", name="listed_imputed"),
    Categorical("code", Identity(6), impute="most_frequent", name="identity_imputed"),
    Categorical("code", Hashed(4), impute="most_frequent", name="hashed_imputed"),
    Categorical("code", Identity(6), impute=4, name="identity_given"),
    Categorical("void", Listed(["a"]), impute="most_frequent", name="void_imputed"),
    Categorical(
        "place", Informative(top_k=4, oov_buckets=2), impute="most_frequent", name="informative"
    ),
    Categorical("place", Informative(top_k=4, adjusted=True), name="adjusted"),
    Categorical("rare", Informative(top_k=3), name="rare"),
    Categorical("rare", Informative(top_k=3, adjusted=True), name="rare_adjusted"),
    Categorical("void", Informative(top_k=3), name="void_told"),
    Categorical("void", Informative(top_k=3, adjusted=True), name="void_adjusted"),
    Frequency("place"),
    Frequency("code"),
    Crossed("whole", ["listed", "identity"]),
    Crossed("large", ["whole_place", "hashed_large", "hashed_larger"]),
    Categorical("place", Hashed(3_000), name="whole_place"),
    Categorical("code", Hashed(4_000), name="hashed_large"),
    Categorical("code", Hashed(5_000), name="hashed_larger"),
]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Any]]:
    """Rows as the graph is fed them; places tell of being late, some of them by chance."""
    chance = random.Random(3)
    weights = [60, 40, 30, 25, 20, 15, 10, 6, 5]
    places = chance.choices(PLACES, weights, k=N)
    lateness = {"New York": 0.5, "50%": 0.1, "%35": 0.95, "a\nb": 0.6, "": 0.9}
    late = [int(chance.random() < lateness.get(place, 0.5)) for place in places]
    columns: dict[str, list[Any]] = {
        "place": [place.encode() for place in places],
        "code": [chance.choice([7, -1, 2, 2, 4, 5, 6, 100]) for _ in range(N)],
        "flag": [chance.randint(0, 1) for _ in range(N)],
        "void": [MISSING_BYTES] * N,
        # Of the batches that are analyzed, only the first has a value.
        "rare": [place.encode() if i < 40 else MISSING_BYTES for i, place in enumerate(places)],
        "late": late,
        "delay": [30.0 * is_late + chance.uniform(-10, 10) for is_late in late],
    }
    for name, marker in (("place", MISSING_BYTES), ("code", MISSING_INT), ("flag", MISSING_INT)):
        columns[name] = [marker if chance.random() < 0.1 else x for x in columns[name]]
    return columns


@pytest.fixture(scope="module")
def analyzed(rows: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Analyzed:
    dataset = definition(FEATURES, BinaryClassification("late"))
    return Analyzed(dataset, rows, tmp_path_factory.mktemp("categories"))


def definition(features: Sequence[Feature], label: Label) -> Dataset:
    return Dataset(
        name="categories", columns=COLUMNS, features=features, label=label,
        split=HashSplit("code"),
    )  # fmt: skip


def ids_by(
    known: Mapping[Any, int], oov: Callable[[Any], int], missing: int, values: Sequence[Any]
) -> list[int]:
    """Ids of values by a vocabulary, by a function of the others, and that of missing ones."""
    absent = (MISSING_BYTES, MISSING_INT)
    return [missing if v in absent else known[v] if v in known else oov(v) for v in values]


def test_a_list_gives_ids_in_its_order_and_hashes_the_others(analyzed: Analyzed) -> None:
    places, codes, flags = (analyzed.rows[name] for name in ("place", "code", "flag"))
    known = {b"x": 0, b"New York": 1, b"": 2, b"a\nb": 3}
    assert analyzed["listed"] == ids_by(known, lambda text: 4 + hash_bucket(text, 3), 7, places)
    assert analyzed["listed_codes"] == ids_by({7: 0, -1: 1}, lambda code: 2, 3, codes)
    assert analyzed["listed_flags"] == ids_by({1: 0, 0: 1}, lambda flag: 2, 3, flags)
    assert [analyzed.size(f"listed{x}") for x in ("", "_codes", "_flags")] == [8, 4, 4]


def test_hash_buckets_are_farmhash_of_the_text(analyzed: Analyzed) -> None:
    places, codes = analyzed.rows["place"], analyzed.rows["code"]
    assert analyzed["hashed"] == ids_by({}, lambda text: hash_bucket(text, 5), 5, places)
    expected = ids_by({}, lambda code: hash_bucket(str(code).encode(), 4), 4, codes)
    assert analyzed["hashed_codes"] == expected
    assert analyzed.size("hashed") == 6


def test_identity_keeps_ids_and_gathers_the_others(analyzed: Analyzed) -> None:
    known = {i: i for i in range(6)}
    assert analyzed["identity"] == ids_by(known, lambda code: 6, 7, analyzed.rows["code"])
    assert {6, 7} < set(analyzed["identity"])
    assert analyzed["identity_flags"] == ids_by(known, lambda flag: 2, 3, analyzed.rows["flag"])
    assert (analyzed.size("identity"), analyzed.size("identity_flags")) == (8, 4)


def test_a_given_value_stands_for_a_missing_one(analyzed: Analyzed) -> None:
    places = analyzed.rows["place"]
    vocabulary = by_frequency([place for place in places if place != MISSING_BYTES])
    filled = [b"y" if place == MISSING_BYTES else place for place in places]
    # The value given counts in the vocabulary, too.
    known = {text: i for i, text in enumerate(by_frequency(filled))}
    assert analyzed["given"] == [known[place] for place in filled]
    assert analyzed.size("given") == len(vocabulary) + 1  # no id for missing values
    codes = [4 if code == MISSING_INT else code for code in analyzed.rows["code"]]
    assert analyzed["identity_given"] == [code if 0 <= code < 6 else 6 for code in codes]


@pytest.mark.parametrize(
    ("imputed", "known_ids"),
    [
        ("frequent_imputed", 2),
        ("listed_imputed", 2),
        ("identity_imputed", 6),
        ("hashed_imputed", 4),
        ("informative", 4),
    ],
)
def test_the_most_frequent_known_value_stands_for_a_missing_one(
    analyzed: Analyzed, imputed: str, known_ids: int
) -> None:
    column = "code" if imputed in ("identity_imputed", "hashed_imputed") else "place"
    marker = MISSING_INT if column == "code" else MISSING_BYTES
    there = [value != marker for value in analyzed.rows[column]]
    found = analyzed[imputed]
    counts = Counter(x for x, known in zip(found, there, strict=True) if known and x < known_ids)
    (most,) = {x for x, known in zip(found, there, strict=True) if not known}
    assert counts[most] == max(counts.values())
    if column == "code":
        plain = analyzed["identity" if imputed == "identity_imputed" else "hashed_codes"]
        assert all(x == y for x, y, known in zip(found, plain, there, strict=True) if known)


def test_a_column_without_values_imputes_the_first_id(analyzed: Analyzed) -> None:
    assert analyzed["void_imputed"] == [0] * N
    assert analyzed.size("void_imputed") == 2


def test_a_vocabulary_keeps_what_tells_most_of_the_label(analyzed: Analyzed) -> None:
    known = [
        (place, late)
        for place, late in zip(analyzed.rows["place"], analyzed.rows["late"], strict=True)
        if place != MISSING_BYTES
    ]
    places, late = zip(*known, strict=True)
    for name, adjusted in (("informative", False), ("adjusted", True)):
        told = information(places, late, adjusted)
        best = sorted(told, key=lambda text: told[text], reverse=True)[:4]
        assert analyzed.vocabulary(name) == best
        assert best != by_frequency(places)[:4]
    # The oracle's terms add up to the mutual information that scikit-learn finds.
    total = (
        mutual_info_score([place.decode() for place in places], late)
        / 0.6931471805599453
        * len(places)
    )
    assert sum(information(places, late).values()) == pytest.approx(total)
    ids = {text: i for i, text in enumerate(analyzed.vocabulary("informative"))}
    expected = ids_by(ids, lambda text: 4 + hash_bucket(as_line(text), 2), -1, places)
    found = zip(analyzed.rows["place"], analyzed["informative"], strict=True)
    assert [i for place, i in found if place != MISSING_BYTES] == expected
    assert analyzed.size("informative") == 6


@pytest.mark.parametrize("name", ["rare", "rare_adjusted"])
def test_a_vocabulary_tells_as_much_where_batches_have_no_value(
    analyzed: Analyzed, name: str
) -> None:
    there = [place != MISSING_BYTES for place in analyzed.rows["rare"]]
    places = [place for place, known in zip(analyzed.rows["rare"], there, strict=True) if known]
    told = information(places, analyzed.rows["late"][: len(places)], name == "rare_adjusted")
    best = sorted(told, key=lambda text: told[text], reverse=True)[:3]
    assert analyzed.vocabulary(name) == best
    assert set(analyzed[name][: len(places)]) == {0, 1, 2, 3}
    assert analyzed[name][len(places) :] == [4] * (N - len(places))


@pytest.mark.parametrize("name", ["void_told", "void_adjusted"])
def test_a_vocabulary_of_no_value_has_ids_for_what_comes_later(
    analyzed: Analyzed, name: str
) -> None:
    assert len(set(analyzed[name])) == 1
    asked = {column: values[:2] for column, values in analyzed.rows.items()}
    (unseen, missing) = analyzed.served(asked | {"void": [b"x", MISSING_BYTES]})[name]
    assert unseen < missing == analyzed[name][0] == analyzed.size(name) - 1


def as_line(text: bytes) -> bytes:
    """What stands for a text in vocabularies of train, and is hashed where it is not in one."""
    return text.replace(b"\n", b"\xfd").replace(b"\r", b"\xfc") or b"\xfe"


@pytest.mark.parametrize(
    ("label", "values", "boundaries", "classes"),
    [
        (Regression("delay"), [-3.0, 0.0, 29.5, 30.0], (0.0, 30.0), [0, 1, 1, 2]),
        (BinaryClassification("late"), [1, 0], (), [1, 0]),
        (Classification("place", ["x", "y", "z"]), [b"z", b"x"], (), [2, 0]),
        (Classification("code", [7, -1]), [-1, 7, 7], (), [1, 0, 0]),
    ],
)
def test_labels_of_every_kind_have_classes(
    label: Label, values: list[Any], boundaries: tuple[float, ...], classes: list[int]
) -> None:
    assert label_classes(label, tf.constant(values), boundaries).numpy().tolist() == classes


def test_a_frequency_is_the_share_of_training_rows(analyzed: Analyzed) -> None:
    for column in ("place", "code"):
        values = analyzed.rows[column]
        expected = [tf.constant(values.count(value) / N, tf.float32).numpy() for value in values]
        assert analyzed[f"{column}_frequency"] == expected


def test_values_that_train_lacks_are_unseen_when_served(analyzed: Analyzed) -> None:
    other = {name: [values[0]] * 3 for name, values in analyzed.rows.items()}
    other |= {"place": [b"unseen", b"New", MISSING_BYTES], "code": [3, 12345, MISSING_INT]}
    served = analyzed.served(other)
    missing = analyzed.rows["place"].count(MISSING_BYTES) / N
    assert served["place_frequency"] == pytest.approx([0.0, 0.0, missing])
    assert served["code_frequency"][:2] == [0.0, 0.0]
    assert served["identity"] == [3, 6, 7]
    assert served["listed"][:2] == [4 + hash_bucket(text, 3) for text in other["place"][:2]]
    assert served["frequent_imputed"] == [2, 2, 0]


def test_a_cross_without_buckets_takes_as_many_as_its_combinations_ask(analyzed: Analyzed) -> None:
    assert analyzed.size("whole") == 8 * 8
    pairs = zip(analyzed["listed"], analyzed["identity"], strict=True)
    assert analyzed["whole"] == [a * 8 + b for a, b in pairs]
    combinations = 3_001 * 4_001 * 5_001
    assert analyzed.size("large") == cross_buckets(combinations) < combinations
    assert all(0 <= id < analyzed.size("large") for id in analyzed["large"])
    assert len(set(analyzed["large"])) > 30
