"""Specs for Vertex AI: what they say, that they are sent as they are, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_vertex import Fake, key
from google.cloud import aiplatform_v1

import forebay as fb
from forebay.cli import main
from forebay.commands.vertex.options import SPECS
from forebay.transforms.errors import InputError

WHERE = ("--project", "my-project", "--region", "europe-west1")
IMAGE = "europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"
RUN = "gs://my-bucket/runs/flights"
TRAIN = ("train", RUN, "--image", IMAGE, "--output", "gs://my-bucket/trainings/a", *WHERE)
TUNE = ("tune", *TRAIN[1:])
UPLOAD = ("upload", "gs://my-bucket/trainings/flights/model", *WHERE)
ENDPOINT = ("endpoint", "--model", "11=60", "--model", "22=30", "--model", "33=10", *WHERE)
PREDICT = (
    "predict", "11", "--input", "gs://my-bucket/rows/*.jsonl", "--output", "gs://my-bucket/out",
    *WHERE,
)  # fmt: skip
PIPELINE = (
    "pipeline", "--image", IMAGE, "--output", "gs://my-bucket/pipelines", *WHERE,
    "--step", f"preprocess flights.py --input gs://my-bucket/f.csv --output {RUN}",
    "--step", f"train {RUN} --model linear", "--step", f"evaluate {RUN} --split test",
)  # fmt: skip
ALL = {
    "train": (TRAIN, aiplatform_v1.CustomJob),
    "tune": (TUNE, aiplatform_v1.HyperparameterTuningJob),
    "upload": (UPLOAD, aiplatform_v1.UploadModelRequest),
    "predict": (PREDICT, aiplatform_v1.BatchPredictionJob),
    "pipeline": (PIPELINE, aiplatform_v1.PipelineJob),
}


def written(folder: Path, *words: str) -> Any:
    """The spec that a command writes."""
    path = folder / "spec.json"
    assert main(["vertex", *words, "--spec", str(path)]) == 0
    return json.loads(path.read_text())


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The status of a command that fails, and its one line."""
    capsys.readouterr()
    status = main(["vertex", *words])
    lines = capsys.readouterr().err.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert status
    assert len(errors) == 1, lines
    return status, errors[0]


def sent(capsys: pytest.CaptureFixture[str], vertex: Fake, *words: str) -> Any:
    """What a command says that sends a spec."""
    capsys.readouterr()
    status = main(["vertex", *words, "--submit", "--json", "--api-address", vertex.address])
    said = capsys.readouterr()
    assert status == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize("name", ALL)
def test_a_spec_is_of_the_librarys_types_and_sent_as_it_is_written(
    name: str, vertex: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, kind = ALL[name]
    spec = written(tmp_path, *words)
    wanted = kind.from_json(json.dumps(spec), ignore_unknown_fields=False)

    (made,) = sent(capsys, vertex, *words)["sent"]

    ((_, request),) = vertex.requests
    if name == "upload":
        wanted.parent = request.parent
        assert request == wanted
    else:
        got = vertex.made[made]
        for key_of in spec:
            snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in key_of)
            assert getattr(got, snake) == getattr(wanted, snake), key_of
    assert made.startswith("projects/my-project/locations/europe-west1/")


def test_a_training_is_the_trainers_command_on_equal_machines(tmp_path: Path) -> None:
    options = ("--workers", "3", "--batch-size", "1536", "--hidden-units", "64,32", "--spot")
    spec = written(tmp_path, *TRAIN, *options, "--accelerator", "NVIDIA_TESLA_T4")
    first, others = spec["jobSpec"]["workerPoolSpecs"]
    assert (first["replicaCount"], others["replicaCount"]) == ("1", "2")
    assert {**first, "replicaCount": 0} == {**others, "replicaCount": 0}
    container = first["containerSpec"]
    assert container["command"] == ["python", "-m", "forebay.trainer.task", "train"]
    assert container["args"] == [RUN, "--hidden-units", "64,32", "--batch-size", "1536"]
    assert spec["jobSpec"]["scheduling"] == {"restartJobOnWorkerRestart": True, "strategy": "SPOT"}
    assert first["machineSpec"]["acceleratorCount"] == 1


