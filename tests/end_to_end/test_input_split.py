"""Splits by input: named, accounted for separately, with one history."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from forebay.cli import main
from forebay.pipelines.sources.named_inputs import SplitInput, named_split
from forebay.pipelines.sources.tables import open_tables
from forebay.storage.run.definition_files import load_definition
from forebay.storage.run.manifest import Manifest
from forebay.transforms.errors import InputError

DEFINITION = """
import forebay as fb

visits = fb.Dataset(
    name="visits",
    columns={
        "at": fb.Timestamp(), "shop": fb.String(required=True), "spent": fb.Number(),
        "id": fb.Integer(), "kind": fb.String(), "items": fb.Integer(),
    },
    row_time="at",
    windows=[fb.Windowed("spent", key="shop", over="unbounded", ops=fb.sum(default=0))],
    features=[fb.Numeric("spent_sum_unbounded_by_shop")],
    label=fb.Regression("spent"),
    split=fb.InputSplit(),
    where=fb.Where("kind", "==", "sale"),
    passthrough=["id"],
)
"""
# Each file's rows, in turn: of one month each, so that windows reach from one to the next.
FILES = {"jan": 60, "feb": 40, "mar": 30}
SPLIT_OF = {"jan": "train", "feb": "train", "mar": "eval"}


def make_rows() -> dict[str, list[dict[str, Any]]]:
    chance = random.Random(1)
    rows: dict[str, list[dict[str, Any]]] = {}
    for month, (name, count) in enumerate(FILES.items(), start=1):
        rows[name] = [
            {
                "at": f"2024-{month:02}-{1 + i // 24:02}T{i % 24:02}:00:00Z",
                "shop": chance.choice("pqr"), "spent": chance.choice(["", "", "", *range(20, 50)]),
                "id": 1_000 * month + i, "kind": chance.choice(["sale", "sale", "gift"]),
                "items": i % 4,
            }
            for i in range(count)
        ]  # fmt: skip
    rows["feb"][7]["spent"] = "much"
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visits")
    (folder / "visits.py").write_text(DEFINITION, "utf-8")
    for name, rows in make_rows().items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    (folder / "latest.csv").symlink_to("jan.csv")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    named = [f"{SPLIT_OF[name]}={folder / name}.csv" for name in FILES]
    arguments = [str(folder / "visits.py"), "--input", *named, "--output", str(folder / "run")]
    assert main(["preprocess", *arguments, "--max-reject-fraction", "0.1"]) == 0
    return folder / "run"


def test_rows_are_in_the_split_of_their_input_and_see_one_history(run: Path) -> None:
    manifest = Manifest.from_json((run / "manifest.json").read_text("utf-8"), str(run))
    spent: dict[str, float] = defaultdict(float)
    wanted: dict[str, dict[int, float]] = {"train": {}, "eval": {}, "test": {}}
    for name, rows in make_rows().items():
        for row in rows:
            if row["spent"] == "much":
                continue
            if row["spent"] != "" and row["kind"] == "sale":
                wanted[SPLIT_OF[name]][row["id"]] = spent[row["shop"]]
            spent[row["shop"]] += row["spent"] or 0
    found: dict[str, dict[int, float]] = {}
    for split in wanted:
        found[split] = {}
        for path in manifest.examples(split):
            for record in tf.data.TFRecordDataset(str(run / path)).as_numpy_iterator():
                features = tf.train.Example.FromString(record).features.feature
                (total,) = features["spent_sum_unbounded_by_shop_value"].float_list.value
                found[split][features["id"].int64_list.value[0]] = total
    assert found == wanted
    assert min(found["eval"].values()) > 500  # of the months before, which train


def test_each_split_is_accounted_for(run: Path) -> None:
    manifest = Manifest.from_json((run / "manifest.json").read_text("utf-8"), str(run))

    assert {Path(one.path).stem: one.split for one in manifest.inputs} == SPLIT_OF
    assert {name: entry.rows_read for name, entry in manifest.splits.items()} == {
        "train": 100, "eval": 30,
    }  # fmt: skip
    for name, entry in manifest.splits.items():
        lost = sum(entry.rejects.values()) + sum(entry.dropped.values())
        assert manifest.rows[name] + lost == entry.rows_read
        assert set(entry.dropped) == {"no label", "fails kind == 'sale'"}
    assert manifest.splits["train"].rejects == {"spent: not a number": 1} == manifest.rejects
    for cause, count in manifest.dropped.items():
        assert sum(entry.dropped[cause] for entry in manifest.splits.values()) == count


def test_each_split_adds_up_in_a_period_and_after_a_step(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the eval split the last rows are outside the period, of train the first are history."""
    named = [f"{SPLIT_OF[name]}={folder / name}.csv" for name in FILES]
    period = ["--from", "2024-01-02", "--to", "2024-03-02"]
    arguments = [str(folder / "visits.py"), "--input", *named, "--output", str(folder / "months")]
    step = ["--prepare", "own_steps:OnePerItem", "--max-reject-fraction", "0.1"]
    assert main(["preprocess", *arguments, *period, *step, "--rejects", "-"]) == 0

    rejects, told = capsys.readouterr()
    assert json.loads(rejects)["reason"] == "spent: 'much' is not a number"
    assert "input eval dropped: outside period" in told
    assert main(["preprocess", *arguments, "--rejects", "-", "--json"]) == 2
    assert "--json and --rejects - both print" in capsys.readouterr().err
    text = (folder / "months" / "manifest.json").read_text("utf-8")
    manifest = Manifest.from_json(text, "months")
    # Of each four rows one is dropped and three are added; one of those is a reject.
    outside = sum(i % 4 for i in range(24, 30))
    assert manifest.splits["eval"].dropped["outside period"] == outside
    assert manifest.splits["train"].history == sum(i % 4 for i in range(24)) == manifest.history
    assert manifest.splits["eval"].dropped["by own_steps:OnePerItem"] == 8
    assert (manifest.splits["train"].added, manifest.splits["eval"].added) == (73, 21)
    for name, entry in manifest.splits.items():
        lost = sum(entry.rejects.values()) + sum(entry.dropped.values()) + entry.history
        assert manifest.rows[name] + lost == entry.rows_read + entry.added
    for cause, count in manifest.dropped.items():
        assert sum(entry.dropped.get(cause, 0) for entry in manifest.splits.values()) == count


