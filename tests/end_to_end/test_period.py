"""Runs of one period: the same examples as the whole run's, of that period only."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_transform as tft
from readings_oracle import Written

from forebay.cli import main
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.storage.run.manifest import Manifest

FOLDER = Path(__file__).parent
DEFINITIONS = {"readings": FOLDER / "readings.py", "recent": FOLDER / "recent_readings.py"}
START, END = "2024-10-26T12:00:00+02:00", "2024-10-27T03:00:00Z"
START_US, END_US = (
    int(dt.datetime.fromisoformat(text).timestamp()) * 1_000_000 for text in (START, END)
)
SPLITS = ("train", "eval", "test")

Row = dict[str, bytes | int | float]


def preprocess(definition: str, readings: Path, run: Path, *options: str) -> None:
    arguments = ["--input", str(readings), "--output", str(run), "--max-reject-fraction", "0.1"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["preprocess", str(DEFINITIONS[definition]), *arguments, *options]) == 0


def manifest_of(run: Path) -> Manifest:
    return Manifest.from_json((run / MANIFEST_NAME).read_text("utf-8"), str(run))


def rows_of(run: Path, split: str) -> dict[Any, Row]:
    """The examples of a split by reading, every float as the bits of a float32."""
    found = {}
    for name in manifest_of(run).examples(split):
        for record in tf.data.TFRecordDataset(str(run / name)).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            row = {}
            for key, feature in features.items():
                kind = feature.WhichOneof("kind")
                (value,) = getattr(feature, kind).value
                row[key] = tf.constant(value).numpy().tobytes() if kind == "float_list" else value
            found[row["reading_id"]] = row
    return found


@pytest.fixture(scope="module", params=["readings", "recent"])
def runs(
    request: pytest.FixtureRequest,
    readings_run: Path,
    readings_file: Written,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """A run of everything, and one of a period with the graph of the former."""
    folder = tmp_path_factory.mktemp("period")
    whole = readings_run
    if request.param == "recent":
        whole = folder / "whole"
        preprocess("recent", readings_file.path, whole)
    part = folder / "part"
    options = ("--from", START, "--to", END, "--transform-fn", str(whole))
    preprocess(request.param, readings_file.path, part, *options)
    return whole, part


@pytest.mark.parametrize("split", SPLITS)
def test_the_examples_are_those_of_the_whole_run_in_the_period(
    runs: tuple[Path, Path], split: str
) -> None:
    whole, part = (rows_of(run, split) for run in runs)
    wanted = {name: row for name, row in whole.items() if START_US <= row["taken"] < END_US}

    assert 10 < len(wanted) < len(whole) - 10
    assert part == wanted


def test_every_record_is_accounted_for(runs: tuple[Path, Path]) -> None:
    whole, part = map(manifest_of, runs)

    for manifest in (whole, part):
        lost = sum(manifest.dropped.values()) + sum(manifest.rejects.values())
        assert sum(manifest.rows.values()) + manifest.history + lost == manifest.rows_read
    assert whole.history == 0
    assert part.dropped["no row time"] == whole.dropped["no row time"]
    is_bounded = part.reach_us is not None
    assert part.reach_us in (None, 24 * 3_600_000_000)
    assert part.history > 100
    assert part.dropped["outside period"] > (100 if is_bounded else 30)
    assert part.history < sum(whole.rows.values()) - sum(part.rows.values())


def test_the_run_is_complete_and_says_what_it_is_of(runs: tuple[Path, Path]) -> None:
    whole, part = runs
    found, source = manifest_of(part), manifest_of(whole)

    assert found.period is not None
    assert (found.period.start, found.period.end) == (
        "2024-10-26T10:00:00Z", "2024-10-27T03:00:00Z",
    )  # fmt: skip
    assert found.transform_of is not None
    assert found.transform_of.run == str(whole)
    assert found.transform_of.created == source.created
    graphs = [
        {name: entry for name, entry in manifest.files.items() if name.startswith("transform")}
        for manifest in (found, source)
    ]
    assert graphs[0] == graphs[1]
    for name in graphs[0]:
        assert (part / name).read_bytes() == (whole / name).read_bytes()
    output = tft.TFTransformOutput(str(part))
    assert output.vocabulary_size_by_name("sensor_id") > 0
    assert output.transformed_feature_spec().keys() == next(
        iter(rows_of(part, "train").values())
    ).keys()  # fmt: skip


def test_a_period_can_train_too(readings_file: Written, tmp_path: Path) -> None:
    run = tmp_path / "run"

    preprocess("readings", readings_file.path, run, "--from", START)

    manifest = manifest_of(run)
    assert manifest.period is not None
    assert manifest.period.end is None
    assert manifest.transform_of is None
    assert all(row["taken"] >= START_US for row in rows_of(run, "train").values())
    assert manifest.rows["train"] == len(rows_of(run, "train")) > 50


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--from", END, "--to", START], [END, START, "is not before"]),
        (["--from", START, "--to", START], ["is not before"]),
        (["--from", "yesterday"], ["--from 'yesterday'", "not an ISO 8601 date", "UTC where"]),
        (["--to", "2024-13-01"], ["--to '2024-13-01'", "not an ISO 8601 date"]),
        (["--from", "2030-01-01"], ["2030-01-01T00:00:00Z to the end", "history only", "taken"]),
        (["--to", "2020-01-01"], ["the beginning to 2020-01-01T00:00:00Z", "outside period"]),
        (["--transform-fn", "/nowhere"], ["/nowhere is not there", "`forebay preprocess`"]),
    ],
)
def test_what_cannot_be(
    readings_file: Written,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    parts: list[str],
) -> None:
    error = failing(
        str(DEFINITIONS["readings"]), readings_file.path, tmp_path / "run", capsys, *options
    )

    for part in parts:
        assert part in error


def test_a_graph_of_another_definition(
    readings_run: Path, readings_file: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definition = json.loads((readings_run / "definition.json").read_text("utf-8"))
    definition["name"] = "others"
    other = tmp_path / "definition.json"
    other.write_text(json.dumps(definition), "utf-8")

    error = failing(
        str(other), readings_file.path, tmp_path / "run", capsys,
        "--transform-fn", str(readings_run),
    )  # fmt: skip

    assert "another definition" in error
    assert manifest_of(readings_run).definition_digest in error


def test_a_graph_that_was_changed(
    readings_run: Path, readings_file: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed"
    for name in ("manifest.json", *manifest_of(readings_run).files):
        (changed / name).parent.mkdir(parents=True, exist_ok=True)
        (changed / name).write_bytes((readings_run / name).read_bytes())
    with (changed / "transform_fn" / "assets" / "sensor_id").open("ab") as vocabulary:
        vocabulary.write(b"9\n")

    error = failing(
        str(DEFINITIONS["readings"]), readings_file.path, tmp_path / "run", capsys,
        "--transform-fn", str(changed),
    )  # fmt: skip

    assert re.search(r"transform_fn/assets/sensor_id has \d+ bytes where its listing says", error)


def test_a_period_needs_a_row_time(
    readings_file: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definition = tmp_path / "timeless.py"
    definition.write_text(
        "import forebay as fb\n"
        "timeless = fb.Dataset(name='timeless', columns={'batch': fb.Integer(), "
        "'rise': fb.Number()}, features=[fb.Numeric('batch')], label=fb.Regression('rise'), "
        "split=fb.HashSplit('batch'), csv=fb.CsvFormat(delimiter=';'))\n",
        "utf-8",
    )

    error = failing(
        str(definition), readings_file.path, tmp_path / "run", capsys, "--to", "2024-10-26"
    )

    assert "'timeless' has no row_time" in error


def failing(
    definition: str, readings: Path, run: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> str:
    """Runs the command, checks that it fails as it should and leaves nothing, and its error."""
    arguments = ["--input", str(readings), "--output", str(run), "--max-reject-fraction", "0.1"]
    assert main(["preprocess", definition, *arguments, *options]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert not run.exists()
    return line