def test_a_search_is_what_the_sweep_searches(tmp_path: Path) -> None:
    searches = tmp_path / "sweep.toml"
    searches.write_text(
        'learning-rate = "1e-4..1e-2"\nhidden-units = ["64,32", [128, 64]]\n'
        'batch-size = [256, 512]\ndropout = "0..0.3"\nwarmup-steps = "10..400"\n'
    )
    more = ("--searches", str(searches), "--trials", "30", "--parallel", "5", "--best-by", "auc")
    spec = written(tmp_path, *TUNE, *more)
    assert (spec["maxTrialCount"], spec["parallelTrialCount"]) == (30, 5)
    assert spec["studySpec"] == {
        "measurementSelectionType": "BEST_MEASUREMENT",
        "metrics": [{"metricId": "auc", "goal": "MAXIMIZE"}],
        "parameters": [
            {"parameterId": "learning-rate", "scaleType": "UNIT_LOG_SCALE",
             "doubleValueSpec": {"minValue": 1e-4, "maxValue": 1e-2}},
            {"parameterId": "hidden-units",
             "categoricalValueSpec": {"values": ["64,32", "128,64"]}},
            {"parameterId": "batch-size", "categoricalValueSpec": {"values": ["256", "512"]}},
            {"parameterId": "dropout", "scaleType": "UNIT_LINEAR_SCALE",
             "doubleValueSpec": {"minValue": 0.0, "maxValue": 0.3}},
            {"parameterId": "warmup-steps", "scaleType": "UNIT_LOG_SCALE",
             "integerValueSpec": {"minValue": "10", "maxValue": "400"}},
        ],
    }  # fmt: skip
    assert written(tmp_path, *TUNE)["studySpec"]["metrics"][0]["goal"] == "MINIMIZE"


