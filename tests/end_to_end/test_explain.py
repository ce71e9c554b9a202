"""Explanations of readings, against the oracle's windows and against the run's own examples."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from readings_oracle import WINDOWS, Row, Written, expected_rows, parsed_rows, windows_of

import forebay as fb
from forebay.cli import main
from forebay.commands.explain.report import to_json
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.storage.run.manifest import Manifest
from forebay.transforms.instants import instant

DEFINITION = str(Path(__file__).with_name("readings.py"))
COUNT = 30


@pytest.fixture(scope="module")
def rows(readings_file: Written) -> list[Row]:
    """Some rows with windowed values by the oracle, of every split."""
    splits, _ = expected_rows(readings_file.records)
    return random.Random(7).sample([row for split in splits.values() for row in split], COUNT)


@pytest.fixture(scope="module")
def lines(readings_file: Written) -> dict[str, int]:
    """The line of each reading."""
    return {
        record.cells["reading_id"]: line
        for record, line in zip(readings_file.records, readings_file.lines, strict=True)
        if record.cells is not None
    }


@pytest.fixture(scope="module")
def explained(rows: list[Row], readings_file: Written) -> dict[str, dict[str, Any]]:
    """What `forebay explain` tells of each row, all events listed."""
    return {
        row["reading_id"]: to_json(
            fb.explain(
                DEFINITION, [str(readings_file.path)], row=f"reading_id={row['reading_id']}",
                events=10_000,
            )
        )
        for row in rows
    }  # fmt: skip


def test_values_are_the_naive_ones(rows: list[Row], explained: dict[str, Any]) -> None:
    for row in rows:
        for outputs, *_ in WINDOWS:
            for name in outputs:
                found, wanted = explained[row["reading_id"]]["windows"][name]["value"], row[name]
                if wanted is None:
                    assert found is None
                else:
                    assert found == pytest.approx(float(wanted), rel=1e-12)


def test_events_are_the_naive_ones(
    rows: list[Row],
    explained: dict[str, Any],
    lines: dict[str, int],
    readings_file: Written,
) -> None:
    everything = parsed_rows(readings_file.records)
    wanted_ids = {row["reading_id"] for row in rows}
    seen = 0
    for outputs, column, key, row_key, width_us, lag_us, *rest in WINDOWS:
        for row, window in windows_of(everything, column, key, row_key, width_us, lag_us, *rest):
            if row["reading_id"] not in wanted_ids:
                continue
            for name in outputs:
                told = explained[row["reading_id"]]["windows"][name]
                places = sorted(event["place"] for event in told["listed"])
                assert places == sorted(
                    f"{readings_file.path}:{lines[everything[event.row]['reading_id']]}"
                    for event in window
                )
                assert told["events"] == len(window)
                assert told["more"] == 0
                assert [e["time"] for e in told["listed"]] == sorted(
                    instant(event.time) for event in window
                )
                values = [event.values[column] for event in window] if column else [0] * len(window)
                assert told["values"] == sum(v is not None and math.isfinite(v) for v in values)
                end = row["taken"] - lag_us
                assert told["end"] == instant(end)
                assert told["start"] == (None if width_us is None else instant(end - width_us))
                seen += len(window)
    assert seen > 10 * COUNT


def test_values_are_those_of_the_run(
    readings_run: Path, rows: list[Row], explained: dict[str, Any]
) -> None:
    manifest = Manifest.from_json((readings_run / MANIFEST_NAME).read_text("utf-8"), "")
    examples = {}
    for split in manifest.rows:
        for name in manifest.examples(split):
            for record in tf.data.TFRecordDataset(str(readings_run / name)).as_numpy_iterator():
                features = tf.train.Example.FromString(record).features.feature
                examples[features["reading_id"].bytes_list.value[0].decode()] = features
    for row in rows:
        for name, told in explained[row["reading_id"]]["windows"].items():
            (found,) = examples[row["reading_id"]][name].float_list.value
            value = math.nan if told["value"] is None else told["value"]
            np.testing.assert_equal(np.float32(found), np.float32(value), name)


def test_a_row_is_found_by_its_line(
    rows: list[Row], explained: dict[str, Any], lines: dict[str, int], readings_file: Written
) -> None:
    for row in rows[:4]:
        for path in (str(readings_file.path), readings_file.path.name):
            key = f"{path}:{lines[row['reading_id']]}"
            report = fb.explain(DEFINITION, [str(readings_file.path)], row=key, events=10_000)
            assert to_json(report) == explained[row["reading_id"]]


def test_the_command_prints_json_or_a_report_and_draws(
    rows: list[Row],
    explained: dict[str, Any],
    readings_file: Written,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "pulses_sum_6h_lag_30m_by_sensor_for_neighbour"
    row = next(row for row in rows if explained[row["reading_id"]]["windows"][name]["events"] > 3)
    told = explained[row["reading_id"]]
    arguments = ["explain", DEFINITION, "--input", str(readings_file.path), "--column", name,
                 "--row", f"reading_id={row['reading_id']},site={row['site'] or ''}"]  # fmt: skip
    picture = tmp_path / "picture.png"

    assert main([*arguments, "--json", "--events", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--events", "3", "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out

    assert found["row"] == told["row"]
    assert list(found["windows"]) == [name]
    wanted = told["windows"][name]
    assert found["windows"][name] == {
        **wanted, "listed": wanted["listed"][:3], "more": wanted["events"] - 3,
    }  # fmt: skip
    assert f"{name} = " in printed
    assert f"… and {wanted['events'] - 3:,} more" in printed
    assert "ends 30 min before the row" in printed
    for event in wanted["listed"][:3]:
        assert Path(event["place"]).name in printed
        assert event["available_at"] in printed
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000


def test_it_loads_neither_beam_nor_tensorflow(rows: list[Row], readings_file: Written) -> None:
    program = (
        "import sys\n"
        "from forebay.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "print([name for name in ('apache_beam', 'tensorflow') if name in sys.modules])\n"
        "sys.exit(status)"
    )
    arguments = ["explain", DEFINITION, "--input", str(readings_file.path), "--json",
                 "--row", f"reading_id={rows[0]['reading_id']}"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
