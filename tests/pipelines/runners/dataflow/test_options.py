"""The options of Dataflow: what is refused, by name, and what Beam is told."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    WorkerOptions,
)
from made_runs import make_dataset

from forebay.cli import main
from forebay.pipelines.runners.dataflow.engine import Dataflow, job_name
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.engines import chosen_engine
from forebay.pipelines.runners.local import Local
from forebay.transforms.errors import InputError

IMAGE = "europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"
GOOD = Dataflow(
    project="my-project", region="europe-west1", bucket="my-bucket", container_image=IMAGE
)
WORK = Work("made.py", make_dataset("regression"), "gs://my-bucket/runs/made")
ACCOUNT = "workers@my-project.iam.gserviceaccount.com"
WRONG = {
    "--project .* missing": {"project": None},
    "--project .* a number, not an id": {"project": "123456789012"},
    "--project .* not a project's id": {"project": "My Project"},
    "--region .* missing": {"region": None},
    "--region .* a zone; write its region, europe-west1": {"region": "europe-west1-b"},
    "--region .* not a region": {"region": "Belgium"},
    "--region .* not a region; did you mean europe-west1": {"region": "europ-west1"},
    "--bucket .* missing": {"bucket": None},
    "--bucket .* not a bucket's name": {"bucket": "My_Bucket"},
    "--temp-location .* no folder of a bucket": {"temp_location": "/tmp/here"},
    "--staging-location .* no folder of a bucket": {"staging_location": "gs://my-bucket"},
    "--service-account .* not a service account": {"service_account": "me@example.com"},
    "--network .* not a network's name": {"network": "Default Network"},
    "--subnetwork .* not a subnetwork": {"subnetwork": "private"},
    "--subnetwork .* of us-east1, and the job runs in europe-west1": {
        "subnetwork": "regions/us-east1/subnetworks/private"
    },
    "--worker-machine-type .* not a machine type": {"worker_machine_type": "4 cores"},
    "--worker-machine-type .* too little memory": {"worker_machine_type": "e2-small"},
    "--num-workers .* more than --max-workers": {"num_workers": 9, "max_workers": 3},
    "--num-workers = -3: no number of workers": {"num_workers": -3},
    "--max-workers = 0: no number of workers": {"max_workers": 0},
    "--labels .* 'Team' is no label's key": {"labels": "Team=ml"},
    "--labels .* 'M L' is no label's value": {"labels": "team=M L"},
    "--labels = 65: too many": {"labels": ",".join(f"k{i}=v" for i in range(65))},
    "--container-image .* workers would have no Forebay": {"container_image": None},
    "--container-image .* not an image in a registry": {"container_image": "forebay"},
    "--setup-file .* leave one of them out": {"setup_file": "pyproject.toml"},
    "--setup-file .* no such setup file": {"container_image": None, "setup_file": "none.toml"},
    "--job-name .* not a job's name": {"job_name": "My_Job"},
}


@pytest.mark.parametrize("told", list(WRONG))
def test_a_wrong_option_is_told_by_its_name(told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        replace(GOOD, **WRONG[told]).check_options()
    assert "\n" not in str(error.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        Dataflow().check_options()
    for flag in ("--project", "--region", "--bucket", "--container-image"):
        assert f"{flag} = None: missing" in str(error.value)


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"project": "example.com:my-project"},
        {"bucket": "gs://my-bucket/", "staging_location": "gs://other/staging"},
        {"bucket": None, "temp_location": "gs://my-bucket/temp"},
        {"service_account": ACCOUNT, "network": "default"},
        {"service_account": "123-compute@developer.gserviceaccount.com"},
        {
            "subnetwork": "https://www.googleapis.com/compute/v1/projects/host/regions/"
            "europe-west1/subnetworks/private"
        },
        {"worker_machine_type": "n2-highmem-8", "num_workers": 2, "max_workers": 20},
        {"labels": "team=ml,env=,cost_centre=a-1"},
        {"container_image": "gcr.io/p/i@sha256:" + "0" * 64},
    ],
)
def test_what_is_right_is_taken(right: dict[str, object]) -> None:
    replace(GOOD, **right).check_options()


def test_the_lighter_way_is_a_setup_file_that_is_there(tmp_path: Path) -> None:
    setup = tmp_path / "pyproject.toml"
    setup.write_text("[project]\n")
    replace(GOOD, container_image=None, setup_file=str(setup)).check_options()


def test_without_googles_clients_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.dataflow", None)
    with pytest.raises(InputError, match=r"pip install 'forebay\[gcp\]'"):
        GOOD.check_options()


def test_what_lies_on_this_machine_is_refused_with_how_to_copy_it() -> None:
    work = replace(WORK, folder="/runs/made", paths=["rows.csv", "gs://my-bucket/more.csv"])
    with pytest.raises(InputError) as error:
        GOOD.check(work)
    assert "--output = '/runs/made': on this machine" in str(error.value)
    assert "`gcloud storage cp --recursive rows.csv gs://BUCKET/`" in str(error.value)
    assert "more.csv" not in str(error.value)
    GOOD.check(replace(WORK, paths=["gs://b/rows.csv", "bigquery://p.d.t", "bigquery-query:q.sql"]))


def test_beam_is_told_what_the_options_say() -> None:
    on = replace(
        GOOD, service_account=ACCOUNT, subnetwork="regions/europe-west1/subnetworks/private",
        worker_machine_type="n2-standard-4", num_workers=2, max_workers=20,
        labels="team=ml,env=prod",
    )  # fmt: skip
    with on.open(WORK) as arguments:
        options = PipelineOptions(list(arguments))
    google, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    assert (google.project, google.region) == ("my-project", "europe-west1")
    assert google.temp_location == "gs://my-bucket/forebay/temp"
    assert google.staging_location == "gs://my-bucket/forebay/staging"
    assert google.service_account_email == ACCOUNT
    assert google.labels == ["team=ml", "env=prod"]
    assert google.job_name == "forebay-" + WORK.dataset.name
    assert worker.subnetwork == "regions/europe-west1/subnetworks/private"
    assert (worker.machine_type, worker.num_workers, worker.max_num_workers) == (
        "n2-standard-4", 2, 20,
    )  # fmt: skip
    assert worker.sdk_container_image == IMAGE
    assert options.view_as(SetupOptions).save_main_session is False


def test_beams_own_words_are_the_same_engine() -> None:
    on = replace(GOOD, bucket=None, temp_location="gs://b/temp", labels="team=ml", max_workers=7)
    with on.open(WORK) as arguments:
        found, others = chosen_engine("local", [*arguments, "--experiments=one"])
    assert found == replace(
        on, staging_location="gs://b/temp", job_name=job_name(WORK.dataset.name)
    )
    assert others == ["--no_save_main_session", "--experiments=one"]


def test_another_runner_is_left_to_beam() -> None:
    arguments = ("--runner=DirectRunner", "--project=p")
    assert chosen_engine("local", arguments) == (Local(), arguments)


def test_beams_dataflow_runner_alone_is_told_what_it_lacks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["preprocess", "none.py", "--input", "rows.csv", "--output", "run"]
    assert main([*command, "--", "--runner=DataflowRunner"]) == 2
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "error" in one]
    assert "options of --on dataflow: --project = None: missing" in line


@pytest.mark.parametrize(
    ("name", "job"),
    [("flights", "forebay-flights"), ("My data/2", "forebay-my-data-2"), ("x" * 99, None)],
)
def test_a_job_is_named_for_its_definition(name: str, job: str | None) -> None:
    made = job_name(name)
    assert made == (job or made)
    replace(GOOD, job_name=made).check_options()


def test_a_run_is_no_template(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["preprocess", "none.py", "--input", "none.csv", "--output", "gs://my-bucket/run"]
    beam = ("--runner=DataflowRunner", "--template_location=gs://my-bucket/job")
    assert main([*words, "--", *beam]) == 2
    assert "--template_location asks for one job, and a run is two" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (["--labels=team=ml", "--label=env=prod"], "team=ml,env=prod"),
        (["--labels={'goog-template': 'flex', 'team': 'ml'}"], "goog-template=flex,team=ml"),
    ],
)
def test_labels_are_read_as_beam_reads_them(given: list[str], labels: str) -> None:
    engine, _ = chosen_engine("local", ["--runner=DataflowRunner", *given])
    assert isinstance(engine, Dataflow)
    assert engine.labels == labels


@pytest.mark.parametrize(
    "runner",
    [
        "DataflowRunner", "dataflow", "dataflowrunner", "DATAFLOW",
        "apache_beam.runners.DataflowRunner",
        "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner",
    ],
)  # fmt: skip
def test_dataflow_is_asked_for_by_any_of_beams_names(runner: str) -> None:
    engine, others = chosen_engine("local", [f"--runner={runner}", "--region=europe-west1"])
    assert isinstance(engine, Dataflow)
    assert engine.region == "europe-west1"
    assert not others


def test_labels_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(InputError, match=r"--labels '\{team' is no mapping; write KEY=VALUE"):
        chosen_engine("local", ["--runner=DataflowRunner", "--labels={team"])
