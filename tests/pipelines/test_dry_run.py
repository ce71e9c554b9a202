"""The jobs of a dry run on Dataflow: all steps named, nothing captured, options as asked."""

from __future__ import annotations

import base64
import bz2
import contextlib
import io
import json
import re
import socket
import zipfile
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from parcels_oracle import make_tables

from forebay.cli import main

DEFINITION = str(Path(__file__).parents[1] / "end_to_end" / "parcels.py")
IMAGE = "europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"
ACCOUNT = "workers@my-project.iam.gserviceaccount.com"
Dry = tuple[Path, dict[str, Any], list[Any]]
SECRET, VALUE = "hush-hush-token", "zanzibar"
OPTIONS = (
    "--on", "dataflow", "--project", "my-project", "--region", "europe-west1",
    "--bucket", "my-bucket", "--container-image", IMAGE, "--labels", "team=ml,env=prod",
    "--max-workers", "20", "--worker-machine-type", "n2-standard-4",
    "--service-account", ACCOUNT, "--output", "gs://my-bucket/runs/parcels",
)  # fmt: skip
JOBS = {
    "ingest": {"Versions", "Rows", "Windows", "Split", "Rejects", "Tallies"},
    "transform": {
        "Versions", "Transform", "WriteTransformFn", "WriteExamples", "FeatureTallies",
        "NonFinite", "Tallies",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Dry:
    """What a dry run writes and prints, and which addresses it spoke to."""
    folder = tmp_path_factory.mktemp("dry")
    tables = make_tables(folder)
    parcels = folder / "parcels.csv"
    parcels.write_text(parcels.read_text() + f"9999,1,,,,1,{VALUE},1.5,false,2.0\n")
    key = folder / "key.json"
    key.write_text(json.dumps({"type": "authorized_user", "refresh_token": SECRET}))
    spoken: list[Any] = []
    connect = socket.socket.connect

    def note(self: socket.socket, address: Any) -> None:
        spoken.append(address)
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setattr(socket.socket, "connect", note)
        command = ["preprocess", DEFINITION, *tables.options, *OPTIONS]
        assert main([*command, "--dry-run", str(folder / "jobs"), "--json"]) == 0
    return folder / "jobs", json.loads(out.getvalue()), spoken


def graph_of(folder: Path) -> beam_runner_api_pb2.Pipeline:
    graph = beam_runner_api_pb2.Pipeline()
    graph.ParseFromString((folder / "pipeline.pb").read_bytes())
    return graph


def pickled(folder: Path) -> list[bytes]:
    """All that functions of a graph have with them."""
    found = re.findall(rb"QlpoO[A-Za-z0-9+/=]{20,}", (folder / "pipeline.pb").read_bytes())
    return [bz2.decompress(base64.b64decode(text)) for text in found]


def test_nothing_is_asked_of_anybody(dry: Dry) -> None:
    assert dry[2] == []


@pytest.mark.parametrize("name", list(JOBS))
def test_every_step_has_a_name(dry: Dry, name: str) -> None:
    steps = dry[1][name]["steps"]
    assert (dry[0] / name / "steps.txt").read_text().splitlines() == steps
    graph = graph_of(dry[0] / name)
    named = {one.unique_name for one in graph.components.transforms.values()}
    assert len(steps) == len(set(steps))
    assert set(steps) < named
    assert {step.partition("/")[0] for step in steps} == JOBS[name]
    outer = [step for step in steps if step.count("/") < 2]
    assert [step for step in outer if re.search(r"lambda|ref_|^\[", step)] == []


@pytest.mark.parametrize("name", list(JOBS))
def test_no_data_and_no_secrets_are_captured(dry: Dry, name: str) -> None:
    folder = dry[0] / name
    functions = pickled(folder)
    assert sum(b"forebay" in one for one in functions) >= 10
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for wheel in folder.glob("staged/*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            written += [archive.read(one) for one in archive.namelist()]
    for content in (*functions, *written):
        assert VALUE.encode() not in content
        assert SECRET.encode() not in content
    assert max(map(len, functions)) < 64_000
    assert dry[1][name]["graph_bytes"] == (folder / "pipeline.pb").stat().st_size < 2_000_000


@pytest.mark.parametrize("name", list(JOBS))
def test_the_job_is_as_asked(dry: Dry, name: str) -> None:
    job = json.loads((dry[0] / name / "job.json").read_text())
    environment = job["environment"]
    (pool,) = environment["workerPools"]
    assert job["name"] == "forebay-parcels"
    assert job["type"] == "JOB_TYPE_BATCH"
    assert job["labels"] == {"team": "ml", "env": "prod"}
    assert environment["serviceAccountEmail"] == ACCOUNT
    assert pool["machineType"] == "n2-standard-4"
    assert pool["autoscalingSettings"] == {"maxNumWorkers": 20}
    assert [one["containerImage"] for one in pool["sdkHarnessContainerImages"]] == [IMAGE]
    options = environment["sdkPipelineOptions"]["options"]
    assert options["pipelineUrl"].startswith("gs://my-bucket/forebay/staging/forebay-parcels.")
    assert options["dry_run"] is False
    assert environment["tempStoragePrefix"].startswith("storage.googleapis.com/my-bucket/forebay/")


@pytest.mark.parametrize("name", list(JOBS))
def test_the_definitions_code_is_staged_and_the_graph_points_there(dry: Dry, name: str) -> None:
    folder = dry[0] / name
    staged = {path.name: path for path in (folder / "staged").iterdir()}
    assert dry[1][name]["staged"] == {one: path.stat().st_size for one, path in staged.items()}
    (wheel,) = (path for one, path in staged.items() if one.endswith(".whl"))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("parcels.py") == Path(DEFINITION).read_bytes()
    assert staged["extra_packages.txt"].read_text().split() == [wheel.name]
    urls = {
        beam_runner_api_pb2.ArtifactUrlPayload.FromString(one.type_payload).url
        for environment in graph_of(folder).components.environments.values()
        for one in environment.dependencies
    }
    assert {url.rpartition("/")[2] for url in urls} == set(staged)
    assert all(url.startswith("gs://my-bucket/forebay/staging/") for url in urls)


def test_a_folder_that_is_there_is_refused(dry: Dry, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["preprocess", DEFINITION, "--input", "none.csv", *OPTIONS]
    assert main([*command, "--dry-run", str(dry[0])]) == 2
    assert "it is there already; name a new folder" in capsys.readouterr().err


def test_a_dry_run_is_dataflows(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["preprocess", DEFINITION, "--input", "none.csv", "--output", "run"]
    assert main([*command, "--dry-run", "jobs"]) == 2
    assert "the run is on local; write --on dataflow" in capsys.readouterr().err


def test_an_input_on_cloud_storage_needs_credentials_even_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    command = ["preprocess", DEFINITION, "--input", "gs://my-bucket/rows.csv", *OPTIONS]
    assert main([*command, "--dry-run", str(tmp_path / "jobs")]) == 2
    assert "no credentials for Google Cloud were found" in capsys.readouterr().err
