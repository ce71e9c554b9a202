"""Exported models on Vertex AI: uploaded, behind an endpoint, asked about many rows at once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from forebay.commands.vertex.spec import Json, Machines, Request, Spec, flag, given, needed_folder
from forebay.pipelines.google.account import Needed
from forebay.pipelines.google.checks import folder_problems, image_problems
from forebay.transforms.errors import Problem

# Vertex AI's own; it has no newer TensorFlow.
SERVING = "us-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
_MODEL = re.compile(r"(?:projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/models/)?([\w-]+(?:@[\w-]+)?)")
_ENDPOINT = re.compile(r"(?:projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/endpoints/)?([\w-]+)")
# Vertex AI gives ids of up to 19 digits, and takes such as have up to 10.
_DEPLOYED = re.compile(r"\d{1,19}")
_SHORT = 10
_ALL = 100


@dataclass(frozen=True, kw_only=True)
class Upload(Spec):
    """A model that Vertex AI's TensorFlow container serves.

    Attributes:
        model: the exported model on Cloud Storage: the folder with its saved_model.pb.
        serving_image: the container that serves it.
        version_of: the model that it is a new version of, its id; None: a model of its own.
    """

    action: ClassVar[str] = "upload"
    does: ClassVar[str] = "a model, served by Vertex AI's own TensorFlow container"
    examples: ClassVar[tuple[str, ...]] = (
        "gs://my-bucket/trainings/flights/model --project my-project --region europe-west1 \\\n"
        "--name flights --spec model.json",
    )

    model: str
    serving_image: str = flag("--serving-image", "IMAGE", SERVING)
    version_of: str | None = flag("--version-of", "MODEL")

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        if not self.model.startswith("gs://"):
            cure = f"copy it by `gcloud storage cp -r {self.model} gs://BUCKET/models/`"
            yield Problem("MODEL", self.model, "not on Cloud Storage, where Vertex AI reads", cure)
        else:
            yield from folder_problems("MODEL", self.model)
        yield from image_problems("--serving-image", self.serving_image)
        if self.version_of is not None:
            yield from _model_problems("--version-of", self.version_of)

    def places(self) -> Iterator[tuple[str, str]]:
        """Yields the folders on Cloud Storage that it reads and writes, under their flags."""
        yield "MODEL", self.model

    def needs(self) -> Iterator[Needed]:
        """Yields the files on Cloud Storage without which it would fail there."""
        cure = "name the folder of one model, such as RUN/model/TIMESTAMP, or OUTPUT/model"
        yield Needed("MODEL", self.model, "saved_model.pb", cure)

    def requests(self) -> list[Request]:
        """Returns what is sent."""
        folder = self.model.rstrip("/")
        # RUN/model/1767225600, or the folder of a training on Vertex AI.
        parts = [part for part in folder.split("/") if not part.isdigit() and part != "model"]
        body = {
            "model": {
                **self.about(parts[-1]),
                "artifactUri": folder,
                "containerSpec": {"imageUri": self.serving_image},
            },
            **given({"parentModel": self.version_of and _whole(self, "models", self.version_of)}),
        }
        return [Request(method="upload_model", kind="UploadModelRequest", body=body)]


@dataclass(frozen=True, kw_only=True)
class Endpoint(Machines):
    """An endpoint, and what share of the requests each of its models answers.

    Attributes:
        models: the models to deploy, each MODEL=PERCENT: its id, and its share of the requests.
        endpoint: an endpoint that is there, by its id; None: a new one.
        keep: what models that are deployed there already get, each DEPLOYED_ID=PERCENT.
        min_replicas: how many machines each model has at least.
        max_replicas: how many it has when there is much to do.
    """

    action: ClassVar[str] = "endpoint"
    does: ClassVar[str] = "an endpoint whose models share the requests"
    examples: ClassVar[tuple[str, ...]] = (
        "--model 1234=90 --model 5678=10 --project my-project --region europe-west1 \\\n"
        "--name flights --spec endpoint.json",
        "--endpoint 99 --model 5678@2=10 --keep 1=90 --project my-project \\\n"
        "--region europe-west1 --submit",
    )

    models: tuple[str, ...] = flag("--model", "MODEL=PERCENT", (), many=True)
    endpoint: str | None = flag("--endpoint", "ENDPOINT")
    keep: tuple[str, ...] = flag("--keep", "ID=PERCENT", (), many=True)
    min_replicas: int = flag("--min-replicas", "N", 1, int)
    max_replicas: int = flag("--max-replicas", "N", 1, int)

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        if not self.models:
            yield Problem("--model", None, "missing", "write MODEL=PERCENT, such as 1234=100")
        for one in self.models:
            yield from _share_problems("--model", one)
            yield from _model_problems("--model", one.partition("=")[0])
        for one in self.keep:
            yield from _share_problems("--keep", one)
            if not _DEPLOYED.fullmatch(one.partition("=")[0]):
                cure = "write the id that `gcloud ai endpoints describe` tells, such as 1=90"
                yield Problem("--keep", one, "not a deployed model's id", cure)
        if self.keep and self.endpoint is None:
            cure = "name it by --endpoint, too"
            yield Problem("--keep", self.keep, "a new endpoint has no models", cure)
        if self.endpoint is not None and not _ENDPOINT.fullmatch(self.endpoint):
            yield Problem("--endpoint", self.endpoint, "not an endpoint's id", "write such as 1234")
        if not 1 <= self.min_replicas <= self.max_replicas:
            cause = f"not from 1 to --max-replicas {self.max_replicas}"
            yield Problem("--min-replicas", self.min_replicas, cause, "give fewer, or raise that")
        shares = [_share(one) for one in (*self.models, *self.keep)]
        if self.models and None not in shares and sum(map(int, filter(None, shares))) != _ALL:
            cause = f"the shares make {sum(map(int, filter(None, shares)))} %"
            yield Problem("--model", (*self.models, *self.keep), cause, "make them 100 % together")

    def requests(self) -> list[Request]:
        """Returns what is sent; deployments get a new endpoint's name when it is there."""
        made = self.about("endpoint")
        deployments = [
            Request(method="deploy_model", kind="DeployModelRequest", body=body)
            for body in self.deployments()
        ]
        if self.endpoint is not None:
            return deployments
        return [Request(method="create_endpoint", kind="Endpoint", body=made), *deployments]

    def file(self) -> Any:
        """Returns what stands in the file: the endpoint, and one deployment after the other."""
        bodies = [request.body for request in self.requests()]
        if self.endpoint is not None:
            return {"deployModel": bodies}
        return {"endpoint": bodies[0], "deployModel": bodies[1:]}

    def deployments(self) -> Iterator[Json]:
        """Yields a request for each model; after each of them the shares make 100 %."""
        ids = [str(self._first_id() + place) for place in range(len(self.models))]
        wanted = {one.partition("=")[0]: int(_share(one) or 0) for one in self.keep}
        wanted |= dict(zip(ids, (int(_share(one) or 0) for one in self.models), strict=True))
        machines = {
            "machineSpec": self.machine, "minReplicaCount": self.min_replicas,
            "maxReplicaCount": self.max_replicas,
        }  # fmt: skip
        for place, model in enumerate(self.models):
            yield {
                **given({"endpoint": self.endpoint and _whole(self, "endpoints", self.endpoint)}),
                "deployedModel": {
                    "id": ids[place],
                    "model": _whole(self, "models", model.partition("=")[0]),
                    "dedicatedResources": machines,
                    **given({"serviceAccount": self.service_account}),
                },
                # "0" is what the request itself deploys.
                "trafficSplit": _renamed(_so_far(wanted, ids[place + 1 :]), ids[place], "0"),
            }

    def _first_id(self) -> int:
        names = (one.partition("=")[0] for one in self.keep)
        return max((int(name) for name in names if len(name) < _SHORT), default=0) + 1


