"""Rates on real rows: Adadelta needs 1, and a linear model 1/√n at the most."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from forebay.cli import main

DEFINITION = Path(__file__).resolve().parents[2] / "examples" / "flights" / "flights.py"
EVERY = 50
LINEAR = ("--model", "linear", "--epochs", "20", "--no-export", "--no-tensorboard", "--json")


@pytest.fixture(scope="module")
def run(prepare: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fiftieth of the flights, asked when they leave."""
    folder, data = tmp_path_factory.mktemp("rates"), prepare.find_data()
    header, *lines = prepare.read_flights(data).splitlines(keepends=True)
    (folder / "flights.csv").write_bytes(b"".join([header, *lines[::EVERY]]))
    tables = ["--input", str(folder / "flights.csv"), "--source", f"weather={data / 'weather.csv'}"]
    asked = ["preprocess", f"{DEFINITION}:departure", *tables]
    assert main([*asked, "--output", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize(
    ("flags", "ends_well", "told"),
    [
        (("--optimizer", "adadelta"), True, "--learning-rate 1 (adadelta's)"),
        (
            ("--optimizer", "adadelta", "--learning-rate", "0.002"), False,
            "warning: --learning-rate 0.002 is 500 times below the 1 that adadelta takes",
        ),
        ((), True, "--learning-rate 0."),
        (
            ("--optimizer", "sgd", "--learning-rate", "20"), False,
            "warning: --learning-rate 20 is",
        ),
    ],
)  # fmt: skip
def test_rates_that_are_known_to_fail_fail_and_are_warned_of(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...], ends_well: bool, told: str,
) -> None:  # fmt: skip
    copy = shutil.copytree(run, tmp_path / "run")
    capsys.readouterr()
    status = main(["train", str(copy), *LINEAR, *flags])
    said = capsys.readouterr()
    assert told in said.err
    if status:  # the loss is no number any more
        assert not ends_well
        return
    found = json.loads(said.out)["evaluation"]
    mean = found["baselines"][0]["metrics"]["rmse"]
    ratio = found["metrics"]["rmse"] / mean
    assert ratio < 0.7 if ends_well else ratio > 0.9, ratio
