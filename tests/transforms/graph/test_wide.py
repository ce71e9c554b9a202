"""Features of fixed width in the graph, on a few rows, against sklearn, Pillow and loops."""

from __future__ import annotations

import io
import math
import re
import statistics
import sys
import types
from collections import Counter
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from analyzed import Analyzed
from PIL import Image as Picture
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from wide_pages import PAGES, graph_value, read_page

from forebay.transforms.definition.columns import MISSING_BYTES, Bytes, Number, Numbers, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Categorical,
    Custom,
    Image,
    MultiHot,
    NumberList,
    Text,
)
from forebay.transforms.definition.features.number_list import POOLS
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import DefinitionError
from forebay.transforms.graph.images import image_outputs
from forebay.transforms.parsing.images import is_image

NAN = float("nan")
TEXTS = [
    "The cat sat on the mat.",
    "the DOG sat; the dog-house",
    None,
    "",
    "Été à Zürich, été!",
    "a b c d e f g h i j k l m n o p",
    "?!",
    "the end",
]
GENRES = ["b|a", "a| b |a", None, "", "|c||", "a|b|c|d|e", "never mind|a", " "]
LISTS = ["1.5;2;3", "", None, "4; ;-1e1;5", "x;2", ";", "+7; .5;1.;1E2", "1e39;0;1e999"]
XS = [1.0, NAN, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
YS = [2.0, NAN, NAN, 1.0, 0.0, math.inf, 1.0, 1.0]
TOKEN = r"(?u)\w+"  # for sklearn, whose own tokens have two letters or more


def picture(mode: str, size: tuple[int, int], kind: str, seed: int) -> bytes:
    shape = size[::-1] if mode == "L" else (*size[::-1], 3)
    # Smooth, so that JPEG keeps it.
    ramp = np.add.outer(np.arange(size[1]), np.arange(size[0])) * 7 + seed * 20
    pixels = np.broadcast_to(ramp if mode == "L" else ramp[..., None], shape) % 256
    buffer = io.BytesIO()
    Picture.fromarray(pixels.astype(np.uint8), mode).save(buffer, kind)
    return buffer.getvalue()


PICTURES = [
    picture("RGB", (4, 3), "PNG", 1), picture("RGB", (8, 6), "PNG", 2), MISSING_BYTES,
    picture("L", (4, 3), "PNG", 3), picture("RGB", (4, 3), "JPEG", 0),
    picture("L", (1, 1), "PNG", 4), picture("RGB", (5, 7), "PNG", 0),
    picture("L", (3, 9), "JPEG", 0),
]  # fmt: skip


def own_list(inputs: dict) -> dict:
    """Ids of fixed width from a user's own function."""
    ids = tft.bucketize(inputs["x"], 2)
    return {"own": tf.stack([inputs["x"], inputs["x"]], axis=1), "own_ids": ids}


DEFINITION = Dataset(
    name="wide",
    columns={
        "text": String(nulls=()), "genres": String(nulls=()), "numbers": Numbers(),
        "x": Number(), "z": Number(), "y": Number(),
    },
    features=[
        Text("text", max_tokens=40, weigh="count", ngrams=(1, 2), lower=False, name="counted"),
        Text("text", max_tokens=5, weigh="presence", min_count=2, oov_buckets=0, name="present"),
        Text("text", max_tokens=40, weigh="tf_idf", norm="length", ngrams=(2, 3), name="by_length"),
        MultiHot("genres", max_values=3, top_k=2, indicator=True),
        NumberList("cut", "numbers", length=3, padding=-1.0, indicator=True),
        NumberList("scaled", "numbers", length=3, scale="z_score"),
        NumberList("unit", ["x", "z"], scale="0_1", padding=0.5),
        NumberList("pooled", "numbers", pool=POOLS, indicator=True),
        NumberList("filled", ["x", "z"], pool="max", impute=9.0, scale="z_score"),
        Custom("test_wide_functions:own_list", columns=["x"]),
    ],
    label=Regression("y"),
    split=HashSplit("text"),
)  # fmt: skip


def with_pages(own: Dataset) -> Dataset:
    """Adds what the pages define: one analysis for all, as they are dear."""
    pages = [read_page(name)[0] for name in PAGES]
    return replace(
        own,
        columns={name: kind for d in (own, *pages) for name, kind in d.columns.items()},
        row_time=next(d.row_time for d in pages if d.row_time),
        windows=tuple(window for d in pages for window in d.windows),
        features=tuple(feature for d in (own, *pages) for feature in d.features),
    )


def rows_of_pages(count: int) -> list[dict[str, str]]:
    """The rows of all pages side by side; more of them are missing throughout."""
    pages = [read_page(name)[1] for name in PAGES]
    rows = [{n: text for row in rows for n, text in (row or {}).items()}
            for rows in zip_longest(*pages)]  # fmt: skip
    return rows + [{}] * (count - len(rows))


@pytest.fixture(scope="module")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> Analyzed:
    module = types.ModuleType("test_wide_functions")
    module.own_list = own_list
    sys.modules[module.__name__] = module
    own = {
        "text": [encoded(text) for text in TEXTS],
        "genres": [encoded(text) for text in GENRES],
        "numbers": [encoded(text) for text in LISTS],
        "x": XS, "z": YS, "y": [1.0] * len(TEXTS),
    }  # fmt: skip
    definition, shown = with_pages(DEFINITION), rows_of_pages(len(TEXTS))
    for name in definition.graph_columns:
        kind = definition.all_columns[name]
        own.setdefault(name, [graph_value(row.get(name, ""), kind) for row in shown])
    return Analyzed(definition, own, tmp_path_factory.mktemp("graph"), batch=4)


def encoded(text: str | None) -> bytes:
    return MISSING_BYTES if text is None else text.encode()


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_examples(transformed: Analyzed, name: str) -> None:
    definition, _, shown = read_page(name)
    assert set(shown[0]) - {"id"} == {o for f in definition.features for o in f.outputs}
    for output in set(shown[0]) - {"id"}:
        for found, row in zip(transformed[output], shown, strict=False):
            numbers = [float(number) for number in row[output].split()]
            np.testing.assert_allclose(np.ravel(found), numbers, atol=5e-5)


def column(transformed: Analyzed, name: str) -> np.ndarray:
    return np.array(transformed[name])


def vocabulary(transformed: Analyzed, name: str) -> list[str]:
    return [term.decode() for term in transformed.vocabulary(name)]


def padding(transformed: Analyzed, name: str) -> int:
    return transformed.size(name) - 1


def tokens(text: str | None) -> list[str]:
    return re.findall(r"[^\W_]+", (text or "").lower())


def test_every_output_has_the_width_of_its_feature(transformed: Analyzed) -> None:
    spec = transformed.output.transformed_feature_spec()
    widths = {"counted": 79, "counted_weight": 79, "genres_values": 3, "cut": 3}
    widths |= {"unit": 2, "photo_bytes_image": 6, "own": 2}
    assert {name: spec[name].shape for name in widths} == {n: [w] for n, w in widths.items()}
    assert spec["pooled_mean"].shape == spec["own_ids"].shape == []


def matrix(transformed: Analyzed, name: str, terms: list[str]) -> np.ndarray:
    """The bags of all rows as (rows, terms)."""
    words, last = vocabulary(transformed, name), padding(transformed, name)
    found = np.zeros((len(TEXTS), len(terms)))
    ids, weights = column(transformed, name), column(transformed, f"{name}_weight")
    for row in range(len(TEXTS)):
        there = ids[row] != last
        assert (np.diff(ids[row][there]) > 0).all()
        assert (weights[row][~there] == 0).all()
        for id_, weight in zip(ids[row][there], weights[row][there], strict=True):
            found[row, terms.index(words[id_])] = weight
    return found


def test_bags_count_as_sklearn_counts(transformed: Analyzed) -> None:
    oracle = CountVectorizer(ngram_range=(1, 2), lowercase=False, token_pattern=TOKEN)
    expected = oracle.fit_transform([text or "" for text in TEXTS]).toarray()
    terms = oracle.get_feature_names_out().tolist()
    assert set(terms) == set(vocabulary(transformed, "counted"))
    np.testing.assert_array_equal(matrix(transformed, "counted", terms), expected)


def test_terms_that_are_there_weigh_one_and_rare_ones_are_left_out(transformed: Analyzed) -> None:
    counts = Counter(token for text in TEXTS for token in tokens(text)[:5])
    terms = [token for token, count in counts.items() if count >= 2]
    assert set(vocabulary(transformed, "present")) == set(terms)
    expected = [[float(term in tokens(text)[:5]) for term in terms] for text in TEXTS]
    assert matrix(transformed, "present", terms).tolist() == expected


def test_tf_idf_is_sklearns_by_the_length_of_the_text(transformed: Analyzed) -> None:
    oracle = TfidfVectorizer(norm=None, ngram_range=(2, 3), smooth_idf=True, token_pattern=TOKEN)
    oracle.fit([text for text in TEXTS if text is not None])
    texts = [text or "" for text in TEXTS]
    terms = oracle.get_feature_names_out().tolist()
    counts = CountVectorizer(ngram_range=(2, 3), vocabulary=terms, token_pattern=TOKEN)
    lengths = np.maximum(counts.transform(texts).toarray().sum(axis=1), 1)
    expected = oracle.transform(texts).toarray() / lengths[:, None]
    found = matrix(transformed, "by_length", terms)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_sets_hold_distinct_values_of_those_read(transformed: Analyzed) -> None:
    words, last = vocabulary(transformed, "genres_values"), padding(transformed, "genres_values")
    assert (words, last) == (["a", "b"], 3)  # others share the bucket 2
    for text, ids in zip(GENRES, column(transformed, "genres_values"), strict=True):
        values = [value.strip() for value in (text or "").split("|") if value.strip()][:3]
        expected = sorted({words.index(value) if value in words else 2 for value in values})
        assert ids.tolist() == expected + [last] * (3 - len(expected))
    assert column(transformed, "genres_values_is_missing").tolist() == [0, 0, 1, 0, 0, 0, 0, 0]


def parsed(text: str | None) -> list[float]:
    """The numbers of a cell, NaN where there is none."""
    found = []
    for item in (text or "").split(";"):
        try:
            value = float(item)
        except ValueError:
            value = NAN
        found.append(value if abs(value) < 3e38 else NAN)
    return found


def test_lists_are_padded_where_numbers_end_or_are_missing(transformed: Analyzed) -> None:
    padded, indicator = column(transformed, "cut"), column(transformed, "cut_is_missing")
    for text, numbers, missing in zip(LISTS, padded, indicator, strict=True):
        expected = (parsed(text) + [NAN] * 3)[:3]
        assert missing.tolist() == [float(math.isnan(value)) for value in expected]
        expected = [-1.0 if math.isnan(value) else value for value in expected]
        np.testing.assert_allclose(numbers, expected)


def test_lists_are_scaled_by_all_their_numbers(transformed: Analyzed) -> None:
    lists = [(parsed(text) + [NAN] * 3)[:3] for text in LISTS]
    known = [value for row in lists for value in row if not math.isnan(value)]
    mean, deviation = statistics.mean(known), statistics.pstdev(known)
    expected = [[0 if math.isnan(v) else (v - mean) / deviation for v in row] for row in lists]
    np.testing.assert_allclose(column(transformed, "scaled"), expected, rtol=1e-5, atol=1e-6)


def test_columns_side_by_side_are_a_list(transformed: Analyzed) -> None:
    for found, row in zip(column(transformed, "unit"), zip(XS, YS, strict=True), strict=True):
        np.testing.assert_allclose(found, [v / 8 if math.isfinite(v) else 0.5 for v in row])


def test_pools_are_of_the_numbers_that_are_there(transformed: Analyzed) -> None:
    known = [[v for v in parsed(text) if not math.isnan(v)] for text in LISTS]
    assert column(transformed, "pooled_count").tolist() == [len(row) for row in known]
    assert column(transformed, "pooled_is_missing").tolist() == [float(not row) for row in known]
    for name, pool in {"mean": statistics.mean, "sum": sum, "min": min, "max": max}.items():
        values = [pool(row) if row else NAN for row in known]
        fill = statistics.mean(value for value in values if not math.isnan(value))
        expected = [fill if math.isnan(value) else value for value in values]
        np.testing.assert_allclose(column(transformed, f"pooled_{name}"), expected, rtol=1e-6)


def test_a_missing_pool_is_imputed_before_scaling(transformed: Analyzed) -> None:
    values = [max(v for v in row if math.isfinite(v)) if math.isfinite(row[0]) else NAN
              for row in zip(XS, YS, strict=True)]  # fmt: skip
    known = [value for value in values if not math.isnan(value)]
    mean, deviation = statistics.mean(known), statistics.pstdev(known)
    expected = [((9.0 if math.isnan(v) else v) - mean) / deviation for v in values]
    np.testing.assert_allclose(column(transformed, "filled_max"), expected, rtol=1e-5)


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, pixels as squares whose middles are looked up: one pixel after the other."""
    rows, columns = pixels.shape[:2]
    found = np.zeros((height, width, pixels.shape[2]))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * rows / height - 0.5, 0), rows - 1)
            x = min(max((j + 0.5) * columns / width - 0.5, 0), columns - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            found[i, j] = (1 - y + top) * (
                (1 - x + left) * pixels[top, left] + (x - left) * pixels[top, right]
            ) + (y - top) * (
                (1 - x + left) * pixels[bottom, left] + (x - left) * pixels[bottom, right]
            )
    return found


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_images_are_decoded_and_resized(channels: int, mode: str) -> None:
    feature = Image("photo_bytes", height=3, width=4, channels=channels, indicator=True)
    outputs = image_outputs(feature, tf.constant(PICTURES))
    for content, found in zip(PICTURES, outputs[feature.output].numpy(), strict=True):
        if content == MISSING_BYTES:
            assert not found.any()
            continue
        image = Picture.open(io.BytesIO(content))
        pixels = np.asarray(image.convert(mode), np.float64)
        expected = resized(pixels.reshape(*pixels.shape[:2], -1), 3, 4).ravel() / 255
        # Decoders of JPEG round in their own ways, and so do conversions to grey.
        exact = image.format == "PNG" and (image.mode == "L" or mode == "RGB")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 if exact else 4 / 255)
        assert found.max() > 0
    missing = [float(content == MISSING_BYTES) for content in PICTURES]
    assert outputs[feature.indicator_output].numpy().tolist() == missing


@pytest.mark.parametrize(
    ("content", "good"),
    [
        (PICTURES[0], True),
        (PICTURES[4], True),
        (PICTURES[0][:-30], False),
        (PICTURES[4][:20], False),
        (b"GIF89a", False),
        (b"", False),
        (MISSING_BYTES, False),
    ],
)
def test_images_are_tried(content: bytes, good: bool) -> None:
    assert is_image(content) == good


def test_mistakes_are_named() -> None:
    with pytest.raises(DefinitionError) as error:
        Dataset(
            name="wrong",
            columns={
                "t": String(), "photo": Bytes(image=True), "raw_bytes": Bytes(), "x": Number(),
                "n": Numbers(separator="."), "y": Number(),
            },
            features=[
                Text("t", split_on="(", ngrams=(2, 1), weigh="idf", pooling="max"),
                MultiHot("x", separator="", max_values=0),
                Image("photo", height=0), Image("raw_bytes", channels=2),
                NumberList("a", "n"), NumberList("b", ["x", "t"], length=3, pool=["median"]),
                Categorical("photo"),
            ],
            label=Regression("y"),
            split=HashSplit("t"),
        )  # fmt: skip
    found = str(error.value)
    for words in (
        "features[0].split_on", "features[0].ngrams", "features[0].weigh", "features[0].pooling",
        "features[1].column = 'x'", "features[1].separator", "features[1].max_values",
        "features[2].height", "call it photo_bytes", "set Bytes(image=True)",
        "features[3].channels", "write how many numbers to keep", "the columns say how many",
        "features[5].of = 't'", "features[5].pool = 'median'", "columns['n'].separator",
        "features[6].column = 'photo'",
    ):  # fmt: skip
        assert words in found, words
