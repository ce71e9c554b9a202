"""The Job of Kubernetes tells each of its workers who it is, in words that the trainer takes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from forebay.trainer.workers.shares import Worker
from forebay.trainer.workers.team import worker_of

MANIFEST = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes" / "train.yaml"


@pytest.fixture(scope="module")
def service_and_job() -> tuple[dict[str, Any], dict[str, Any]]:
    service, job = yaml.safe_load_all(MANIFEST.read_text("utf-8"))
    return service, job


def started(container: dict[str, Any], index: int, folder: Path) -> list[str]:
    """Starts a worker's command as the Job does; returns TF_CONFIG and what `forebay` is given."""
    program = folder / "forebay"
    program.write_text('#!/bin/sh\necho "$TF_CONFIG"\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    given = {one["name"]: one["value"] for one in container["env"]}
    environment = {
        **given, "JOB_COMPLETION_INDEX": str(index), "PATH": f"{folder}:{os.environ['PATH']}"
    }  # fmt: skip
    done = subprocess.run(
        [*container["command"], *container["args"]], env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_each_worker_is_told_who_it_is(
    service_and_job: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    service, job = service_and_job
    spec = job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    for index in range(2):
        config, *words = started(container, index, tmp_path)
        assert worker_of(config) == Worker(index, 2)
        assert words == ["train", "gs://my-bucket/runs/flights", "--batch-size", "2048"]
    # A pod of an indexed Job is called JOB-INDEX, and found under its subdomain's service.
    name, subdomain = job["metadata"]["name"], pod["subdomain"]
    port = service["spec"]["ports"][0]["port"]
    hosts = [f"{name}-{index}.{subdomain}:{port}" for index in range(2)]
    assert json.loads(config)["cluster"] == {"worker": hosts}
    assert service["metadata"]["name"] == subdomain
    assert service["spec"]["selector"] == {"job-name": name}
    assert container["ports"] == [{"containerPort": port}]