@dataclass(frozen=True, kw_only=True)
class Batch(Machines):
    """Many rows at once, answered by an uploaded model; they come with their windowed columns.

    Attributes:
        model: the uploaded model's id.
        inputs: JSON lines of the model's columns on Cloud Storage, or a table,
            bq://PROJECT.DATASET.TABLE.
        output: the folder on Cloud Storage for the answers, or bq://PROJECT.DATASET.
        replicas: the machines that answer.
    """

    action: ClassVar[str] = "predict"
    does: ClassVar[str] = "a batch prediction; `forebay predict` is what makes windows"
    examples: ClassVar[tuple[str, ...]] = (
        "1234 --input 'gs://my-bucket/rows/*.jsonl' --output gs://my-bucket/answers/november \\\n"
        "--project my-project --region europe-west1 --submit --wait",
    )

    model: str
    inputs: tuple[str, ...] = flag("--input", "PLACE", (), many=True)
    output: str | None = flag("--output", "PLACE")
    replicas: int = flag("--replicas", "N", 1, int)

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        yield from _model_problems("MODEL", self.model)
        if not self.inputs:
            yield Problem("--input", None, "missing", "name JSON lines such as gs://B/rows.jsonl")
        kinds = {_format(one) for one in self.inputs}
        for one in self.inputs:
            if _format(one) is None:
                cure = "name gs://... that ends in .jsonl, or bq://PROJECT.DATASET.TABLE"
                yield Problem("--input", one, "no rows that Vertex AI reads", cure)
        if len(kinds) > 1 or (kinds == {"bigquery"} and len(self.inputs) > 1):
            yield Problem("--input", self.inputs, "of several kinds", "make a job for each")
        if not (self.output or "").startswith("bq://"):
            yield from needed_folder("--output", self.output)
        if self.replicas < 1:
            yield Problem("--replicas", self.replicas, "less than one", "give 1 or more")

    def places(self) -> Iterator[tuple[str, str]]:
        """Yields the folders on Cloud Storage that it reads and writes, under their flags."""
        named = [("--input", one) for one in self.inputs] + [("--output", str(self.output))]
        yield from ((flag, place) for flag, place in named if place.startswith("gs://"))

    def requests(self) -> list[Request]:
        """Returns what is sent."""
        body = {
            **self.about(f"answers-of-{self.model.rpartition('/')[2]}"),
            "model": _whole(self, "models", self.model),
            "inputConfig": _read(self.inputs),
            "outputConfig": _written(str(self.output)),
            "dedicatedResources": {
                "machineSpec": self.machine, "startingReplicaCount": self.replicas,
                "maxReplicaCount": self.replicas,
            },
            **given({"serviceAccount": self.service_account}),
        }  # fmt: skip
        if self.inputs[0].startswith("bq://"):
            # A row is an object of its columns, as the model's signature has them.
            body["instanceConfig"] = {"instanceType": "object"}
        method, kind = "create_batch_prediction_job", "BatchPredictionJob"
        return [Request(method=method, kind=kind, body=body)]


