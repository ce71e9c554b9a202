"""`forebay check` as its users run it, and what it says of the definitions that are shipped."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trips

from forebay.cli import main
from forebay.commands.check.audit import CHECKS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TRIPS = f"{ROOT}/tests/support/trips.py"
LEAKY = f"{HERE}/leaky_trips.py:leaky"


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), f"{ROOT}/tests/support", os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-m", "forebay", "check", *arguments],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trips.write_trips(tmp_path_factory.mktemp("trips") / "trips.csv")


def test_a_clean_definition_exits_with_0_and_says_what_was_read(table: Path) -> None:
    done = check(TRIPS, "--input", str(table))
    assert (done.returncode, done.stderr) == (0, "forebay check: loading …\n")
    assert "trips: all 2,400 rows of 2,400 records, 2024-05-01T00:" in done.stdout
    assert f"no leak found in these rows by {len(CHECKS)} checks" in done.stdout
    assert re.findall(r"^ok +(\S.*?)  ", done.stdout, re.M) == list(CHECKS)
    unknowable = " ".join(done.stdout[done.stdout.index("No data can tell") :].split())
    assert "That distance, fare and zone are known at pickup, as this table has it" in unknowable


def test_a_leaking_definition_exits_with_1_and_names_columns_rows_and_cures(table: Path) -> None:
    done = check(LEAKY, "--input", str(table), "--json")
    assert (done.returncode, done.stderr) == (1, "forebay check: loading …\n")
    report = json.loads(done.stdout)
    assert report["sample"] | {"from": None, "to": None} == {
        "rows": 2400, "records": 2400, "rejected": 0, "whole": True, "from": None, "to": None,
        "sources": {}, "files": [str(table)],
    }  # fmt: skip
    leaks = [f for f in report["findings"] if f["severity"] == "leak"]
    assert {(f["check"], f["column"]) for f in leaks} == {
        ("availability", "minutes_mean_4h_by_zone"),
        ("known too late", "twice_tip"),  # it is missing where the dropoff is
        ("close to the label", "twice_tip"),
    }
    assert report["counts"]["leak"] == len(leaks) == 3
    for leak in leaks:
        place, line = leak["row"].rsplit(":", 1)
        assert place == str(table)
        assert 2 <= int(line) <= 2401
        assert leak["evidence"]
        assert leak["cure"]


def test_more_rows_than_asked_for_are_a_stretch_of_time_of_any_file(
    table: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "trips.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    allowed = ("--allow", "twice_tip", "minutes_mean_4h_by_zone")
    done = check(LEAKY, "--input", str(packed), "--rows", "700", "--seed", "5", *allowed)
    assert done.returncode == 0, done.stdout
    assert re.search(
        r"leaky: (69\d|700) rows \(one stretch of time\) of 2,400 records", done.stdout
    )
    assert "(allowed)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((TRIPS, "--input", "nowhere.csv"), "matches no file"),
        (("nowhere.py", "--input", TRIPS), "cannot be read"),
        ((TRIPS, "--input", TRIPS), "has no columns"),
        ((TRIPS, "--input", TRIPS, "--allow", "tipp"), "no such column"),
        ((TRIPS, "--input", TRIPS, "--rows", "0"), "not a whole number from 1"),
    ],
)
def test_the_users_mistakes_exit_with_2_and_say_why(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["check", *arguments])
    except SystemExit as stopped:  # argparse's own way
        status = stopped.code
    assert status == 2
    assert said in capsys.readouterr().err


def test_input_of_which_nothing_becomes_a_row_is_a_mistake(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, first, *_ = table.read_text("utf-8").splitlines()
    broken = tmp_path / "broken.csv"
    broken.write_text(f"{header}\n{first.replace('2024-05-01T', 'May')}\n", "utf-8")
    assert main(["check", TRIPS, "--input", str(broken)]) == 2
    said = capsys.readouterr().err
    assert "1 record read, and none became a row" in said
    assert "pickup" in said


def test_it_starts_without_tensorflow_and_beam() -> None:
    code = "import sys, forebay.commands.check.command; "
    code += "print({'tensorflow', 'apache_beam'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "set()"
