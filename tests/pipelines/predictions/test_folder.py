"""Answers that workers write to a folder: what the same command writes to a file, in its order."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow.dataset as pa_dataset
import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from later_trips import EARLIER, LATER, text

from forebay.cli import main
from forebay.storage.locks import locked

IMAGE = "europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"
ON = (
    "--on", "dataflow", "--project", "my-project", "--region", "europe-west1", "--bucket",
    "my-bucket", "--container-image", IMAGE,
)  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, trained_regression: Path) -> list[str]:
    """The command, without an output; one of its rows is a reject."""
    folder = tmp_path_factory.mktemp("trips")
    (folder / "new.csv").write_text(text(LATER))
    (folder / "earlier.csv").write_text(text(EARLIER))
    return [
        "predict", "--model", str(trained_regression / "model"), "--input",
        str(folder / "new.csv"), "--history", str(folder / "earlier.csv"),
    ]  # fmt: skip


def test_a_folder_holds_what_a_file_does(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--output", str(tmp_path / "answers.csv")]) == 0
    folder = tmp_path / "answers"
    assert main([*words, "--output", f"{folder}/", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in folder.iterdir()) == [
        "counts.json", "predictions", "rejects",
    ]  # fmt: skip
    assert json.loads((folder / "counts.json").read_text()) == told
    assert (told["records"], told["answered"]) == (4, 3)
    files = sorted((folder / "predictions").iterdir())
    found = pa_dataset.dataset(files).to_table()
    with (tmp_path / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert found["trip_id"].to_pylist() == [row["trip_id"] for row in rows]
    assert found["prediction"].to_numpy().tolist() == [
        np.float32(row["prediction"]) for row in rows
    ]
    (rejects,) = (folder / "rejects").iterdir()
    assert rejects.read_text() == (tmp_path / "answers.csv.rejects.jsonl").read_text()


def test_a_folder_with_something_in_it_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "counts.json").write_text("{}")
    assert main([*words, "--output", f"{tmp_path}/"]) == 2
    assert "predictions are there already; name a new folder" in capsys.readouterr().err
    (tmp_path / "counts.json").rename(tmp_path / "part")
    assert main([*words, "--output", f"{tmp_path}/"]) == 2
    assert "files are there without a counts.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_where_answers_fail_nothing_is_left(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the rows of the history are none."""
    broken = tmp_path / "broken.csv"
    broken.write_text(text([{**row, "left_at": "?"} for row in EARLIER]))
    folder = tmp_path / "answers"
    status = main([*words[:-1], str(broken), "--output", f"{folder}/"])
    assert (status, folder.exists()) == (2, False)
    assert "--max-reject-fraction" in capsys.readouterr().err


def test_of_two_at_once_one_answers_and_loses_nothing_to_the_other(
    words: list[str], tmp_path: Path
) -> None:
    """The other has looked at the folder before, and waits for its rows meanwhile."""
    folder, rows = tmp_path / "answers", tmp_path / "rows"
    os.mkfifo(rows)
    late = [*words, "--output", f"{folder}/"]
    late[late.index("--input") + 1] = str(rows)
    with subprocess.Popen(
        [sys.executable, "-m", "forebay", *late], stderr=subprocess.PIPE, text=True
    ) as process:
        with opened_by(process, rows) as feed:
            assert main([*words, "--output", f"{folder}/"]) == 0
            before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            feed.write(text(LATER).encode())
        _, told = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "predictions are there already; name a new folder" in told
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def opened_by(process: subprocess.Popen[str], pipe: Path) -> IO[bytes]:
    """A pipe, once a process reads it."""
    while True:
        try:
            return open(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK), "wb")
        except OSError:  # nobody reads it yet
            assert process.poll() is None
            time.sleep(0.05)


def test_a_folder_that_another_process_holds_is_left_to_it(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    with locked(str(folder)):
        assert main([*words, "--output", f"{folder}/"]) == 2
        assert f"another process is writing {folder}; wait for it" in capsys.readouterr().err
    assert main([*words, "--output", f"{folder}/"]) == 0


class _OldCluster(BaseHTTPRequestHandler):
    """A Flink cluster's REST API, of a version that Beam has no job server for."""

    def do_GET(self) -> None:
        told = {"taskmanagers": 1, "slots-total": 1, "flink-version": "1.2.0"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *args: object) -> None:
        pass


def test_where_no_job_was_sent_to_a_cluster_nothing_is_left(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Only workers that may still write need what is there: the same command goes on then."""
    (tmp_path / "java").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "answers"
    with HTTPServer(("localhost", 0), _OldCluster) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        on = ("--on", "flink", "--flink-master", f"localhost:{server.server_port}")
        for _ in range(2):
            assert main([*words, "--output", f"{folder}/", *on]) == 2
            assert "for which this version of Beam has no job server" in capsys.readouterr().err
            assert not folder.exists()
        server.shutdown()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--output", "gs://b/answers.csv", *ON), "to a folder; name one that ends in /, such as"),
        (("--output", "a/", "--rejects", "r.jsonl"), "the folder a/ has rejects in it; leave"),
        (("--dry-run", "jobs"), "the run is on local; write --on dataf"),
        (("--output", "gs://b/a[1]/"), "taken for a pattern there"),
        (("--output", "a/", *ON, "--dry-run", "new"), "--output = 'a': on this machine, which w"),
        (("--output", "gs://b/a/", "--on", "dataflow"), "--project = None: missing"),
    ],
)
def test_what_workers_cannot_do_is_told(
    words: list[str], more: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more]) == 2
    assert told in capsys.readouterr().err


def test_json_lines_are_answered_here(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words[:3], "rows.jsonl", "--on", "prism"]) == 2
    assert "--on prism goes with a table, which --input names" in capsys.readouterr().err


def test_a_dry_run_is_one_job_whose_graph_has_no_rows(words: list[str], tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    more = ("--output", "gs://my-bucket/answers/", *ON, "--dry-run", str(jobs))
    assert main([*words, *more]) == 0
    steps = (jobs / "predict" / "steps.txt").read_text().splitlines()
    assert {step.partition("/")[0] for step in steps} == {
        "Versions", "Rows", "History", "Windows", "Answer", "Write", "Rejects", "Tallies",
        "Publish",
    }  # fmt: skip
    content = (jobs / "predict" / "pipeline.pb").read_bytes()
    graph: Any = beam_runner_api_pb2.Pipeline.FromString(content)
    (environment,) = graph.components.environments.values()
    assert IMAGE.encode() in environment.payload
    row = Path(words[words.index("--input") + 1]).read_bytes().splitlines()[1]
    assert row.startswith(b"t")
    assert row not in content
    assert len(content) < 2_000_000
    job = json.loads((jobs / "predict" / "job.json").read_text())
    assert job["type"] == "JOB_TYPE_BATCH"
    assert job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"].startswith(
        "gs://my-bucket/forebay/staging/"
    )
