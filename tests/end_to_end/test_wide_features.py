"""Texts, sets, lists and images through preprocess, train and predict: the same in all of them."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer

from forebay.cli import main
from forebay.storage.run.exported import newest_model
from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import inputs_of

DEFINITION = Path(__file__).with_name("adverts.py")
ROWS = 1_100
WORDS = ["red", "Blue", "bicycle", "old", "ÉTÉ", "kitchen", "table", "new", "rare", "set"]
TAGS = ["home", "sport", "kids", "garden", "tools"]
PRICES = [f"price_last{place}_unbounded_by_shop" for place in ("", "_2nd", "_3rd")]
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
# id → (column, cell, what the reject says)
BAD = {
    "bad-0": ("photo_bytes", "AAA", "not base64"),
    "bad-1": ("photo_bytes", base64.b64encode(b"GIF89a").decode(), "not a JPEG or PNG image"),
    "bad-2": ("sizes", "1;two", "not a list of numbers"),
    "bad-3": ("photo_bytes", "/w==", "stands for a missing value"),
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A run, its exported model and the rows of both.

    Attributes:
        run: the folder.
        model: the loaded model.
        rows: as a client has them, windows included.
        written: the examples, by identity and column.
    """

    run: Path
    model: Any
    rows: list[Row]
    written: dict[str, dict[str, np.ndarray]]