def test_an_endpoints_shares_are_whole_at_every_step(
    vertex: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = written(tmp_path, *ENDPOINT)["deployModel"]
    assert [step["trafficSplit"] for step in steps] == [
        {"0": 100}, {"1": 70, "0": 30}, {"1": 60, "2": 30, "0": 10},
    ]  # fmt: skip
    name, *ids = sent(capsys, vertex, *ENDPOINT)["sent"]
    assert ids == ["1", "2", "3"]
    assert {request.endpoint for _, request in vertex.requests[1:]} == {name}
    later = ("endpoint", "--endpoint", name, "--model", "44=20", "--keep", "3=80", *WHERE)
    (step,) = written(tmp_path, *later)["deployModel"]
    assert step["trafficSplit"] == {"3": 80, "0": 20}
    assert step["deployedModel"]["id"] == "4"
    assert sent(capsys, vertex, *later)["sent"] == ["4"]
    given_by_vertex = "4832190571639873536"
    (step,) = written(tmp_path, *later[: -len(WHERE) - 1], f"{given_by_vertex}=80", *WHERE)[
        "deployModel"
    ]
    assert step["trafficSplit"] == {given_by_vertex: 80, "0": 20}
    assert step["deployedModel"]["id"] == "1"


def test_an_endpoint_that_is_left_half_made_is_named(
    vertex: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("endpoint", "--model", "11=90", "--model", "404=10", *WHERE)
    status, line = refused(capsys, *words, "--submit", "--api-address", vertex.address)
    (name,) = vertex.made
    assert status == 2
    assert "The model is not found" in line
    assert f"; {name} is there and costs money where models are deployed: go on with" in line
    assert line.endswith(f"--endpoint {name.rpartition('/')[2]}, or delete it")


def test_a_pipelines_steps_follow_each_other(tmp_path: Path) -> None:
    spec = written(tmp_path, *PIPELINE)["pipelineSpec"]
    tasks = spec["root"]["dag"]["tasks"]
    assert [task.get("dependentTasks") for task in tasks.values()] == [
        None, ["1-preprocess"], ["2-train"],
    ]  # fmt: skip
    executors = spec["deploymentSpec"]["executors"]
    assert executors["exec-2-train"]["container"]["args"] == ["train", RUN, "--model", "linear"]
    named = {spec["components"][task["componentRef"]["name"]]["executorLabel"]
             for task in tasks.values()}  # fmt: skip
    assert named == set(executors)


def test_a_job_that_is_waited_for_tells_its_end(
    vertex: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sent(capsys, vertex, *TRAIN, "--wait")["state"] == "SUCCEEDED"
    ends = (*TRAIN, "--submit", "--wait", "--api-address", vertex.address, "--name")
    assert refused(capsys, *ends, "ended")[1].endswith("was cancelled by somebody; send it again")
    status, line = refused(capsys, *ends, "fails")
    assert (status, "ended as FAILED (The replica workerpool0-0 exited with 2.)" in line) == (
        1,
        True,
    )
    status, line = refused(capsys, *ends, "stockout")
    assert (status, "Google has no such machines free in europe-west1" in line) == (1, True)


def submitted(vertex: Fake, *changed: str) -> tuple[str, ...]:
    return (*TRAIN, "--submit", "--api-address", vertex.address, *changed)


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        (("--project", "no-project"), 2, "Google knows no such project, region or job"),
        (("--project", "no-rights"), 2, "Google refuses this account in no-rights"),
        (("--project", "over-quota"), 1, "a quota of over-quota in europe-west1 is used up"),
        (
            ("--region", "europe-west1-b"),
            2,
            "--region = 'europe-west1-b': a zone; write its region",
        ),
        (("--region", "asia-east1"), 2, "lies in EUROPE-WEST1, and the job runs in asia-east1"),
        (("--output", "gs://nowhere/a"), 2, "--output nowhere: no such bucket; make it by"),
        (
            ("--output", "gs://far-bucket/a"),
            2,
            "lies in US-EAST1, and the job runs in europe-west1",
        ),
        (("--api-address", "http://127.0.0.1:1"), 1, "Vertex AI can no longer be reached"),
        (
            ("--accelerator", "NVIDIA_NONE"),
            2,
            "knows no such value (Invalid enum value NVIDIA_NONE",
        ),
    ],
)
def test_what_goes_wrong_when_a_spec_is_sent_is_a_line(
    changed: tuple[str, ...], status: int, told: str,
    vertex: Fake, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    found, line = refused(capsys, *submitted(vertex, *changed))
    assert (found, told in line) == (status, True), line
    assert "; " in line
    assert "secret-token" not in line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("train", "gs://my-bucket/nowhere", *TRAIN[2:]),
            "RUN gs://my-bucket/nowhere: has no manifest.json; name the folder of a finished run",
        ),
        (
            ("upload", "gs://my-bucket/nowhere/model/", *WHERE),
            "MODEL gs://my-bucket/nowhere/model/: has no saved_model.pb; name the folder of one",
        ),
    ],
)
def test_what_would_be_read_there_has_to_be_there(
    words: tuple[str, ...], told: str, vertex: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = refused(capsys, *words, "--submit", "--api-address", vertex.address)
    assert (status, told in line) == (2, True), line
    assert vertex.requests == []


def test_credentials_that_are_refused_or_missing_are_told(
    vertex: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for path, status, told in (
        ("/nowhere/key.json", 2, "no credentials for Google Cloud were found; run `gcloud"),
        (key(tmp_path, f"{vertex.address}/expired"), 2, "Google refuses the credentials"),
        (key(tmp_path, "http://127.0.0.1:1/gone"), 1, "cannot be reached"),
    ):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
        found, line = refused(capsys, *submitted(vertex))
        assert (found, told in line) == (status, True), line
    assert vertex.requests == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("brief", "Google refuses the credentials, which may have expired (invalid_grant"),
        ("token", "Google no longer takes the credentials (401 GET Request had invalid"),
    ],
)
def test_credentials_that_expire_while_a_job_is_followed_are_told(
    path: str, told: str, vertex: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    credentials = key(tmp_path, f"{vertex.address}/{path}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", credentials)
    status, line = refused(capsys, *submitted(vertex, "--wait", "--name", "expires"))
    assert (status, told in line) == (2, True), line
    assert "; run `gcloud auth application-default login`" in line
    assert "secret-token" not in line
    assert list(vertex.made) == ["projects/my-project/locations/europe-west1/customJobs/1"]


@pytest.mark.parametrize("words", [words for words, _ in ALL.values()] + [ENDPOINT])
def test_a_spec_holds_nothing_of_the_session(
    words: tuple[str, ...], vertex: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "hunter2")
    credentials = str(tmp_path)
    text = json.dumps(written(tmp_path, *words))
    assert "hunter2" not in text
    assert credentials not in text
    assert "private_key" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "runs/flights", *TRAIN[2:]), "RUN = 'runs/flights': not on Cloud Storage"),
        ((*TRAIN, "--workers", "3", "--batch-size", "500"), "--batch-size = 500: cannot be shared"),
        ((*TRAIN, "--tensorboard", "projects/1/t"), "missing beside --tensorboard"),
        ((*TRAIN, "--wait"), "--wait: nothing is sent"),
        (TRAIN[:4], "--output = None: missing"),
        ((*TUNE, "--parallel", "99"), "--parallel = 99: not 1 to --trials; give 1 to 20"),
        ((*TUNE, "--best-by", "aucc"), "--best-by = 'aucc': no metric; give one of accuracy, auc"),
        ((*TUNE, "--search", "speed", "1..2"), "--search speed: no option to search"),
        ((*TUNE, "--searches", "none.toml"), "--searches none.toml cannot be read"),
        (
            (*TUNE, "--search", "model", "linear", "deep", "--search", "members", "2", "4"),
            "a trial of --model linear may not have --members, and Vizier draws each option by its",
        ),
        (
            (*TUNE, "--search", "model", "deep", "wide_deep", "--wide-optimizer", "ftrl"),
            "a trial of --model deep may not have --wide-optimizer",
        ),
        ((*TUNE, "--search", "batch-size", "9..99", "--eval-steps", "2"), "search no batch-size"),
        ((*TUNE, "--workers", "3"), "128, 256, 512, 1024 cannot be shared by 3 workers evenly"),
        (
            (*TUNE, "--workers", "2", "--search", "batch-size", "64", "99", "128"),
            "'batch-size': 99 cannot be shared by 2 workers evenly; search multiples",
        ),
        (
            (*TUNE, "--workers", "2", "--search", "batch-size", "64..128"),
            "any number of a range cannot be shared by 2 workers evenly",
        ),
        (("upload", "runs/x/model", *WHERE), "not on Cloud Storage"),
        ((*ENDPOINT, "--model", "44=10"), "the shares make 110 %"),
        ((*ENDPOINT[:3], *WHERE, "--keep", "1=40"), "a new endpoint has no models"),
        (
            ("endpoint", "--endpoint", "99", "--model", "5=10", "--keep", "1a=90", *WHERE),
            "--keep = '1a=90': not a deployed model's id",
        ),
        (("predict", "11", "--input", "rows.csv", *PREDICT[4:]), "no rows that Vertex AI reads"),
        (
            ("predict", "11", "--input", "gs://b/rows.tfrecord", *PREDICT[4:]),
            "name gs://... that ends in .jsonl, or bq://PROJECT.DATASET.TABLE",
        ),
        ((*PIPELINE, "--step", "trian gs://my-bucket/r"), "no command of a pipeline"),
        ((*PIPELINE, "--step", f"train {RUN} --max-step 9"), "no such option: --max-step"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = refused(capsys, *words)
    assert (status, told in line) == (2, True), line


@pytest.mark.parametrize("flag", ["--searches", "--config"])
def test_a_spec_does_not_replace_what_it_is_made_of(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "options.toml"
    path.write_text('learning-rate = "1e-4..1e-2"\n' if flag == "--searches" else "seed = 1\n")
    before = path.read_text()
    status, error = refused(capsys, *TUNE, flag, str(path), "--spec", str(path))
    assert status == 2
    assert f"--spec {str(path)!r} is one of the files that are read" in error
    assert path.read_text() == before


def test_the_function_gives_the_same_spec(tmp_path: Path) -> None:
    own = {"project": "my-project", "region": "europe-west1"}
    spec = fb.vertex("upload", model=UPLOAD[1], **own)
    assert spec == written(tmp_path, *UPLOAD)
    with pytest.raises(InputError, match="action='fly' is none; use one of train, tune"):
        fb.vertex("fly")
    with pytest.raises(TypeError, match="vertex has no option 'modle'; did you mean model"):
        fb.vertex("upload", modle="x")


@pytest.mark.parametrize("action", SPECS)
def test_an_actions_help_shows_examples(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["vertex", action, "--help"])
    assert f"forebay vertex {action}" in capsys.readouterr().out.split("examples:")[1]
