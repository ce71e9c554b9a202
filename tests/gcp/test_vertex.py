"""Specs for Vertex AI beside what Google publishes, and by Google's own command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from forebay.commands.vertex.options import SPECS
from forebay.commands.vertex.spec import Spec
from forebay.trainer.options import TrainOptions

pytestmark = pytest.mark.gcp

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-gcp" / "bin" / "python"
OWN = {"project": "my-project", "region": "europe-west1", "labels": "team=ml"}
IMAGE = {"image": "europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"}
RUN = "gs://my-bucket/runs/flights"
OUTPUT = {"output": "gs://my-bucket/outputs"}
TRAINING = {
    "run": RUN, **IMAGE, **OUTPUT, "workers": 3, "spot": True, "accelerator": "NVIDIA_TESLA_T4",
    "service_account": "me@my-project.iam.gserviceaccount.com", "tensorboard": "projects/1/t/2",
}  # fmt: skip


def specs() -> list[Spec]:
    return [
        SPECS["train"](**OWN, **TRAINING, train=TrainOptions(batch_size=1536)),
        SPECS["tune"](**OWN, **TRAINING, parallel=4),
        SPECS["upload"](**OWN, model="gs://my-bucket/m/model", version_of="12"),
        SPECS["endpoint"](**OWN, models=("11=90", "22=10")),
        SPECS["predict"](**OWN, model="11", inputs=("bq://p.d.t",), output="bq://p.d"),
        SPECS["pipeline"](**OWN, **IMAGE, **OUTPUT, steps=(f"train {RUN}", f"evaluate {RUN}")),
    ]


def test_specs_are_what_the_published_description_takes(tmp_path: Path) -> None:
    bodies = [
        (request.kind, {"endpoint": "projects/p/locations/r/endpoints/1", **request.body}
         if request.kind == "DeployModelRequest" else request.body)
        for spec in specs() for request in spec.requests()
    ]  # fmt: skip
    # An endpoint's deployments name it in their address, and not in their body.
    for kind, body in bodies:
        if kind == "DeployModelRequest":
            del body["endpoint"]
    path = tmp_path / "bodies.json"
    path.write_text(json.dumps(bodies))
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [PYTHON, f"{here}/check_vertex.py", str(path)], capture_output=True, text=True, cwd=here
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("checked") == len(bodies) == 8
    assert "tasks 2" in done.stdout


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="there is no gcloud here")
def test_gclouds_commands_of_the_page_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "support"))
    from doc_pages import Page
    from fake_vertex import fake_vertex

    page = Page("how-to/vertex-ai.md")
    for name, spec in (("train", specs()[0]), ("tune", specs()[1])):
        (tmp_path / f"{name}.json").write_text(json.dumps(spec.file()))
    (tmp_path / "request.json").write_text(json.dumps({"instances": [{"origin": "JFK"}]}))
    (tmp_path / "token").write_text("token")
    wanted = ("jq", "gcloud")
    lines = [
        line for block in page.blocks if block.language == "sh"
        for line in block.text.splitlines() if line.startswith(wanted)
    ]  # fmt: skip
    with fake_vertex() as fake:
        environment = {
            **os.environ, "CLOUDSDK_CONFIG": str(tmp_path / "config"),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM": f"{fake.address}/",
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(tmp_path / "token"),
            "CLOUDSDK_CORE_PROJECT": "my-project", "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_PYTHON_SITEPACKAGES": "",
        }  # fmt: skip
        ours = [
            line for line in lines if "stream-logs" not in line and "endpoints predict" not in line
        ]
        for line in ours:
            # What is deployed was made by the lines before.
            made = [name.rpartition("/")[2] for name in fake.made]
            if "deploy-model" in line:
                line = line.replace("deploy-model 2", f"deploy-model {made[-1]}")
                line = line.replace("--model=1", f"--model={made[-2]}")
            done = subprocess.run(
                ["bash", "-ec", line], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, (line, done.stderr[-2000:])
        called = [name for name, _ in fake.requests]
    assert [name for name in called if not name.startswith("Get")] == [
        "CreateCustomJob", "CreateHyperparameterTuningJob", "UploadModel", "CreateEndpoint",
        "DeployModel",
    ]  # fmt: skip
    sent = dict(fake.requests)
    job = sent["CreateCustomJob"].custom_job.job_spec
    assert [pool.replica_count for pool in job.worker_pool_specs] == [1, 2]
    assert list(job.worker_pool_specs[0].container_spec.args) == [RUN, "--batch-size", "1536"]
    tuning = sent["CreateHyperparameterTuningJob"].hyperparameter_tuning_job
    assert (tuning.max_trial_count, len(tuning.study_spec.parameters)) == (40, 5)