def make_rows(n: int = ROWS, seed: int = 11) -> list[Row]:
    """Rows as a client has them; None is a missing value."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for i in range(n):
        words = [*rng.choice(WORDS, rng.integers(0, 9)), *[f"n{i}"] * (i % 20 == 3)]
        tags = rng.choice(TAGS, rng.integers(0, 6))
        sizes = [None if rng.random() < 0.1 else round(float(x), 2) for x in rng.normal(
            20, 8, rng.integers(0, 7))]  # fmt: skip
        row = {
            "id": f"a{i}",
            "at": START + dt.timedelta(minutes=7 * i),
            "shop": f"s{rng.integers(0, 5)}",
            "title": " ".join(words) + rng.choice(["", "!", "?"]),
            "tags": "|".join(tags),
            "sizes": sizes,
            "photo_bytes": picture(rng),
            "price": round(10 + 5 * len(tags) + 8 * ("red" in words) + float(rng.normal()), 2),
        }
        for name in ("shop", "title", "tags", "sizes", "photo_bytes"):
            if rng.random() < 0.05 or row[name] in ("", []):
                row[name] = None
        rows.append(row)
    return rows


def picture(rng: np.random.Generator) -> bytes:
    shape = (*rng.integers(1, 9, 2), 3)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(
        buffer, "JPEG" if rng.random() < 0.3 else "PNG"
    )
    return buffer.getvalue()


def write_csv(rows: list[Row], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: cell(value) for name, value in row.items()})
        for name, (column, text, _) in BAD.items():
            plain = {key: cell(value) for key, value in rows[0].items()}
            writer.writerow({**plain, "id": name, column: text})


def cell(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return ";".join("" if item is None else repr(item) for item in value)
    return "" if value is None else str(value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("adverts")
    rows = make_rows()
    write_csv(rows, folder / "adverts.csv")
    run = folder / "run"
    arguments = ["--input", str(folder / "adverts.csv"), "--output", str(run)]
    assert main(["preprocess", str(DEFINITION), *arguments, "--max-reject-fraction", "0.1"]) == 0
    assert main(["train", str(run), "--max-steps", "40", "--eval-every", "40"]) == 0
    model = tf.saved_model.load(newest_model(str(run / "model")))
    return Made(run, model, with_windows(rows), read_examples(run))


def read_examples(run: Path) -> dict[str, dict[str, np.ndarray]]:
    spec = open_run(str(run)).transform_output.transformed_feature_spec()
    written = {}
    for split in ("train", "eval", "test"):
        files = [str(path) for path in (run / "examples" / split).glob("*.tfrecord*")]
        records = tf.data.TFRecordDataset(files, "GZIP" if files[0].endswith("gz") else "")
        parsed = tf.io.parse_example(list(records.as_numpy_iterator()), spec)
        columns = {name: values.numpy() for name, values in parsed.items()}
        for i, name in enumerate(columns["id"]):
            row = {key: values[i] for key, values in columns.items()}
            written[name.decode()] = {**row, "split": np.array(split)}
    return written


def with_windows(rows: list[Row]) -> list[Row]:
    """Adds the last three prices before each row, by plain loops."""
    past: dict[str, list[float]] = defaultdict(list)
    found = []
    for row in rows:
        last = past[row["shop"]][::-1] if row["shop"] else []
        found.append({**row, **dict(zip(PRICES, (last + [None] * 3)[:3], strict=True))})
        if row["shop"]:
            past[row["shop"]].append(row["price"])
    return found


def raw(rows: list[Row], names: list[str]) -> dict[str, tf.Tensor]:
    """Rows as the served graph takes them."""
    columns = {}
    for name in names:
        values = [row[name] for row in rows]
        if name.startswith("price"):
            numbers = [np.nan if value is None else value for value in values]
            columns[name] = tf.constant(numbers, tf.float32)
        else:
            texts = [v if isinstance(v, bytes) else cell(v).encode() for v in values]
            columns[name] = tf.constant(
                [b"\xff" if v is None else t for v, t in zip(values, texts, strict=True)]
            )
    return columns


def test_what_cannot_be_read_is_rejected(made: Made) -> None:
    files = (made.run / "rejects").glob("*.jsonl")
    reasons = [json.loads(line)["reason"] for file in files for line in file.open()]
    assert len(reasons) == len(BAD)
    for column, _, words in BAD.values():
        assert any(column in reason and words in reason for reason in reasons), words


@pytest.mark.parametrize("batch", [1, 7, 1_000])
def test_served_features_are_the_batch_paths(made: Made, batch: int) -> None:
    assert len(made.written) == ROWS
    transform = made.model.signatures["transform_features"]
    names = list(transform.structured_input_signature[1])
    rows = made.rows[-60 if batch == 1 else -ROWS :]
    parts = [rows[i : i + batch] for i in range(0, len(rows), batch)]
    served = [transform(**raw(part, names)) for part in parts]
    assert set(served[0]) == set(inputs_of(open_run(str(made.run))).names)
    for name in served[0]:
        found = np.concatenate([part[name].numpy() for part in served])
        expected = np.stack([made.written[row["id"]][name] for row in rows])
        if expected.dtype == np.int64:
            np.testing.assert_array_equal(found, expected, err_msg=name)
        else:
            scale = max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * scale, err_msg=name)


def tokens(title: str | None) -> list[str]:
    return re.findall(r"\w+", (title or "").lower())[:6]


def vocabulary(made: Made, name: str) -> list[str]:
    terms = open_run(str(made.run)).transform_output.vocabulary_by_name(name)
    return [term.decode() for term in terms]


def test_terms_keep_their_order_and_rare_ones_share_a_bucket(made: Made) -> None:
    train = [row for row in made.rows if made.written[row["id"]]["split"] == "train"]
    counts = Counter(token for row in train for token in tokens(row["title"]))
    words = vocabulary(made, "title_terms")
    assert set(words) == {token for token, count in counts.items() if count >= 2}
    others, padding = len(words), len(words) + 1
    for row in made.rows:
        ids = [words.index(t) if t in words else others for t in tokens(row["title"])]
        expected = ids + [padding] * (6 - len(ids))
        assert made.written[row["id"]]["title_terms"].tolist() == expected


def test_weights_are_sklearns_of_the_training_rows(made: Made) -> None:
    words = vocabulary(made, "bag")
    assert len(words) == 50

    def terms(title: str) -> list[str]:
        read = tokens(title)
        return read + [f"{a} {b}" for a, b in pairwise(read)]

    oracle = TfidfVectorizer(analyzer=terms, vocabulary=words)
    train = [row for row in made.rows if made.written[row["id"]]["split"] == "train"]
    oracle.fit([row["title"] for row in train if row["title"] is not None])
    expected = oracle.transform([row["title"] or "" for row in made.rows]).toarray()
    for row, weights in zip(made.rows, expected, strict=True):
        example, found = made.written[row["id"]], np.zeros(51)
        np.add.at(found, example["bag"], example["bag_weight"])
        np.testing.assert_allclose(found[:50], weights, rtol=1e-5, atol=1e-6)
        assert found[50] == 0


def test_models_are_given_lists_with_their_weights(made: Made) -> None:
    counts = Counter(tag for row in made.rows for tag in set((row["tags"] or "").split("|")))
    assert set(vocabulary(made, "tags_values")) == set(counts) - {""}
    inputs = {c.name: c for c in inputs_of(open_run(str(made.run))).categorical}
    bag = inputs["bag"]
    assert (bag.weight, bag.width, bag.pooling) == ("bag_weight", 11, "sum")
    assert inputs["title_terms"].embed == 4


def test_predict_takes_images_and_lists(made: Made, tmp_path: Path) -> None:
    rows = made.rows[-20:]
    serve = made.model.signatures["serving_default"]
    names = list(serve.structured_input_signature[1])
    lines = [json.dumps({name: jsonable(row[name]) for name in names}) for row in rows]
    broken = {**json.loads(lines[3]), "photo_bytes": {"b64": "R0lGODlh"}}
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines, json.dumps(broken)]) + "\n")
    answers = tmp_path / "answers.jsonl"
    status = main(["predict", "--model", str(made.run / "model"), str(tmp_path / "rows.jsonl"),
                   "--output", str(answers)])  # fmt: skip
    found = [json.loads(line) for line in answers.read_text().splitlines()]
    expected = serve(**raw(rows, names))["prediction"].numpy()
    np.testing.assert_allclose([row["prediction"] for row in found[:20]], expected, rtol=1e-5)
    assert [row["id"] for row in found[:20]] == [row["id"] for row in rows]
    assert "not a JPEG or PNG image" in found[20]["error"]
    assert status == 0  # the other lines were answered


def jsonable(value: Any) -> Any:
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def test_bytes_that_are_no_image_are_a_clear_error(made: Made) -> None:
    serve = made.model.signatures["serving_default"]
    given = raw(made.rows[:2], list(serve.structured_input_signature[1]))
    given["photo_bytes"] = tf.constant([b"GIF89a", b"\xff"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="photo_bytes holds bytes that are"):
        serve(**given)
