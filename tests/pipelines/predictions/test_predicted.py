"""New rows of a table answered: what cannot be read, what is not there, and what is told of it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from later_trips import EARLIER, LATER, text, trip

import forebay as fb
from forebay.cli import main
from forebay.pipelines.predictions.counts import Counts
from forebay.pipelines.predictions.predict import Predictions
from forebay.transforms.errors import InputError, RunFailed


@dataclass(frozen=True)
class Answered:
    """What a command made: its predictions by trip, in order, and what it said."""

    predictions: Mapping[str, Mapping[str, str]]
    rejects: list[dict[str, Any]]
    said: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of new rows, of which the second one's name comes first, and earlier rows."""
    folder = tmp_path_factory.mktemp("trips")
    (folder / "b.csv").write_text(text(LATER[:2]))
    (folder / "a.csv").write_text(text(LATER[2:]))
    (folder / "earlier.csv").write_text(text(EARLIER))
    return folder


@pytest.fixture(scope="module")
def model(trained_regression: Path) -> str:
    return str(trained_regression / "model")


@pytest.fixture(scope="module")
def answered(folder: Path, model: str) -> Answered:
    """What the command makes of them, by way of a folder whose name looks like a pattern."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", said)
        code = main([
            "predict", "--model", model, "--input", str(folder / "b.csv"), str(folder / "a.csv"),
            "--history", str(folder / "earlier.csv"), "--output", str(folder / "answers.csv"),
            "--", f"--temp_location={folder / 'temp[1]'}",
        ])  # fmt: skip
    assert code == 0, said.getvalue()
    with (folder / "answers.csv").open(newline="") as file:
        predictions = {row["trip_id"]: row for row in csv.DictReader(file)}
    rejects = (folder / "answers.csv.rejects.jsonl").read_text().splitlines()
    return Answered(predictions, [json.loads(one) for one in rejects], said.getvalue())


def test_several_files_are_answered_in_the_order_in_which_they_are_given(
    answered: Answered,
) -> None:
    assert list(answered.predictions) == ["t13", "t12", "t14"]


def test_what_no_answer_depends_on_costs_none(answered: Answered) -> None:
    """A label is not what a row is answered by, whatever it holds."""
    assert answered.predictions["t12"]["delay"] == ""
    assert "values of --input that cannot be read count as missing" in answered.said
    assert "delay (1), late (1)" in answered.said
    (reject,) = answered.rejects
    assert reject["reason"] == "distance: 'far' is not a number"
    assert "no prediction for 1 of 4 records: distance: not a number (1)" in answered.said


def test_the_rejects_of_an_earlier_command_are_not_those_of_this_one(
    folder: Path, model: str, tmp_path: Path
) -> None:
    answers, rejects = tmp_path / "answers.csv", tmp_path / "answers.csv.rejects.jsonl"
    rejects.write_text("of another command\n")

    words = ["predict", "--model", model, "--input", str(folder / "b.csv")]
    assert main([*words, "--output", str(answers)]) == 0

    assert len(answers.read_text().splitlines()) == 3
    assert rejects.read_text() == ""


def test_from_python_frames_are_answered_the_same(
    folder: Path, model: str, answered: Answered, capsys: pytest.CaptureFixture[str]
) -> None:
    """The history may hold the new rows as well, with what is known of them since."""
    new = pa.Table.from_pylist([row for row in LATER if row["distance"] != "far"])
    known = [*EARLIER, *(trip(i, delay=9.0) for i in (12, 13, 14))]

    found = fb.predict(model, new, history=[*map(dict, known)])
    seen = found.arrow["prediction"].to_pylist()

    alone = fb.predict(model, new).arrow["prediction"].to_pylist()
    theirs = [row["prediction"] for row in answered.predictions.values()]
    # Those of the first hour see no new row; trip 14 sees 12, whose delay is known by now.
    assert [np.float32(one) for one in theirs[:2]] == [np.float32(one) for one in seen[:2]]
    assert seen[2] != np.float32(theirs[2])
    assert alone != seen
    told = "in every row what they are without events; if too few events of their keys are known by"
    assert told in capsys.readouterr().err


def test_tables_in_memory_are_named_as_they_are_given(model: str, folder: Path) -> None:
    lacking = pa.table({"trip_id": ["a"]})
    path = str(folder / "b.csv")
    with pytest.raises(InputError, match=r"^the Table given as history: has no columns"):
        fb.predict(model, path, history=lacking)
    with pytest.raises(InputError, match=r"^the Table given as inputs\[1\]: has no columns"):
        fb.predict(model, [path, lacking], history=path)
    with pytest.raises(InputError, match="the dict given as history cannot be read as a table"):
        fb.predict(model, path, history={"trip_id": ["a"]})


def test_what_is_lost_on_the_way_back_is_told(tmp_path: Path) -> None:
    for name in ("predictions", "rejects"):
        (tmp_path / name).mkdir()
    counts = Counts(2, 1, {"no number": 1}, {}, 0, 0, {}, ())
    found = Predictions(pa.schema([]), counts, 1, str(tmp_path))
    with pytest.raises(RunFailed, match="1 predictions were counted and 0 read back"):
        list(found.batches())
    with pytest.raises(RunFailed, match="1 rejects were counted and 0 read back"):
        list(found.rejects())


def test_no_rows_are_told(model: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = folder / "header.csv"
    header.write_text(text(LATER).partition("\n")[0] + "\n")

    assert main(["predict", "--model", model, "--input", str(header)]) == 2

    said = capsys.readouterr().err
    assert f"no rows to answer: {header} has none; give the rows" in said
    blank = folder / "blank.jsonl"
    blank.write_text("\n\n")
    assert main(["predict", "--model", model, str(blank)]) == 2
    assert f"{blank} has no rows to answer; write each as an object" in capsys.readouterr().err


def test_where_nothing_can_lie_beside_the_output_rejects_are_counted(
    model: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As beside a device or a pipe, such as a shell makes for ``>(...)``."""
    words = ["predict", "--model", model, "--input", str(folder / "a.csv"), str(folder / "b.csv")]
    before = sorted(folder.iterdir())
    reading, writing = os.pipe()
    try:
        for output in (os.devnull, f"/dev/fd/{writing}"):
            assert main([*words, "--output", output]) == 0
            (told,) = (
                line for line in capsys.readouterr().err.splitlines() if "no prediction" in line
            )
            assert told.endswith("for 1 of 4 records: distance: not a number (1)")
        os.close(writing)
        with open(reading, "rb", closefd=False) as answers:
            assert len(answers.readlines()) == 3
    finally:
        os.close(reading)
    rejects = folder / "lost.jsonl"
    assert main([*words, "--output", os.devnull, "--rejects", str(rejects)]) == 0
    assert f"(1); they are in {rejects}" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == sorted([*before, rejects])
