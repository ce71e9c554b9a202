"""Prediction: one answer per line, in order, whatever else is in the file."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from forebay.cli import main
from forebay.serving.predictor import Predictor, predict_lines
from forebay.storage.run.exported import newest_model, to_record
from forebay.storage.run.files import listing
from forebay.storage.run.loaded_model import BATCH_ROWS

Columns = dict[str, Any]
NAMES = ("trip_id", "left_at", "day", "line", "wagons", "express", "distance", "guess",
         "delay_mean_1h_by_line", "start_s", "stop_s")  # fmt: skip


@pytest.fixture(scope="module")
def predictor(trained_regression: Path) -> Predictor:
    return Predictor(str(trained_regression / "model"))


def to_json_row(rows: Columns, i: int) -> dict[str, Any]:
    """A row as a person would write it."""
    row: dict[str, Any] = {name: rows[name][i] for name in NAMES}
    for name, value in row.items():
        if isinstance(value, bytes):
            row[name] = None if value == b"\xff" else value.decode()
        elif np.isnan(value) or value == np.iinfo(np.int64).min:
            row[name] = None
        else:
            row[name] = value.item()
    if row["day"] is not None:
        row["day"] = str(np.datetime64(row["day"], "D"))
    row["left_at"] = f"{np.datetime64(row['left_at'], 'us')}Z"
    row["express"] = None if row["express"] is None else bool(row["express"])
    return row


def ask(predictor: Predictor, lines: list[str]) -> list[dict[str, Any]]:
    sink = io.StringIO()
    predict_lines(predictor, io.BytesIO("\n".join(lines).encode()), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def test_answers_are_the_signatures_in_order(
    predictor: Predictor, rows: Columns, trained_regression: Path, tmp_path: Path
) -> None:
    count = BATCH_ROWS + 300
    answers = ask(predictor, [json.dumps(to_json_row(rows, i)) for i in range(count)])
    assert [answer["trip_id"] for answer in answers] == [f"trip-{i}" for i in range(count)]
    raw = {name: rows[name][:count] for name in NAMES}
    # TensorFlow's own loader takes the letters of the run's name for a pattern.
    shutil.copytree(newest_model(str(trained_regression / "model")), tmp_path / "model")
    model = tf.saved_model.load(str(tmp_path / "model"))
    signature = model.signatures["serving_default"]
    expected = signature(**{name: tf.constant(raw[name]) for name in raw})["prediction"].numpy()
    found = np.array([answer["prediction"] for answer in answers])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_passthrough_comes_back_as_it_was_written(predictor: Predictor, rows: Columns) -> None:
    row = {**to_json_row(rows, 0), "left_at": "2026-01-31T08:30:00.25-05:00"}
    (answer,) = ask(predictor, [json.dumps(row)])
    assert list(answer) == ["trip_id", "left_at", "prediction"]
    assert answer["left_at"] == "2026-01-31T08:30:00.25-05:00"


def test_the_label_comes_back_too(predictor: Predictor, rows: Columns) -> None:
    row = to_json_row(rows, 0)
    labelled, plain = ask(predictor, [json.dumps({**row, "delay": 3.0}), json.dumps(row)])
    assert labelled == {**plain, "delay": 3.0}


def test_bad_lines_are_answered_and_the_rest_go_on(predictor: Predictor, rows: Columns) -> None:
    good = to_json_row(rows, 1)
    lines = [
        json.dumps(good),
        "",
        "not json",
        json.dumps({**good, "delays": 3.0}),
        "   ",
        json.dumps({**good, "wagons": "three"}),
        json.dumps(good),
    ]
    answers = ask(predictor, lines)
    assert [answer.get("line") for answer in answers] == [None, 3, 4, 6, None]
    assert "takes no 'delays'" in answers[2]["error"]
    assert answers[0] == answers[4]


@pytest.mark.parametrize("depth", [101, 985, 100_000])
def test_a_deep_value_takes_no_other_row_down(
    predictor: Predictor, rows: Columns, depth: int
) -> None:
    good = json.dumps(to_json_row(rows, 0))
    deep = '{"trip_id": ' + "[" * depth + "1" + "]" * depth + "}"
    first, error, last = ask(predictor, [good, deep, good])
    assert first == last
    assert "prediction" in first
    assert error["line"] == 2
    assert "nested deeper than 100 levels" in error["error"]


class Picky(tf.Module):
    """A model that fails on odd numbers of wagons, and with them on the whole batch."""

    def __init__(self, signature: dict[str, tf.TensorSpec]) -> None:
        super().__init__()
        self.serve = tf.function(self.answer, input_signature=[signature])

    def answer(self, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        tf.debugging.assert_equal(raw["wagons"] % 2, tf.constant(0, tf.int64), "odd wagons")
        return {"prediction": tf.cast(raw["wagons"], tf.float32)}


def test_a_row_that_the_model_cannot_take_takes_no_other_down(
    trained_regression: Path, copy_of: Callable[[Path], Path], rows: Columns
) -> None:
    copy = copy_of(trained_regression)
    (model,) = (copy / "model").iterdir()
    inputs = tf.saved_model.load(str(model)).signatures["serving_default"]
    picky = Picky(inputs.structured_input_signature[1])
    tf.saved_model.save(picky, str(model), signatures={"serving_default": picky.serve})
    record_path = model / "assets.extra/forebay.json"
    record = json.loads(record_path.read_text())
    found = {name: e for name, e in listing(str(model)).items() if name in record["files"]}
    record_path.write_text(json.dumps({**record, "files": to_record(found)}))
    wagons = [2, 3, 4, 5, 5, 8, 9]
    lines = [json.dumps({**to_json_row(rows, 0), "wagons": count}) for count in wagons]
    answers = ask(Predictor(str(model)), lines)
    assert [answer.get("prediction") for answer in answers] == [2, None, 4, None, None, 8, None]
    assert [answer.get("line") for answer in answers] == [None, 2, None, 4, 5, None, 7]
    assert "the model cannot take this row" in answers[1]["error"]


def test_text_may_come_as_base64(predictor: Predictor, rows: Columns) -> None:
    row = {**to_json_row(rows, 0), "line": "étoile"}
    encoded = {**row, "line": {"b64": base64.b64encode("étoile".encode()).decode()}}
    plain, packed = ask(predictor, [json.dumps(row), json.dumps(encoded)])
    assert plain == packed


def test_numbers_have_their_shortest_text(predictor: Predictor, rows: Columns) -> None:
    sink = io.StringIO()
    line = json.dumps(to_json_row(rows, 0)).encode()
    predict_lines(predictor, io.BytesIO(line), sink)
    text = sink.getvalue().partition('"prediction": ')[2].rstrip("}\n")
    assert len(text.replace(".", "").replace("-", "")) <= 9


def test_no_lines_make_no_answers(predictor: Predictor) -> None:
    assert ask(predictor, ["", ""]) == []


def test_the_command_reads_files_and_says_how_many_failed(
    trained_binary: Path, rows: Columns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, sink = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    source.write_text(json.dumps(to_json_row(rows, 0)) + "\n{}\n")
    flags = ["predict", "--model", str(trained_binary / "model"), str(source)]
    assert main([*flags, "--output", str(sink)]) == 0
    good, bad = (json.loads(line) for line in sink.read_text().splitlines())
    assert 0 < good["probability"] < 1
    assert bad["line"] == 2
    assert "1 of 2 lines" in capsys.readouterr().err
    source.write_text("{}\n")
    assert main(flags) == 1
    assert json.loads(capsys.readouterr().out)["line"] == 1


def test_files_that_cannot_be_opened_are_status_2(
    trained_binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--model", "no/model"]) == 2
    assert main(["predict", "--model", str(trained_binary / "model"), "no/rows.jsonl"]) == 2
    assert "no/rows.jsonl cannot be opened" in capsys.readouterr().err


def test_a_pipe_works_and_standard_error_has_what_is_done_alone(
    trained_regression: Path, rows: Columns
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "forebay", "predict", "--model", trained_regression / "model"],
        input=json.dumps(to_json_row(rows, 0)), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["trip_id"] == "trip-0"
    assert done.stderr.splitlines() == ["forebay predict: loading …", "loading TensorFlow …"]


def test_a_table_is_told_from_json_lines(
    trained_regression: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("distance,line\n1,a\n2,b\n")
    model = trained_regression / "model"

    assert main(["predict", "--model", str(model), str(path)]) == 2
    assert "is not JSON lines: it begins with 'distance,line'" in capsys.readouterr().err

    assert main(["predict", "--model", str(trained_regression), str(path)]) == 2
    assert "is a run, whose models are in" in capsys.readouterr().err


def test_answers_to_json_lines_go_to_no_table(
    trained_regression: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(trained_regression / "model")

    assert main(["predict", "--model", model, "rows.jsonl", "--output", "bigquery://p.d.t"]) == 2
    assert "takes the predictions of a table, which --input names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--json",), "--json goes with a table, which --input names; leave out what"),
        (
            ("--history", "a.csv", "--json"),
            "--history, --json go with a table, which --input names",
        ),
        (("--source", "a=b.csv"), "--source goes"),
        (("--rejects", "r.jsonl"), "--rejects goes"),
        (("--query-parameter", "a::b"), "--query-parameter goes"),
        (("--dry-run", "jobs"), "--dry-run goes"),
        (("--max-reject-fraction", "0.5"), "--max-reject-fraction 0.5 goes"),
        (("--batch-size", "9"), "--batch-size 9 goes"),
        (("--max-record-bytes", "99"), "--max-record-bytes 99 goes"),
        (("--window-memory-mb", "1"), "--window-memory-mb 1 goes"),
        (("--project", "p"), "--project is an option of --on dataflow"),
        (("--", "--direct_num_workers=2"), "--direct_num_workers=2 goes"),
    ],
)
def test_what_only_a_table_has_a_use_for_is_refused(
    flags: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--model", "no/such/model", "rows.jsonl", *flags]) == 2
    assert told in capsys.readouterr().err


def test_what_only_json_lines_have_a_use_for_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["predict", "--model", "m", "--input", "a.csv", "--ignore-extra"]) == 2
    assert "--ignore-extra goes with JSON lines; of the table" in capsys.readouterr().err
