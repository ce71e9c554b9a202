"""Windows over events of other tables, some corrected and deleted, from files to examples."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from parcels_oracle import Tables, expected, make_tables

import forebay as fb
from forebay.cli import main
from forebay.commands.explain.report import to_json as report_json
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.storage.run.manifest import Manifest
from forebay.transforms.definition.serialize import from_json, to_json

DEFINITION = str(Path(__file__).with_name("parcels.py"))
FRACTION = ("--max-reject-fraction", "0.1")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return make_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def run(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "parcels"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        arguments = [*tables.options, "--output", str(folder), *FRACTION]
        assert main(["preprocess", DEFINITION, *arguments]) == 0
    folder.with_name("printed.txt").write_text(printed.getvalue(), "utf-8")
    return folder


def manifest_of(run: Path) -> Manifest:
    return Manifest.from_json((run / MANIFEST_NAME).read_text("utf-8"), str(run))


def rows_of(run: Path) -> dict[int, dict[str, Any]]:
    """The examples of all splits by row number."""
    manifest, found = manifest_of(run), {}
    for split in ("train", "eval", "test"):
        for name in manifest.examples(split):
            for record in tf.data.TFRecordDataset(str(run / name)).as_numpy_iterator():
                features = tf.train.Example.FromString(record).features.feature
                row = {
                    key: getattr(feature, feature.WhichOneof("kind")).value[0]
                    for key, feature in features.items()
                }
                found[row["row"]] = row
    return found


def agrees(value: Any, wanted: Any) -> bool:
    """Whether an example's value is what was wanted, as the graph sees it."""
    if wanted is None:
        return value == b"\xff" or (isinstance(value, float) and np.isnan(value))
    if isinstance(wanted, str):
        return bool(value == wanted.encode())
    return bool(value == pytest.approx(float(wanted), rel=1e-6, abs=1e-5))


def test_windowed_values_are_those_of_the_oracle(tables: Tables, run: Path) -> None:
    found, wanted = rows_of(run), expected(tables)

    assert found.keys() == wanted.keys()
    known: dict[str, int] = {}
    for row, values in wanted.items():
        for name, value in values.items():
            assert agrees(found[row][name], value), (name, row, found[row][name], value)
            known[name] = known.get(name, 0) + (value not in (None, 0))
    assert min(known.values()) > 30, known


def test_the_manifest_counts_each_table(tables: Tables, run: Path) -> None:
    manifest = manifest_of(run)

    assert manifest.rows_read == len(tables.parcels) + 1
    assert [Path(entry.path).name for entry in manifest.inputs] == ["parcels.csv"]
    assert list(manifest.sources) == ["weather", "prices"]
    weather, prices = manifest.sources.values()
    assert [Path(entry.path).name for entry in weather.inputs] == ["weather-1.csv", "weather-2.csv"]
    assert all(entry.fingerprint.startswith("sha256:") for entry in weather.inputs)
    assert (weather.rows_read, prices.rows_read) == (
        len(tables.weather) + 2,
        len(tables.prices) + 1,
    )
    assert weather.rejects == {
        "at: not a time written %d.%m.%Y %H:%M": 1, "temp: not between -60 and 60": 1,
    }  # fmt: skip
    assert sum(prices.rejects.values()) == 1
    assert (manifest.reach_us, weather.reach_us) == (86_400_000_000, None)
    printed = run.with_name("printed.txt").read_text("utf-8")
    assert "weather: records" in printed
    assert "prices rejected: " in printed


def test_rejects_name_file_and_line(tables: Tables, run: Path) -> None:
    lines = [
        json.loads(line)
        for path in sorted((run / "rejects").iterdir())
        for line in path.read_text("utf-8").splitlines()
    ]

    assert [(Path(r["source"]).name, r["line"], r["raw"]) for r in lines] == [
        ("parcels.csv", len(tables.parcels) + 2, "x,1,,,,,,,,"),
        ("weather-1.csv", 132, "1;30.03.2024 21:00;;99;1;sun"),
        ("weather-1.csv", 133, "1;soon;;1;1;sun"),
        ("prices.csv", len(tables.prices) + 2, "p1,,,1,cheap,"),
    ]
    assert all("reason" in reject for reject in lines)


def test_the_definition_comes_back_from_its_json(run: Path) -> None:
    text = (run / "definition.json").read_text("utf-8")

    again = from_json(text)

    assert to_json(again) == text
    assert list(again.sources) == ["weather", "prices"]
    assert again.sources["weather"].csv.delimiter == ";"