@pytest.mark.parametrize(
    ("inputs", "split", "said"),
    [
        (["jan.csv"], "fb.InputSplit()", "--input jan.csv: the definition 'visits' splits by "
         "inputs, so that each is named by its split; write such as --input train=jan.csv"),
        (["train=jan.csv", "eval=jan.csv"], "fb.InputSplit()",
         "jan.csv is an input of train and of eval, so that its rows would train and test"),
        (["train=jan.csv", "eval=latest.csv"], "fb.InputSplit()",
         "latest.csv is an input of train as jan.csv and of eval, so that its rows would train"),
        (["train=bigquery://p.d.t", "eval=jan.csv", "test=bigquery://p.d.t"], "fb.InputSplit()",
         "bigquery://p.d.t is an input of train and of test, so that its rows would train"),
        (["train=bigquery-query:a.sql", "test=bigquery-query:a.sql"], "fb.InputSplit()",
         "bigquery-query:a.sql is an input of train and of test, so that its rows would train and"),
        (["train=jan.csv"], "fb.HashSplit('id')",
         "--input train=jan.csv: the definition 'visits' does not split by inputs, but by Hash"),
        (["train=no.csv"], "fb.InputSplit()", "--input train='no.csv' matches no file"),
    ],
)  # fmt: skip
def test_inputs_that_are_not_named_as_they_must_be(
    inputs: list[str], split: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    Path("other.py").write_text(DEFINITION.replace("fb.InputSplit()", split), "utf-8")

    assert main(["preprocess", "other.py", "--input", *inputs, "--output", "never"]) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert said in error


def test_check_and_explain_take_named_inputs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--input", f"train={folder / 'jan.csv'}", f"eval={folder / 'mar.csv'}"]
    definition = str(folder / "visits.py")

    assert main(["explain", definition, *named, "--row", "id=3005"]) == 0
    told = capsys.readouterr().out
    assert "mar.csv" in told
    assert "jan.csv:" in told
    assert main(["check", definition, *named, "--json"]) == 0


def test_a_table_in_memory_is_of_one_split(folder: Path) -> None:
    dataset = load_definition(str(folder / "visits.py"))
    rows = [{"id": 1}]
    said = "a list is an input of train and of test, so that its rows would train and test"
    with pytest.raises(InputError, match=said):
        open_tables(dataset, {"train": rows, "test": rows}, {})


def test_a_file_may_have_a_name_like_that(tmp_path: Path) -> None:
    (tmp_path / "train=1").mkdir()
    (tmp_path / "train=1" / "jan.csv").write_text("at,shop,spent,id,kind,items\n", "utf-8")
    (tmp_path / "hashed.py").write_text(
        DEFINITION.replace("fb.InputSplit()", "fb.HashSplit('id')"), "utf-8"
    )
    dataset = load_definition(str(tmp_path / "hashed.py"))
    given = f"{tmp_path}/train=1/*.csv"

    assert named_split(given) == (None, given)
    assert named_split("eval=a=b.csv") == ("eval", "a=b.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        (one,) = open_tables(dataset, [SplitInput("train", "1/*.csv")], {})["rows"]
    assert one.path == "train=1/jan.csv"
