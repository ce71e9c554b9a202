"""Credentials that are not there, or that are refused while a run or a model is written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from apache_beam.utils import retry
from parcels_oracle import make_tables

from forebay.cli import main
from forebay.pipelines.google.beam_credentials import find_credentials
from forebay.storage.names import is_temporary

pytestmark = pytest.mark.gcp

DEFINITION = str(Path(__file__).resolve().parents[1] / "end_to_end" / "parcels.py")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a command that fails."""
    capsys.readouterr()
    assert main([*words]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if "error" in line]
    assert len(errors) == 1, said
    return errors[0]


# Written by Beam in a pipeline, by TensorFlow in one, and last of all.
@pytest.mark.parametrize("at", ["arrow", "transform_fn", "manifest"])
def test_a_run_whose_credentials_expire_on_the_way_is_told_in_a_line(
    at: str, emulators: Any, in_emulators: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = make_tables(tmp_path)
    run = f"gs://{emulators.bucket}/expires-at-{at}/run"
    words = ("--max-reject-fraction", "0.1", "--shards", "2")
    check(refused(capsys, "preprocess", DEFINITION, *tables.options, "--output", run, *words))
    found = asked("GET", emulators, f"{emulators.bucket}/o", prefix=f"expires-at-{at}/")
    names = [one["name"].rpartition("/")[2] for one in found.json()["items"]]
    assert "manifest.json" not in names


def test_a_run_that_is_whole_stays_so_where_nothing_can_be_removed_any_more(
    emulators: Any, in_emulators: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = f"gs://{emulators.bucket}/expires-at-removal/run"
    tables = make_tables(tmp_path)
    words = ("--max-reject-fraction", "0.1", "--shards", "2", "--output", run)
    assert main(["preprocess", DEFINITION, *tables.options, *words]) == 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    told = re.search(r"warning: (\S+) could not be removed \(", said)
    assert told is not None, said
    assert is_temporary(told[1].removeprefix(f"{run}/"))
    assert f"; remove it by `gcloud storage rm -r {told[1]}`" in said
    found = asked("GET", emulators, f"{emulators.bucket}/o", prefix="expires-at-removal/")
    assert any(one["name"].endswith("/manifest.json") for one in found.json()["items"])


@pytest.mark.parametrize("at", ["checkpoint", "saved_model"])
def test_a_training_whose_credentials_expire_on_the_way_is_told_in_a_line(
    at: str, emulators: Any, in_emulators: Any, regression_run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = f"expires-at-{at}/run"
    manifest = json.loads((regression_run / "manifest.json").read_text())
    for name in (*manifest["files"], "manifest.json"):
        kind = {"uploadType": "media", "name": f"{folder}/{name}"}
        asked(
            "POST", emulators, f"{emulators.bucket}/o", (regression_run / name).read_bytes(), **kind
        )
    run = f"gs://{emulators.bucket}/{folder}"
    check(refused(capsys, "train", run, "--model", "linear", "--max-steps", "20"))


@pytest.mark.usefixtures("without_credentials")
def test_where_there_are_no_credentials_beam_looks_once_and_that_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr(retry.Clock, "sleep", lambda clock, seconds: pytest.fail("it waits"))
    find_credentials.cache_clear()
    find_credentials()
    find_credentials.cache_clear()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: no credentials for Google Cloud were found")
    assert "; run `gcloud auth application-default login`" in line
    assert not caplog.records


def check(line: str) -> None:
    assert line.startswith("error: gs://"), line
    assert "Google no longer takes the credentials (401" in line
    assert "; run `gcloud auth application-default login`" in line


def asked(verb: str, emulators: Any, path: str, content: bytes = b"", **query: str) -> Any:
    """Asks Cloud Storage as somebody who has logged in anew."""
    upload = "/upload" if content else ""
    answer = requests.request(
        verb, f"{emulators.storage}{upload}/storage/v1/b/{path}", params=query, data=content,
        headers={"Authorization": "Bearer new"}, timeout=60,
    )  # fmt: skip
    answer.raise_for_status()
    return answer
