"""Holds specs for Vertex AI against its published description, and a pipeline against Kubeflow's.

Run by the environment of tests/gcp/requirements.txt: python check_vertex.py FILE, whose JSON is
the kind of each body, and the bodies.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache as cache
from fake_dataflow import Api
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

PREFIX = "GoogleCloudAiplatformV1"


def check_required(api: Api, value: Any, schema: dict[str, Any], where: str) -> None:
    """Refuses what lacks a field that the description calls required."""
    if "$ref" in schema:
        schema = api.schemas[schema["$ref"]]
    for one in value if isinstance(value, list) else ():
        check_required(api, one, schema.get("items", {}), f"{where}[]")
    for name, part in schema.get("properties", {}).items() if isinstance(value, dict) else ():
        if name in value:
            check_required(api, value[name], part, f"{where}.{name}")
        elif part.get("description", "").startswith("Required."):
            raise SystemExit(f"{where} has no {name}")


def main(path: str) -> None:
    document = Path(cache.__file__).with_name("documents") / "aiplatform.v1.json"
    api = Api(json.loads(document.read_text("utf-8")))
    for kind, body in json.loads(Path(path).read_text()):
        schema = {"$ref": PREFIX + kind}
        api.check(body, schema, kind)
        check_required(api, body, schema, kind)
        if kind == "PipelineJob":
            spec = pipeline_spec_pb2.PipelineSpec()
            json_format.ParseDict(body["pipelineSpec"], spec, ignore_unknown_fields=False)
            print("tasks", len(spec.root.dag.tasks), flush=True)
        print("checked", kind, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
