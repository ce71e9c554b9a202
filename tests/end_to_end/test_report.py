"""`forebay report` on the readings' run: what it says is what is in the examples."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from forebay.cli import main
from forebay.commands.report.command import report
from forebay.commands.report.features.plot import bars
from forebay.transforms.errors import InputError, RunFolderError


@pytest.fixture(scope="module")
def examples(readings_run: Path) -> dict[str, list[int]]:
    """The ids of the training examples, by output, as TensorFlow reads them."""
    found: dict[str, list[int]] = {}
    files = sorted(map(str, (readings_run / "examples" / "train").iterdir()))
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        for name, feature in tf.train.Example.FromString(record).features.feature.items():
            if feature.int64_list.value:
                (value,) = feature.int64_list.value
                found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def printed(readings_run: Path) -> dict[str, Any]:
    return json.loads(json.dumps(report(str(readings_run)).to_json()))  # type: ignore[no-any-return]


def of(printed: dict[str, Any], output: str) -> dict[str, Any]:
    (found,) = [entry for entry in printed["outputs"] if entry["output"] == output]
    return found


def test_every_output_of_ids_is_counted(
    printed: dict[str, Any], examples: dict[str, list[int]]
) -> None:
    assert [(entry["output"], entry["kind"]) for entry in printed["outputs"]] == [
        ("site_id", "Categorical"), ("sensor_id", "Categorical"), ("pulses_bucket", "Bucketized"),
        ("level_bucket", "Bucketized"), ("taken_hour_of_day", "Calendar"), ("site_ok", "Crossed"),
        ("ok_id", "Categorical"),
    ]  # fmt: skip
    for entry in printed["outputs"]:
        counts = Counter(examples[entry["output"]])
        assert (entry["occupied"], entry["largest"]) == (len(counts), max(counts.values()))
        assert dict(map(tuple, entry["most"])) == counts
        assert entry["rows"] == printed["rows"] == 258
        assert entry["largest_share"] == max(counts.values()) / 258


def test_missing_and_unknown_values_are_told_apart(
    printed: dict[str, Any], examples: dict[str, list[int]]
) -> None:
    # Sensors: three in the vocabulary, then one id for others, then missing.
    sensor, ids = of(printed, "sensor_id"), examples["sensor_id"]
    assert (sensor["ids"], sensor["oov"], sensor["missing"]) == (5, ids.count(3), ids.count(4))
    assert sensor["oov"] > 0
    assert sensor["missing"] > 0
    assert sensor["oov_share"] == ids.count(3) / 258
    hour, bucket = of(printed, "taken_hour_of_day"), of(printed, "level_bucket")
    assert (hour["ids"], hour["missing"], hour["oov"]) == (25, 0, None)
    assert bucket["missing"] == examples["level_bucket"].count(4)
    assert of(printed, "site_ok")["missing"] is None


def test_combinations_of_crosses_are_counted(
    printed: dict[str, Any], examples: dict[str, list[int]]
) -> None:
    pairs = set(zip(examples["site_id"], examples["ok_id"], strict=True))
    # All of them have numbers, so that none share an id.
    assert of(printed, "site_ok")["collisions"] == {
        "combinations": len(pairs), "colliding": 0, "colliding_share": 0.0, "sampled": False,
    }  # fmt: skip
    assert of(printed, "site_id")["collisions"] is None


def test_the_table_has_a_line_for_each_output_asked_for(
    readings_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(readings_run), "--output", "site_*", "ok_id"]) == 0
    printed = capsys.readouterr().out
    assert "258 training rows" in " ".join(printed.split())
    lines = printed.splitlines()
    starts = [line.split()[0] for line in lines if line.strip()]
    assert starts[-6:] == ["output", "site_id", "site_ok", "ok_id", "cross", "site_ok"]


def test_json_and_picture(
    readings_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], printed: dict[str, Any]
) -> None:
    path = tmp_path / "occupancy.png"
    assert main(["report", str(readings_run), "--json", "--plot", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == printed
    assert path.read_bytes().startswith(b"\x89PNG")


def test_bars_are_the_shares_of_ids(readings_run: Path, examples: dict[str, list[int]]) -> None:
    (output,) = report(str(readings_run), ["ok_id"]).outputs
    places, heights, name = bars(output)
    counts = Counter(examples["ok_id"])
    assert dict(zip(places, heights, strict=True)) == {i: n / 258 for i, n in counts.items()}
    assert name == "id"


def test_the_file_is_one_of_the_runs_files(readings_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a finished run"):
        report(str(tmp_path))
    run = tmp_path / "run"
    shutil.copytree(readings_run, run)
    text = (run / "occupancy.json").read_text("utf-8")
    (run / "occupancy.json").write_text(text.replace("1", "2"), "utf-8")
    with pytest.raises(RunFolderError, match=r"occupancy.json has the checksum .* was changed"):
        report(str(run))


def test_a_pattern_that_matches_nothing_is_a_mistake(readings_run: Path) -> None:
    with pytest.raises(InputError, match="'carrier' matches no output of ids; there are: site_id"):
        report(str(readings_run), ["carrier"])
