"""Jobs of Vertex AI, by a stand-in whose routes and types are the client library's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_vertex import Fake, fake_vertex, key

import forebay as fb
from forebay.cli import main
from forebay.transforms.errors import InputError

WHERE = ("--project", "my-project", "--region", "europe-west1")
IMAGE = "europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"


def submitted(vertex: Fake, name: str) -> str:
    words = (
        "train", "gs://my-bucket/runs/a", "--image", IMAGE, "--output", "gs://my-bucket/o", *WHERE
    )  # fmt: skip
    named = ("--name", name, "--labels", "team=ml", "--submit", "--api-address", vertex.address)
    assert main(["vertex", *words, *named]) == 0
    return list(vertex.made)[-1]


def asked(capsys: pytest.CaptureFixture[str], vertex: Fake, *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    options = ("--on", "vertex", *WHERE, "--endpoint", vertex.address, "--json")
    status = main(["jobs", *words, *options])
    said = capsys.readouterr()
    return status, json.loads(said.out) if status == 0 else said.err


def test_a_job_is_listed_described_read_and_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_vertex() as vertex:
        credentials = key(tmp_path, f"{vertex.address}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", credentials)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", vertex.address)
        first, second = submitted(vertex, "stays-1"), submitted(vertex, "stays-2")

        status, listed = asked(capsys, vertex, "list")
        assert status == 0
        assert [(job["id"], job["name"], job["state"]) for job in listed] == [
            (second, "stays-2", "PENDING"), (first, "stays-1", "PENDING"),
        ]  # fmt: skip
        _, described = asked(capsys, vertex, "describe", first)
        assert described["labels"] == "team=ml"
        assert described["page"].endswith("/vertex-ai/training/1?project=my-project")
        monkeypatch.setattr("forebay.commands.jobs.vertex.LOGGING", vertex.address)
        _, lines = asked(capsys, vertex, "logs", first)
        assert [line["text"] for line in lines] == ["step 10"]
        vertex.lines = [f"step {step}" for step in range(1_001)]
        _, lines = asked(capsys, vertex, "logs", first)
        assert [line["text"] for line in lines] == vertex.lines[1:]
        status, job = asked(capsys, vertex, "cancel", first)
        assert (status, job["state"]) == (0, "CANCELLED")
        status, error = asked(capsys, vertex, "cancel", first)
        assert status == 2
        assert "is over (CANCELLED); there is nothing to end" in error
        status, error = asked(capsys, vertex, "describe", first.replace("/1", "/99"))
        assert status == 2
        assert "Google knows no such project, region or job" in error
        status, error = asked(capsys, vertex, "describe", "1")
        assert status == 2
        assert "JOB '1': not the whole name of a job of Vertex AI" in error


def test_options_of_another_service_are_refused() -> None:
    with pytest.raises(InputError, match="--project = 'p-1234': not for --on flink; leave it out"):
        fb.jobs("list", on="flink", flink_master="a:1", project="p-1234")
    with pytest.raises(InputError, match="--flink-master = None: missing; name HOST:PORT"):
        fb.jobs("list", on="flink")
    with pytest.raises(InputError, match="--on = 'spark': no such choice"):
        fb.jobs("list", on="spark")