def test_a_period_has_the_examples_of_the_whole(tables: Tables, run: Path, tmp_path: Path) -> None:
    start, end = "2024-03-31T03:00:00Z", "2024-03-31T11:00:00Z"
    part = tmp_path / "part"
    options = ["--from", start, "--to", end, "--transform-fn", str(run), *FRACTION]

    with contextlib.redirect_stdout(io.StringIO()):
        arguments = [*tables.options, "--output", str(part), *options]
        assert main(["preprocess", DEFINITION, *arguments]) == 0

    bounds = [int(np.datetime64(text[:-1], "us").astype(int)) for text in (start, end)]
    wanted = {
        row: values for row, values in rows_of(run).items() if bounds[0] <= values["at"] < bounds[1]
    }
    found = rows_of(part)
    assert len(wanted) > 50
    assert found.keys() == wanted.keys()
    for row, values in wanted.items():
        assert str(found[row]) == str(values)  # NaN is not equal to itself, but its text is


def test_explanations_name_events_of_every_table(tables: Tables) -> None:
    wanted = expected(tables)
    chosen = random.Random(3).sample(sorted(wanted), 25)
    sources = {"weather": [str(tables.folder / "weather-*.csv")],
               "prices": [str(tables.folder / "prices.csv")]}  # fmt: skip
    reasons: set[str] = set()
    files: set[str] = set()
    for row in chosen:
        parcels = [str(tables.folder / "parcels.csv")]
        report = fb.explain(DEFINITION, parcels, row=f"row={row}", events=99, sources=sources)
        for name, told in report_json(report)["windows"].items():
            value = wanted[row][name]
            close = value if value is None or isinstance(value, str) else float(value)
            assert told["value"] == (close if value is None else pytest.approx(close)), (row, name)
            reasons.update(exclusion["reason"] for exclusion in told["excluded"])
            places = [event["place"].rpartition(":")[0] for event in told["listed"]]
            files.update(Path(place).name for place in places)
    assert {"replaced by another version", "deleted", "the row's own event"} <= reasons
    assert files == {"parcels.csv", "weather-1.csv", "weather-2.csv", "prices.csv"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "no files for weather, prices, of the sources of the definition 'parcels'; add "
             "--source weather=PATH --source prices=PATH"),
        (["--source", "weather={weather}"], "no files for prices"),
        (["--source", "weather={weather}", "--source", "prices={prices}", "--source", "fog=x.csv"],
         "--source fog=...: the definition 'parcels' has no such source; its sources: "
         "weather, prices"),
        (["--source", "weather=nowhere/*.csv", "--source", "prices={prices}"],
         "--source weather='nowhere/*.csv' matches no file"),
        (["--source", "weather={prices}", "--source", "prices={prices}"],
         "has no columns 'station'"),
        (["--source", "weather={weather}", "--source", "prices={prices}",
          "--max-reject-fraction", "0.005"],
         "2 of 262 records of the source weather were rejected, more than --max-reject-fraction"),
    ],
    ids=["none", "one missing", "unknown", "no file", "another table", "rejects"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["preprocess", "check", "explain"])
def test_wrong_sources_are_one_clear_error(
    command: str, options: list[str], error: str, tables: Tables, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if "fraction" in error and command != "preprocess":
        return
    paths = {"weather": tables.folder / "weather-*.csv", "prices": tables.folder / "prices.csv"}
    given = [option.format(**paths) for option in options]
    own = {"preprocess": ["--output", str(tmp_path / "run")], "explain": ["--row", "row=1"]}
    inputs = ["--input", str(tables.folder / "parcels.csv")]

    status = main([command, DEFINITION, *inputs, *given, *own.get(command, [])])

    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.count("error:") == 1
    assert error in err
    assert not (tmp_path / "run").exists()


def test_files_of_a_source_may_be_named_one_by_one_and_twice(tables: Tables) -> None:
    from forebay.pipelines.sources.tables import all_inputs, open_tables
    from forebay.storage.run.definition_files import load_definition

    names = [str(tables.folder / name) for name in ("weather-2.csv", "weather-1.csv")]
    sources = {"weather": [*names, names[0]], "prices": [str(tables.folder / "prices.csv")]}

    opened = open_tables(load_definition(DEFINITION), [str(tables.folder / "parcels.csv")], sources)

    files = [(one.number, Path(one.path).name) for one in all_inputs(opened)]
    assert files == [
        (0, "parcels.csv"), (1, "weather-2.csv"), (2, "weather-1.csv"), (3, "prices.csv"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["weather", "=x.csv", "weather="])
def test_a_source_without_a_name_or_file_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["preprocess", DEFINITION, "--input", "x.csv", "--output", "y", "--source", text])

    assert stopped.value.code == 2
    assert f"{text!r} is not NAME=PATH" in capsys.readouterr().err
