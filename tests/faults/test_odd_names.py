"""Names and cells of any kind: patterns, blanks, quotes, bytes that are no UTF-8, escapes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from small_work import lay_out
from verdicts import wrong_with

from forebay.cli import main
from forebay.storage.run.run_folder import open_run

# What a terminal would take for its title, a colour and a formula.
ESCAPES = "\x1b]0;mine\x07\x1b[31m\x9b1m$\\frac{1$"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ODD = os.fsdecode(b"caf\xe9 [1]*?{a} $X ;&|<>\"'")


def test_rows_become_a_run_whatever_they_are_called(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / ODD
    lay_out(place)
    rows = place / f"{ODD}.csv"
    (place / "rows.csv").rename(rows)
    told = rows.read_text().replace(",a,", f",a{ESCAPES},")
    rows.write_text(f"{told}\n{ESCAPES},no time,a,1.5,0")
    definition = (place / "small.py").rename(place / "odd_names.py")
    read = [str(definition), "--input", str(rows)]
    run = str(place / f"run {ODD}")

    def said(*command: str) -> str:
        capfd.readouterr()
        status = main(command)
        out, err = capfd.readouterr()
        assert (status, wrong_with(status, err)) == (0, "")
        assert not CONTROLS.search(out + err)
        return out

    apart = place / f"{ODD} rejects.jsonl"
    said("preprocess", *read, "--output", run, "--rejects", str(apart),
         "--max-reject-fraction", "0.1")  # fmt: skip
    found = open_run(run)
    assert (sum(found.manifest.rows.values()), found.manifest.inputs[0].path) == (300, str(rows))
    (reject,) = (Path(run) / "rejects").iterdir()
    assert json.loads(apart.read_text())["raw"] == json.loads(reject.read_text())["raw"]
    assert json.loads(reject.read_text())["source"] == str(rows)

    said("report", run, "--plot", str(place / f"report {ODD}.png"))
    told = said("explain", *read, "--row", f"{rows}:8", "--plot", str(place / f"{ODD}.png"))
    assert "id=o6" in told
    assert "caf\\xe9 [1]" in told
    short = ["--max-steps", "2", "--eval-every", "2", "--no-export", "--no-tensorboard"]
    said("train", run, *short)
    assert "a␛]0;mine" in said("evaluate", run, "--slice", "shop_id")
    said("init", str(rows), "--output", str(place / "drafted.py"))
    assert len(list(place.glob("*.png"))) == 2
