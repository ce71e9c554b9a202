"""The Flex Template: its specification by Google's own types, and what its parameters may be."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.cloud.dataflow_v1beta3 import ContainerSpec
from google.protobuf.json_format import ParseError

from forebay.commands.predict import template
from forebay.commands.predict.options import predict_folder_options
from forebay.commands.predict.template import PARAMETERS
from forebay.pipelines.predictions.options import PredictFolderOptions
from forebay.pipelines.runners.local import Local

SPEC = Path(__file__).parents[4] / "deploy" / "predict-template.json"
GOOD = {
    "model": ["gs://my-bucket/runs/flights/model", "gs://my-bucket/model/1767225600"],
    "input": ["gs://b-1/new/*.csv", "gs://bb1/a.csv,gs://bb1/b.csv", "bigquery://p.d.t"],
    "history": ["gs://my-bucket/flights/*.csv"],
    "source": ["weather=gs://my-bucket/w.csv", "a=gs://bb1/a.csv,b=bigquery://p.d.t"],
    "output": ["gs://my-bucket/answers/", "gs://my-bucket/answers/2026-11-30/"],
    "definition": ["flights:departure", "my.flights"],
    "batch_size": ["1", "1024"],
    "max_reject_fraction": ["0", "1", "0.05", ".5"],
    "window_memory_mb": ["512"],
}
BAD = {
    "model": ["runs/flights/model", "gs://my-bucket", "gs://B/model"],
    "input": ["new.csv", "", "gs://bb1/a.csv,", "gs://bb1/a b.csv"],
    "history": ["flights.csv"],
    "source": ["gs://my-bucket/w.csv", "weather=w.csv"],
    "output": ["gs://my-bucket/answers", "gs://my-bucket/", "answers/"],
    "definition": ["flights.py:departure/x", "gs://bucket/flights.py"],
    "batch_size": ["0", "-1", "1.5"],
    "max_reject_fraction": ["2", "-0.1", "5%"],
    "window_memory_mb": ["512MB"],
}


def parameters() -> dict[str, Any]:
    listed = json.loads(SPEC.read_text("utf-8"))["metadata"]["parameters"]
    return {one["name"]: one for one in listed}


def test_the_specification_is_of_googles_type() -> None:
    spec: Any = ContainerSpec.from_json(SPEC.read_text("utf-8"), ignore_unknown_fields=False)
    assert spec.sdk_info.language.name == "PYTHON"
    assert spec.image == spec.default_environment.sdk_container_image
    assert [one.name for one in spec.metadata.parameters] == list(PARAMETERS)
    wrong = SPEC.read_text("utf-8").replace('"helpText"', '"help"', 1)
    with pytest.raises(ParseError, match='no field named "help"'):
        ContainerSpec.from_json(wrong, ignore_unknown_fields=False)


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_a_parameter_takes_what_it_should_and_nothing_else(name: str) -> None:
    told = parameters()[name]
    (pattern,) = told["regexes"]
    examples = re.findall(r"Example: (\S+)", told["helpText"])
    assert all(re.search(pattern, text) for text in (*GOOD[name], *examples))
    assert not any(re.search(pattern, text) for text in BAD[name])


def test_what_has_a_default_is_optional() -> None:
    required = [name for name, told in parameters().items() if not told.get("isOptional")]
    assert required == ["model", "input", "output"]


def test_flags_become_those_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[argparse.Namespace] = []

    def take(called: str, command: Any, args: argparse.Namespace) -> int:
        given.append(args)
        return 0

    monkeypatch.setattr(template, "run_parsed", take)
    flags = [
        "--model=gs://bb1/m", "--input=gs://bb1/a.csv,gs://bb1/b.csv", "--history=",
        "--source=w=gs://bb1/w.csv", "--output=gs://bb1/o/", "--batch_size=7",
        "--runner=DataflowRunner", "--template_location=gs://bb1/job_object",
    ]  # fmt: skip
    assert template.main(flags) == 0
    (args,) = given
    assert predict_folder_options(args) == PredictFolderOptions(
        "gs://bb1/m", ("gs://bb1/a.csv", "gs://bb1/b.csv"), output="gs://bb1/o/", batch_size=7,
        sources={"w": ["gs://bb1/w.csv"]}, on=Local(),
        beam=("--runner=DataflowRunner", "--template_location=gs://bb1/job_object"),
    )  # fmt: skip
