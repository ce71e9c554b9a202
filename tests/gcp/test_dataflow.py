"""Jobs on a stand-in for Dataflow: staged, submitted, followed, cancelled; and what goes wrong."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from later_trips import EARLIER, LATER, text
from parcels_oracle import make_tables

from forebay.cli import main
from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.run import opened, run_pipeline
from forebay.pipelines.runners.versions import versions
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.errors import ForebayError, InputError, RunFailed

pytestmark = pytest.mark.gcp

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-gcp" / "bin" / "python"
START_SECONDS = 120
DEFINITION = f"{REPOSITORY}/tests/end_to_end/parcels.py"
IMAGE = "europe-west1-docker.pkg.dev/test/images/forebay:0.1.0"
ON = Dataflow(project="test-project", region="us-central1", container_image=IMAGE)


@contextmanager
def started(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Starts a stand-in; gives its address, and its process."""
    here = REPOSITORY / "tests" / "gcp"
    command = [
        str(PYTHON), str(here / "fake_dataflow.py"), str(folder), sys.executable,
        str(here / "dataflow_worker.py"),
    ]  # fmt: skip
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        end = time.monotonic() + START_SECONDS
        while not (folder / "ready.json").exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        port = json.loads((folder / "ready.json").read_text())["port"]
        yield f"http://localhost:{port}", process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def service(emulators: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The stand-in, and credentials that it gives tokens for; its address."""
    folder = tmp_path_factory.mktemp("dataflow")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulators.environment.items():
            patch.setenv(name, value)
        with started(folder) as (address, _):
            patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", key(folder, f"{address}/token"))
            yield address


def key(folder: Path, token_uri: str) -> str:
    """Writes the key of a service account that gets its tokens from an address."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"key{token_uri.rpartition('/')[2]}.json"
    path.write_text(json.dumps({
        "type": "service_account", "project_id": ON.project, "private_key": pem.decode(),
        "client_email": f"me@{ON.project}.iam.gserviceaccount.com", "token_uri": token_uri,
    }))  # fmt: skip
    return str(path)


@pytest.fixture(scope="module")
def on(emulators: Any) -> Dataflow:
    return replace(ON, bucket=emulators.bucket)


def ran(on: Dataflow, address: str) -> None:
    """Runs a pipeline of one element."""
    dataset = load_definition(DEFINITION)
    asked = (f"--dataflow_endpoint={address}",)
    work = Work(DEFINITION, dataset, f"gs://{on.bucket}/none", beam=asked)
    with opened(on, work) as runner:
        run_pipeline(lambda p: p | beam.Create([1]) | beam.Map(print) and None, runner)


@pytest.mark.parametrize(
    ("job", "kind", "told"),
    [
        ("ended", RunFailed, "the job in test-project, us-central1, was cancelled by somebody; "),
        ("bare-image", InputError, f"--container-image {IMAGE}: the workers have no forebay"),
        ("over-quota", RunFailed, "a quota of test-project in us-central1 is used up .*'CPUS'"),
    ],
)
def test_what_ends_a_job_is_told_in_a_line(
    service: str, on: Dataflow, job: str, kind: type[ForebayError], told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with pytest.raises(kind, match=told) as error:
        ran(replace(on, job_name=job), service)
    assert "\n" not in str(error.value)
    assert "Traceback" not in capsys.readouterr().err


def test_workers_of_another_version_end_the_job(
    service: str, on: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = versions()
    monkeypatch.setattr(
        "forebay.pipelines.runners.dataflow.versions.versions", lambda: mine | {"numpy": "1.0"}
    )
    told = rf"other versions than this machine \(numpy {mine['numpy']} there, 1\.0 here\); build it"
    with pytest.raises(InputError, match=told) as error:
        ran(replace(on, job_name="differs"), service)
    assert "\n" not in str(error.value)


def test_a_service_that_is_gone_half_way_is_told_in_a_line(
    service: str, on: Dataflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It is asked again for minutes, which are passed over here."""
    monkeypatch.setattr("apache_beam.utils.retry.Clock.sleep", lambda self, seconds: None)
    with started(tmp_path) as (address, process):

        def leave() -> None:
            while not any("/messages" in line for line in (tmp_path / "log").open()):
                time.sleep(0.2)
            process.kill()

        thread = threading.Thread(target=leave)
        thread.start()
        with pytest.raises(RunFailed, match=r"can no longer be reached .* look by") as error:
            ran(replace(on, job_name="waits"), address)
        thread.join()
    assert "\n" not in str(error.value)
    said = capsys.readouterr().err
    assert "\n  File " not in said


@pytest.mark.parametrize(
    ("project", "told"),
    [
        ("no-rights", "Google refuses this account in no-rights"),
        ("no-project", "Google knows no such project, region or job"),
    ],
)
def test_a_project_that_refuses_is_named(
    service: str, on: Dataflow, project: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        ran(replace(on, project=project), service)


def test_buckets_and_credentials_are_checked_first(
    service: str, on: Dataflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on.check_account()
    with pytest.raises(InputError, match=r"--bucket nowhere: no such bucket; make it by `gcloud"):
        replace(on, bucket="nowhere").check_account()
    with pytest.raises(
        InputError, match=r"lies in US, and the job runs in asia.*--region us-centr"
    ):
        replace(on, region="asia-east1").check_account()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", key(tmp_path, f"{service}/expired"))
    with pytest.raises(InputError, match=r"Google refuses the credentials.*invalid_grant.*login"):
        on.check_account()
    gone = key(tmp_path, "http://localhost:1/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gone)
    with pytest.raises(RunFailed, match=r"cannot be reached .* check the network"):
        on.check_account()


@pytest.fixture
def credentials(
    service: str, without_credentials: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """Credentials whose tokens come from a path of the stand-in."""
    path = key(tmp_path, f"{service}/{request.param}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)


@pytest.mark.parametrize(
    ("credentials", "cause"),
    [("brief", "invalid_grant"), ("fixed", "401 .*had invalid authentication credentials")],
    indirect=["credentials"],
)
def test_credentials_that_expire_while_a_job_is_followed_are_told_at_once(
    service: str, on: Dataflow, credentials: None, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = rf"no longer takes the credentials \(.*{cause}.*login`; a job that runs already goes on"
    started_at = time.monotonic()
    with pytest.raises(InputError, match=told) as error:
        ran(replace(on, job_name="expires"), service)
    assert time.monotonic() - started_at < 60
    assert "\n" not in str(error.value)
    said = capsys.readouterr().err
    assert "Retry" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("credentials", ["token"], indirect=True)
@pytest.mark.parametrize("at", ["whl", "pipeline"])
def test_credentials_that_expire_while_files_are_staged_are_told(
    service: str, on: Dataflow, credentials: None, at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    staging = f"gs://{on.bucket}/expires-at-{at}/staging"
    with pytest.raises(
        InputError, match=r"no longer takes the credentials \(.*401.*login`"
    ) as error:
        ran(replace(on, staging_location=staging), service)
    assert "\n" not in str(error.value)
    assert capsys.readouterr().err == ""


def asked(capsys: pytest.CaptureFixture[str], service: str, *words: str) -> tuple[int, Any]:
    """What ``forebay jobs`` says: its status, and what it prints, or its error."""
    where = ("--project", str(ON.project), "--region", str(ON.region), "--endpoint", service)
    capsys.readouterr()
    status = main(["jobs", *words, *where, "--json"])
    said = capsys.readouterr()
    return status, json.loads(said.out) if status == 0 else said.err


def test_a_job_is_listed_described_and_cancelled(
    service: str, on: Dataflow, capsys: pytest.CaptureFixture[str]
) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            ran(replace(on, job_name="waits", labels="team=ml"), service)
        except ForebayError as error:
            raised.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    job = None
    while job is None or job["state"] != "RUNNING":
        assert worker.is_alive()
        time.sleep(0.5)
        status, listed = asked(capsys, service, "list")
        assert status == 0
        job = next((one for one in listed if one["name"] == "waits"), None)
    status, described = asked(capsys, service, "describe", job["id"])
    assert {**job, **described} == described
    assert described["labels"] == "team=ml"
    assert job["id"] in described["page"]
    status, messages = asked(capsys, service, "logs", job["id"])
    assert [one["text"] for one in messages] == ["Workers have started successfully."]
    status, cancelled = asked(capsys, service, "cancel", job["id"])
    assert (status, cancelled["state"]) == (0, "CANCELLED")
    worker.join()
    assert [str(error).partition(";")[0] for error in raised] == [
        f"the job in {ON.project}, {ON.region}, was cancelled by somebody"
    ]
    status, error = asked(capsys, service, "cancel", job["id"])
    assert (status, "is over (CANCELLED); there is nothing to end" in error) == (2, True)
    status, error = asked(capsys, service, "describe", "2026-none")
    assert status == 2
    assert "Google knows no such project, region or job" in error
    assert "or the job's id, which `forebay jobs list --project test-project --region" in error
    status, error = asked(capsys, service, "describe", "some/job")
    assert status == 2
    assert "JOB = 'some/job': not the id of a job of Dataflow; `forebay jobs list`" in error


@pytest.mark.timeout(1800)
def test_a_run_on_dataflow_is_the_local_one(
    service: str, on: Dataflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    tables = make_tables(tmp_path)
    bucket = f"gs://{on.bucket}"
    for path in tmp_path.glob("*.csv"):
        with FileSystems.create(f"{bucket}/tables/{path.name}") as sink:
            sink.write(path.read_bytes())
    local, remote = str(tmp_path / "local"), f"{bucket}/runs/parcels"
    there = [word.replace(str(tmp_path), f"{bucket}/tables") for word in tables.options]
    some = ("--max-reject-fraction", "0.1", "--shards", "2")
    options = (
        "--on", "dataflow", "--project", ON.project, "--region", ON.region, "--bucket", on.bucket,
        "--container-image", IMAGE, "--labels", "team=ml",
    )  # fmt: skip
    assert main(["preprocess", DEFINITION, *tables.options, "--output", local, *some]) == 0
    words = ["preprocess", DEFINITION, *there, "--output", remote, *some, *options]
    status = main([*words, "--", f"--dataflow_endpoint={service}"])
    told = capsys.readouterr().err
    assert status == 0, told
    assert told.count("https://console.cloud.google.com/dataflow/jobs/us-central1/") == 2
    with FileSystems.open(f"{remote}/manifest.json") as source:
        made = json.loads(source.read())
    wanted = json.loads(Path(local, "manifest.json").read_text())
    examples = {name: entry for name, entry in wanted["files"].items() if "examples/" in name}
    assert len(examples) >= 3
    assert {n: e for n, e in made["files"].items() if "examples/" in n} == examples
    assert made["rows"] == wanted["rows"]
    assert made["rejects"] == wanted["rejects"]
    assert FileSystems.match([f"{remote}/.forebay-**"])[0].metadata_list == []
    # The key of the account is in nothing that was said, sent, staged or written.
    credentials = Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
    secret = json.loads(credentials.read_text())["private_key"].split()[4].encode()
    sent = [path for path in credentials.parent.glob("*") if path != credentials]
    kept = FileSystems.match([f"{bucket}/forebay/**", f"{remote}/**"])
    contents = [told.encode(), *(path.read_bytes() for path in sent if path.is_file())]
    paths = [one.path for found in kept for one in found.metadata_list]
    for path in (path for path in paths if not path.endswith("/")):  # as folders are marked
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            contents.append(source.read())
    assert len(contents) > 10
    assert not any(secret in content for content in contents)


@pytest.fixture(scope="module")
def trips(
    service: str, on: Dataflow, trained_regression: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], Path]:
    """A question whose model and tables lie in the bucket, and the folder of its local answer."""
    folder = tmp_path_factory.mktemp("trips")
    tables = {"new.csv": text(LATER), "earlier.csv": text(EARLIER)}
    for name, content in tables.items():
        (folder / name).write_text(content)
    here = [str(folder / name) for name in tables]
    model = trained_regression / "model"
    answers = folder / "answers"
    said = main([*question(str(model), *here), "--output", f"{answers}/"])
    assert said == 0
    bucket = f"gs://{on.bucket}/trips"
    for path in (path for path in model.rglob("*") if path.is_file()):
        put(f"{bucket}/model/{path.relative_to(model)}", path.read_bytes())
    for name, content in tables.items():
        put(f"{bucket}/{name}", content.encode())
    there = [f"{bucket}/{name}" for name in tables]
    return question(f"{bucket}/model", *there), answers


def question(model: str, new: str, earlier: str) -> list[str]:
    return ["predict", f"--model={model}", f"--input={new}", f"--history={earlier}"]


def put(path: str, content: bytes) -> None:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as sink:
        sink.write(content)


def check_answers(there: str, here: Path) -> None:
    """Compares two folders of answers, file by file."""
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    listed = FileSystems.match([f"{there}/**"])[0].metadata_list
    names = sorted(one.path.removeprefix(f"{there}/") for one in listed)
    mine = [str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()]
    assert names == sorted(mine)
    for name in names:
        path = f"{there}/{name}"
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
            content = source.read()
        if name.startswith("rejects/"):
            told = [json.loads(one.read()) for one in (io.BytesIO(content), (here / name).open())]
            assert [Path(one.pop("source")).name for one in told] == ["new.csv"] * 2
            assert told[0] == told[1]
        else:
            assert content == (here / name).read_bytes(), name


@pytest.mark.timeout(1800)
def test_answers_of_dataflow_are_the_local_ones(
    service: str, on: Dataflow, trips: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    asked, here = trips
    options = (
        "--on", "dataflow", "--project", ON.project, "--region", ON.region, "--bucket", on.bucket,
        "--container-image", IMAGE,
    )  # fmt: skip
    output = f"gs://{on.bucket}/answers"
    words = [*asked, "--output", f"{output}/", *options, "--", f"--dataflow_endpoint={service}"]
    status = main(words)
    told = capsys.readouterr().err
    assert status == 0, told
    assert told.count("https://console.cloud.google.com/dataflow/jobs/us-central1/") == 1
    check_answers(output, here)
    assert main(words) == 2
    assert "predictions are there already; name a new folder" in capsys.readouterr().err


@pytest.mark.timeout(1800)
def test_a_template_makes_the_same_answers(
    service: str, on: Dataflow, trips: tuple[list[str], Path], tmp_path: Path
) -> None:
    """The launcher's command, in a folder of its own; then the job is sent as Dataflow sends it."""
    import requests
    from apache_beam.io.filesystems import FileSystems

    (_, *parameters), here = trips
    bucket = f"gs://{on.bucket}"
    output, job_file = f"{bucket}/daily", f"{bucket}/staging/template_launches/1/job_object"
    flags = [
        *parameters, f"--output={output}/", "--runner=DataflowRunner", f"--project={ON.project}",
        f"--region={ON.region}", "--job_name=daily", f"--template_location={job_file}",
        f"--staging_location={bucket}/staging", f"--temp_location={bucket}/temp",
        f"--sdk_container_image={IMAGE}", "--labels={'goog-dataflow-template': 'flex'}",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, REPOSITORY / "deploy" / "launch.py", *flags],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert FileSystems.match([f"{output}/**"])[0].metadata_list == []
    with FileSystems.open(job_file) as source:
        job = json.loads(source.read())
    assert job["name"] == "daily"
    assert job["labels"] == {"goog-dataflow-template": "flex"}
    jobs = f"{service}/v1b3/projects/{ON.project}/locations/{ON.region}/jobs"
    sent = requests.post(jobs, json=job, timeout=60).json()
    while (state := requests.get(f"{jobs}/{sent['id']}", timeout=60).json()["currentState"]) in (
        "JOB_STATE_PENDING", "JOB_STATE_RUNNING",
    ):  # fmt: skip
        time.sleep(0.5)
    messages = requests.get(f"{jobs}/{sent['id']}/messages", timeout=60).text
    assert state == "JOB_STATE_DONE", messages
    check_answers(output, here)


def test_a_dry_run_looks_at_tables_and_makes_none(
    service: str, on: Dataflow, warehouse: Any, tmp_path: Path
) -> None:
    tables = make_tables(tmp_path)
    warehouse.client.create_dataset("test.dry", exists_ok=True)
    asked = [
        "preprocess", DEFINITION, *tables.options, "--output", f"gs://{on.bucket}/runs/dry",
        "--on", "dataflow", "--project", str(on.project), "--region", str(on.region),
        "--bucket", str(on.bucket), "--container-image", IMAGE,
        "--also", "bigquery://test.dry.rows", "--rejects", "bigquery://test.dry.rejects",
    ]  # fmt: skip
    assert main([*asked, "--dry-run", str(tmp_path / "jobs")]) == 0
    assert list(warehouse.client.list_tables("test.dry")) == []
