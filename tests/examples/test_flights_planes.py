"""Flights with their aircraft: from two tables to a served model, beside a merge by pandas."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from forebay.cli import main
from forebay.storage.run.manifest import Manifest

DEFINITION = Path(__file__).resolve().parents[2] / "examples" / "flights" / "flights.py"
SEATS = "planes_seats_by_tailnum"
EVERY = 40


@pytest.fixture(scope="module")
def tables(prepare: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every 40th flight, the weather and the planes."""
    folder = tmp_path_factory.mktemp("tables")
    data = prepare.find_data()
    header, *lines = prepare.read_flights(data).splitlines(keepends=True)
    (folder / "flights.csv").write_bytes(b"".join([header, *lines[::EVERY]]))
    for name in ("weather.csv", "planes.csv"):
        (folder / name).write_bytes((data / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def run(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "aircraft"
    two = ["--", "--direct_num_workers=2"]  # few rows would be the work of one
    assert main(["preprocess", *arguments(tables), "--output", str(folder), *two]) == 0
    return folder


def arguments(tables: Path, definition: str = "aircraft") -> list[str]:
    return [
        f"{DEFINITION}:{definition}", "--input", str(tables / "flights.csv"),
        "--source", f"weather={tables / 'weather.csv'}",
        "--source", f"planes={tables / 'planes.csv'}",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def merged(tables: Path) -> pd.DataFrame:
    flights = pd.read_csv(tables / "flights.csv", dtype={"tailnum": "string"})
    planes = pd.read_csv(tables / "planes.csv", dtype={"tailnum": "string"})
    wanted = planes[["tailnum", "year", "seats"]].rename(columns={"year": "built"})
    found = flights.merge(wanted, on="tailnum", how="left", indicator=True)
    date = pd.to_datetime(found[["year", "month", "day"]])
    return found.assign(day_number=(date - pd.Timestamp(0)).dt.days)


def test_what_was_found_and_missed_is_counted(run: Path, merged: pd.DataFrame) -> None:
    manifest = Manifest.from_json((run / "manifest.json").read_text("utf-8"), str(run))

    found = manifest.lookups["planes_by_tailnum"]
    assert found.found == (merged["_merge"] == "both").sum() > 0
    assert found.without_key == merged["tailnum"].isna().sum() > 0
    assert found.not_found == len(merged) - found.found - found.without_key > 0
    assert (found.source, found.rows, found.duplicates, found.unusable) == ("planes", 3_322, 0, 0)
    (entry,) = manifest.sources["planes"].inputs
    assert entry.fingerprint.startswith("sha256:")


def test_examples_hold_what_was_looked_up(run: Path, merged: pd.DataFrame) -> None:
    numbers = {f"{SEATS}_z_score": SEATS, "age_z_score": "age"}
    examples = read_examples(run, ["flight_date", "carrier", "flight", *numbers])
    merged = merged.assign(**{SEATS: merged["seats"], "age": merged["year"] - merged["built"]})
    joined = examples.merge(
        merged, left_on=["flight_date", "carrier", "flight"],
        right_on=["day_number", "carrier", "flight"], validate="one_to_one",
    )  # fmt: skip
    assert len(joined) == len(examples) > 5_000
    train = joined[joined["split"] == "train"]
    for output, name in numbers.items():
        mean, deviation = train[name].mean(), train[name].std(ddof=0)
        wanted = (joined[name].fillna(mean) - mean) / deviation
        np.testing.assert_allclose(joined[output], wanted, rtol=1e-4, atol=1e-4)
        assert 0 < joined[name].isna().sum() < len(joined)


def test_the_graph_is_asked_by_tail_number(run: Path, merged: pd.DataFrame) -> None:
    """The rows fed have no seats: the transform finds them in its own table."""
    output = tft.TFTransformOutput(str(run))
    assert "tailnum" in output.raw_feature_spec()
    assert SEATS not in output.raw_feature_spec()
    transform = tf.saved_model.load(str(run / "transform_fn")).transform_fn
    known = merged.dropna(subset=["seats"]).drop_duplicates("tailnum").head(50)
    tails = [*known["tailnum"], "no such aircraft", b"\xff"]
    spec = output.raw_feature_spec()
    rows = {
        name: tf.zeros([len(tails)], kind.dtype) if kind.dtype != tf.string
        else tf.fill([len(tails)], "x")
        for name, kind in spec.items()
    }  # fmt: skip
    made = transform({**rows, "tailnum": tf.constant(tails, tf.string)})

    z = made[f"{SEATS}_z_score"].numpy().ravel().astype(float)
    seats = known["seats"].to_numpy(float)
    slope, start = np.polyfit(seats, z[:-2], 1)
    np.testing.assert_allclose(z[:-2], slope * seats + start, atol=1e-5)
    assert slope > 0
    assert z[-2] == z[-1]  # no such aircraft, no tail number


def test_check_and_explain_look_up_too(
    tables: Path, capsys: pytest.CaptureFixture[str], merged: pd.DataFrame
) -> None:
    row = merged[merged["seats"].notna() & merged["built"].notna()].iloc[7]
    where = (
        f"year=2013,month={row['month']},day={row['day']},carrier={row['carrier']},"
        f"flight={row['flight']},origin={row['origin']}"
    )
    assert main(["explain", *arguments(tables), "--row", where, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["lookups"] == {
        "planes_year_by_tailnum": int(row["built"]), SEATS: int(row["seats"]),
    }  # fmt: skip
    assert main(["explain", *arguments(tables), "--row", where]) == 0
    assert f"{SEATS} = {int(row['seats'])} (looked up)" in capsys.readouterr().out
    assert main(["check", *arguments(tables), "--rows", "3000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert not [one for one in found if one["severity"] == "leak"]


def read_examples(run: Path, names: list[str]) -> pd.DataFrame:
    spec = tft.TFTransformOutput(str(run)).transformed_feature_spec()
    manifest = Manifest.from_json((run / "manifest.json").read_text("utf-8"), str(run))
    parts = []
    for split in ("train", "eval", "test"):
        files = [str(run / name) for name in manifest.examples(split)]
        wanted = {name: spec[name] for name in names}
        for batch in tf.data.TFRecordDataset(files).batch(4_096).as_numpy_iterator():
            found = tf.io.parse_example(batch, wanted)
            columns = {name: column.numpy().ravel() for name, column in found.items()}
            parts.append(pd.DataFrame({**columns, "split": split}))
    frame = pd.concat(parts)
    return frame.assign(carrier=frame["carrier"].map(bytes.decode))
