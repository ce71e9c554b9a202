"""The taxi rides: made up, read, derived, and end to end from a file to predictions."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from doc_pages import Page

from forebay.cli import main
from forebay.serving.instances import InstanceReader
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.serialize import from_json, to_json

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PAGE = Page("tutorials/taxi-fares.md")
ROWS = 12_000
REASONS = {
    "zeros": "pickup_longitude: not between -78.0 and -70.0",
    "swapped": "pickup_longitude: not between -78.0 and -70.0",
    "negative": "fare_amount: not between 2.5 and 500.0",
    "passengers": "passenger_count: not between 1 and 6",
    "empty": "dropoff_longitude: missing required value",
}


@pytest.fixture(scope="module")
def rides(rides_generator: ModuleType) -> list[list[str]]:
    return rides_generator.make_rides(ROWS, seed=3)


@pytest.fixture(scope="module")
def good(rides: list[list[str]]) -> list[dict[str, Any]]:
    """The good rides, read by plain Python."""
    found = []
    for row in rides:
        if wrong_with(row) is None:
            clock = dt.datetime.strptime(row[2], "%Y-%m-%d %H:%M:%S UTC")
            at = clock.replace(tzinfo=ZoneInfo("America/New_York"))
            places = [float(text) for text in row[3:7]]
            found.append({"key": row[0], "fare": float(row[1]), "at": at, "places": places})
    return found


def wrong_with(row: list[str]) -> str | None:
    if row[5] == "":
        return "empty"
    if row[3] == "0.000000":
        return "zeros"
    if float(row[3]) > 0:
        return "swapped"
    if row[1].startswith("-"):
        return "negative"
    return "passengers" if row[7] == "208" else None


def kilometres(
    from_longitude: float, from_latitude: float, to_longitude: float, to_latitude: float
) -> float:
    """The angle between two points of the sphere, by the spherical law of cosines."""
    a, b = math.radians(from_latitude), math.radians(to_latitude)
    turn = math.radians(to_longitude - from_longitude)
    cosine = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(turn)
    return 6371.0088 * math.acos(min(1.0, cosine))


def test_one_seed_makes_one_table(rides_generator: ModuleType, rides: list[list[str]]) -> None:
    assert rides_generator.make_rides(ROWS, seed=3) == rides
    assert rides_generator.make_rides(ROWS, seed=4) != rides
    assert {wrong_with(row) for row in rides} == {None, *REASONS} == {None, *rides_generator.BAD}
    assert len({row[0] for row in rides}) == ROWS


def test_files_with_and_without_a_header(
    rides_generator: ModuleType, taxifare: ModuleType, tmp_path: Path
) -> None:
    bare = rides_generator.write_rides(tmp_path / "rides.csv", 20, 3).read_text("utf-8")
    again = rides_generator.write_rides(tmp_path / "rides.csv", 20, 3, header=True, overwrite=True)
    named = again.read_text("utf-8")

    assert named == ",".join(rides_generator.COLUMNS) + "\n" + bare
    assert rides_generator.COLUMNS == taxifare.taxifare.csv.names == tuple(taxifare.columns)
    assert ",".join(rides_generator.COLUMNS) in PAGE.text
    assert taxifare.with_header.csv.names == ()
    assert [found.name for found in tmp_path.iterdir()] == ["rides.csv"]


def test_another_file_is_replaced_only_when_that_is_asked_for(
    rides_generator: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "rides.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"rides.csv is there already, with other rows; move"):
        rides_generator.write_rides(path, 10, 1)
    assert [found.read_text() for found in tmp_path.iterdir()] == ["mine"]
    assert rides_generator.write_rides(path, 10, 1, overwrite=True).read_text() != "mine"


@pytest.mark.parametrize("name", ["taxifare", "with_header"])
def test_the_definition_survives_json_and_asks_for_no_future(
    taxifare: ModuleType, name: str
) -> None:
    definition: Dataset = getattr(taxifare, name)

    assert from_json(to_json(definition)) == definition
    assert not {"fare_amount", "fare_per_km", "fare_known_at"} & set(definition.model_columns)


def test_the_order_of_the_page_is_a_definition(taxifare: ModuleType) -> None:
    (code,) = PAGE.code("python")
    names: dict[str, Any] = {}
    exec("\n".join(line.removeprefix("  ") for line in code.splitlines()), names)
    assert set(names["mine"].csv.names) == set(taxifare.columns)


def test_the_rows_to_try_are_what_the_model_takes(taxifare: ModuleType) -> None:
    reader = InstanceReader(taxifare.taxifare)
    for line in (EXAMPLES / "taxifare" / "rows.jsonl").read_bytes().splitlines():
        row = reader.parse(line)
        assert set(row) == {*taxifare.taxifare.model_columns, "key"}
        reader.read(row)


def test_what_is_derived(taxifare: ModuleType, good: list[dict[str, Any]]) -> None:
    names = ("pickup_longitude", "pickup_latitude", "dropoff_longitude", "dropoff_latitude")
    columns: dict[str, Any] = {
        name: [ride["places"][i] for ride in good] for i, name in enumerate(names)
    }
    columns["fare_amount"] = [ride["fare"] for ride in good]
    columns["pickup_datetime"] = pa.array(
        [ride["at"] for ride in good], pa.timestamp("us", tz="UTC")
    )
    batch = pa.RecordBatch.from_pydict(columns)
    derived: dict[str, list[Any]] = {}
    for step in taxifare.taxifare.derive:
        made = resolve(str(step.function))(batch.select(list(step.inputs)))
        derived |= {name: made[name].to_pylist() for name in step.outputs}

    assert derived["pickup_date"] == [ride["at"].date() for ride in good]
    hour = dt.timedelta(hours=1)
    assert derived["fare_known_at"] == [ride["at"].astimezone(dt.UTC) + hour for ride in good]
    cells = {
        tuple(math.floor(50 * degrees) for degrees in ride["places"][1::-1]): cell
        for ride, cell in zip(good, derived["pickup_cell"], strict=True)
    }
    assert len(set(cells.values())) == len(cells) == len(set(derived["pickup_cell"]))
    for ride, per_km in zip(good, derived["fare_per_km"], strict=True):
        km = kilometres(*ride["places"])
        assert (per_km is None) == (km < taxifare.LEAST_KM)
        assert per_km is None or per_km == pytest.approx(ride["fare"] / km, rel=1e-6)


@pytest.fixture(scope="module")
def run(rides_generator: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taxifare")
    path = rides_generator.write_rides(folder / "rides.csv", ROWS, 3)
    definition = f"{EXAMPLES}/taxifare/taxifare.py:taxifare"
    flags = ["--input", str(path), "--output", str(folder / "run")]
    assert main(["preprocess", definition, *flags, "--max-reject-fraction", "0.05"]) == 0
    return folder / "run"


def test_bad_rows_are_rejected_with_their_reasons(run: Path, rides: list[list[str]]) -> None:
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    wrong = [kind for row in rides if (kind := wrong_with(row)) is not None]
    assert manifest["rejects"] == Counter(REASONS[kind] for kind in wrong)
    assert sum(manifest["rows"].values()) == ROWS - len(wrong)
    assert min(manifest["rows"].values()) > 500
    reasons = " ".join(
        json.loads(line)["reason"]
        for path in (run / "rejects").iterdir()
        for line in path.read_text("utf-8").splitlines()
    )
    negative = next(row[1] for row in rides if wrong_with(row) == "negative")
    shown = re.findall(r"\| `(\w+: .*)` \|", PAGE.text)
    assert len(shown) == 4
    for reason in shown:
        assert reason.replace("-5.30", negative) in reasons


def test_the_model_beats_the_mean_and_answers(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    flags = ["--max-steps", "400", "--eval-every", "400", "--batch-size", "256"]
    assert main(["train", str(run), *flags, "--learning-rate", "0.01", "--json"]) == 0
    report = json.loads(capfd.readouterr().out.splitlines()[-1])["evaluation"]
    (mean,) = [found for found in report["baselines"] if found["name"] == "mean of train"]
    assert report["metrics"]["rmse"] < 0.4 * mean["metrics"]["rmse"]

    rows = str(EXAMPLES / "taxifare" / "rows.jsonl")
    assert main(["predict", "--model", str(run / "model"), rows]) == 0
    answers = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [answer["key"] for answer in answers] == [
        "midtown to downtown", "the same by night", "Kennedy to midtown",
    ]  # fmt: skip
    town, night, airport = (answer["prediction"] for answer in answers)
    assert 5 < night < town + 3 < 30 < airport < 80


def test_nothing_leaks(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    definition = f"{EXAMPLES}/taxifare/taxifare.py:taxifare"
    path = str(run.parent / "rides.csv")
    assert main(["check", definition, "--input", path, "--json"]) == 0
    findings = json.loads(capfd.readouterr().out)["findings"]
    assert {finding["severity"] for finding in findings} == {"ok"}
