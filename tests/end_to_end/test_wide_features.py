"""Texts, sets, lists and images through preprocess, train and predict: the same in all of them."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from forebay.cli import main
from trainer.exported import newest_model
from trainer.run_folder import open_run

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
    """A run, its exported model and the rows of both."""

    run: Path
    model: Path
    rows: list[Row]


def make_rows(n: int = ROWS, seed: int = 11) -> list[Row]:
    """Rows as a client has them; None is a missing value."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for i in range(n):
        words = rng.choice(WORDS, rng.integers(0, 9))
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
    return Made(run, Path(newest_model(str(run / "model"))), rows)


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
    run = open_run(str(made.run))
    spec = run.transform_output.transformed_feature_spec()
    written: dict[bytes, dict[str, np.ndarray]] = {}
    for split in ("train", "eval", "test"):
        files = [str(path) for path in (made.run / "examples" / split).glob("*.tfrecord*")]
        records = tf.data.TFRecordDataset(files, "GZIP" if files[0].endswith("gz") else "")
        columns = tf.io.parse_example(list(records.as_numpy_iterator()), spec)
        for i, name in enumerate(columns["id"].numpy()):
            written[name] = {key: values[i].numpy() for key, values in columns.items()}
    assert len(written) == ROWS
    loaded = tf.saved_model.load(str(made.model))
    transform = loaded.signatures["transform_features"]
    names = list(transform.structured_input_signature[1])
    rows = with_windows(made.rows)[-60 if batch == 1 else -ROWS :]
    parts = [rows[i : i + batch] for i in range(0, len(rows), batch)]
    served = [transform(**raw(part, names)) for part in parts]
    assert set(served[0]) == set(run.model_inputs().names)
    for name in served[0]:
        found = np.concatenate([part[name].numpy() for part in served])
        expected = np.stack([written[row["id"].encode()][name] for row in rows])
        if expected.dtype == np.int64:
            np.testing.assert_array_equal(found, expected, err_msg=name)
        else:
            scale = max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * scale, err_msg=name)


def test_the_written_terms_are_those_of_the_texts(made: Made) -> None:
    run = open_run(str(made.run))
    counts = Counter(tag for row in made.rows for tag in set((row["tags"] or "").split("|")))
    tags = [tag.decode() for tag in run.transform_output.vocabulary_by_name("tags_values")]
    assert set(tags) == set(counts) - {""}
    inputs = {column.name: column for column in run.model_inputs().categorical}
    assert (inputs["bag"].weight, inputs["bag"].width, inputs["bag"].pooling) == (
        "bag_weight", 11, "sum",
    )  # fmt: skip
    assert inputs["title_terms"].embed == 4


def test_predict_takes_images_and_lists(made: Made, tmp_path: Path) -> None:
    rows = with_windows(made.rows)[-20:]
    loaded = tf.saved_model.load(str(made.model))
    serve = loaded.signatures["serving_default"]
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
    loaded = tf.saved_model.load(str(made.model))
    serve = loaded.signatures["serving_default"]
    rows = with_windows(made.rows)[:2]
    given = raw(rows, list(serve.structured_input_signature[1]))
    given["photo_bytes"] = tf.constant([b"GIF89a", b"\xff"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="photo_bytes holds bytes that are"):
        serve(**given)