def _read(inputs: Sequence[str]) -> Json:
    if inputs[0].startswith("bq://"):
        return {"instancesFormat": "bigquery", "bigquerySource": {"inputUri": inputs[0]}}
    return {"instancesFormat": _format(inputs[0]), "gcsSource": {"uris": [*inputs]}}


def _written(output: str) -> Json:
    if output.startswith("bq://"):
        return {"predictionsFormat": "bigquery", "bigqueryDestination": {"outputUri": output}}
    return {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": output}}


def _format(place: str) -> str | None:
    if place.startswith("bq://"):
        return "bigquery"
    return "jsonl" if place.startswith("gs://") and place.endswith(".jsonl") else None


def _model_problems(named: str, model: str) -> Iterator[Problem]:
    if not _MODEL.fullmatch(model):
        cure = "write the id that `gcloud ai models list` tells, such as 1234 or 1234@2"
        yield Problem(named, model, "not a model's id", cure)


def _share_problems(named: str, text: str) -> Iterator[Problem]:
    share = _share(text)
    if share is None or not 0 <= share <= _ALL:
        cure = "write such as 1234=90"
        yield Problem(named, text, "no share of the requests, in percent", cure)


def _share(text: str) -> int | None:
    percent = text.rpartition("=")[2]
    return int(percent) if "=" in text and percent.isdigit() else None


def _whole(spec: Spec, collection: str, name: str) -> str:
    """Returns the whole name of what has an id."""
    if "/" in name:
        return name
    return posixpath.join(
        "projects", str(spec.project), "locations", str(spec.region), collection, name
    )


def _so_far(wanted: dict[str, int], later: Sequence[str]) -> dict[str, int]:
    """Returns the shares while some models are not there yet: the greatest has theirs as well."""
    here = {name: share for name, share in wanted.items() if name not in later}
    greatest = max(here, key=lambda name: here[name])
    return here | {greatest: here[greatest] + _ALL - sum(here.values())}


def _renamed(shares: dict[str, int], name: str, to: str) -> dict[str, int]:
    return {to if one == name else one: share for one, share in shares.items()}
