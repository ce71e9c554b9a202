"""A stand-in for Vertex AI: routes and types are those of Google's own client library.

Beside the API it answers what is asked on the way: tokens, buckets, and lines of Cloud Logging.
"""

from __future__ import annotations

import importlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import aiplatform_v1
from google.protobuf import json_format

SERVICES = ("job", "pipeline", "model", "endpoint")
BUCKETS = {"my-bucket": ("EUROPE-WEST1", "region"), "far-bucket": ("US-EAST1", "region")}
# The states of a job, one further each time that it is looked at.
LIFE = ("PENDING", "RUNNING", "SUCCEEDED")


@dataclass
class Refused(Exception):
    code: int
    status: str
    message: str


@dataclass
class Route:
    """A method of the API."""

    name: str
    verb: str
    pattern: re.Pattern[str]
    names: list[str]
    body: str | None

    @property
    def request(self) -> Any:
        return getattr(aiplatform_v1, f"{self.name}Request")


def routes() -> Iterator[Route]:
    for service in SERVICES:
        module = importlib.import_module(
            f"google.cloud.aiplatform_v1.services.{service}_service.transports.rest_base"
        )
        base = next(
            v for k, v in vars(module).items() if k.endswith("RestTransport") and k[0] == "_"
        )
        for name, method in vars(base).items():
            if not name.startswith("_Base") or not hasattr(method, "_get_http_options"):
                continue
            for option in method._get_http_options():
                names = re.findall(r"{([\w.]+)=", option["uri"])
                pattern = re.sub(
                    r"{[\w.]+=([^}]*)}",
                    lambda found: f"({found[1].replace('*', '[^/]+')})", option["uri"],
                )  # fmt: skip
                yield Route(
                    name.removeprefix("_Base"), option["method"].upper(), re.compile(pattern),
                    names, option.get("body"),
                )  # fmt: skip


@dataclass
class Fake:
    """The service: what was asked, and its jobs, models and endpoints."""

    requests: list[tuple[str, Any]] = field(default_factory=list)
    # Whether credentials have expired: the path /brief gives no more tokens, and none is taken.
    has_expired: bool = False
    made: dict[str, Any] = field(default_factory=dict)
    # What a job has written.
    lines: list[str] = field(default_factory=lambda: ["step 10"])
    routes: list[Route] = field(default_factory=lambda: list(routes()))
    address: str = ""

    def answer(self, verb: str, path: str, body: bytes) -> Any:
        if path == "/expired" or (path == "/brief" and self.has_expired):
            raise Refused(400, "", "invalid_grant")
        if path in ("/token", "/brief"):
            return {"access_token": "secret-token", "expires_in": 3600, "token_type": "Bearer"}
        if self.has_expired:
            words = "Request had invalid authentication credentials."
            raise Refused(401, "UNAUTHENTICATED", words)
        if path.startswith("/storage/v1/b/"):
            bucket, _, name = path.removeprefix("/storage/v1/b/").partition("/o/")
            return self._bucket(bucket) if not name else self._object(name)
        if path == "/v2/entries:list":
            return self._lines(json.loads(body))
        for route in self.routes:
            found = route.pattern.fullmatch(path)
            if found and route.verb == verb:
                return self._call(route, dict(zip(route.names, found.groups(), strict=True)), body)
        raise Refused(404, "NOT_FOUND", f"{verb} {path} is not in the API")

    def _bucket(self, name: str) -> Any:
        if name not in BUCKETS:
            raise Refused(404, "NOT_FOUND", "The specified bucket does not exist.")
        location, kind = BUCKETS[name]
        return {"name": name, "location": location, "locationType": kind}

    def _object(self, name: str) -> Any:
        if "nowhere" in name:
            raise Refused(404, "NOT_FOUND", "No such object")
        return {"name": name}

    def _lines(self, asked: Any) -> Any:
        assert "resource.labels.job_id=" in asked["filter"]
        assert asked["orderBy"] == "timestamp desc"
        when, page = "2026-11-30T00:00:00Z", min(asked["pageSize"], 400)
        begin = int(asked.get("pageToken", 0))
        told = [
            {"timestamp": when, "severity": "INFO", "textPayload": line}
            for line in self.lines[::-1][begin : begin + page]
        ]
        is_last = begin + page >= len(self.lines)
        return {"entries": told} if is_last else {"entries": told, "nextPageToken": begin + page}

    def _call(self, route: Route, names: dict[str, str], body: bytes) -> Any:
        request = route.request()
        pb = type(request).pb(request)
        for name, value in names.items():
            setattr(pb, name, value)
        if body:
            into = pb if route.body == "*" else getattr(pb, str(route.body))
            json_format.Parse(body, into, ignore_unknown_fields=False)
        self.requests.append((route.name, request))
        project = next(iter(names.values())).split("/")[1]
        self._refuse(project)
        return json_format.MessageToDict(self._made(route.name, request))

    def _refuse(self, project: str) -> None:
        if project == "no-project":
            raise Refused(404, "NOT_FOUND", f"The project {project} was not found")
        if project == "no-rights":
            raise Refused(
                403, "PERMISSION_DENIED", "Permission 'aiplatform.customJobs.create' denied"
            )
        if project == "over-quota":
            message = "Quota exceeded for custom_model_training_cpus in europe-west1."
            raise Refused(429, "RESOURCE_EXHAUSTED", message)

    def _made(self, method: str, request: Any) -> Any:
        if method.startswith("Create"):
            noun = re.sub(r"(?<!^)(?=[A-Z])", "_", method.removeprefix("Create")).lower()
            made = getattr(request, noun)
            collection = (
                f"{noun.split('_')[0]}{method.removeprefix('Create')[len(noun.split('_')[0]) :]}s"
            )
            made.name = f"{request.parent}/{collection}/{len(self.made) + 1}"
            self.made[made.name] = made
            if method == "CreateEndpoint":
                return self._done(aiplatform_v1.Endpoint(name=made.name))
            made.create_time = {"seconds": 1_796_000_000 + len(self.made)}
            made.state = self._states(made)["PENDING"]
            return type(made).pb(made)
        if method == "UploadModel":
            name = f"{request.parent}/models/{len(self.made) + 1}"
            kinds = aiplatform_v1.Model.DeploymentResourcesType
            model = self.made[name] = aiplatform_v1.Model(request.model)
            model.name = name
            model.supported_deployment_resources_types = [kinds.DEDICATED_RESOURCES]
            return self._done(aiplatform_v1.UploadModelResponse(model=name, model_version_id="1"))
        if method == "DeployModel":
            if request.endpoint not in self.made:
                raise Refused(404, "NOT_FOUND", f"Endpoint {request.endpoint} is not found.")
            if request.deployed_model.model.endswith("/models/404"):
                raise Refused(404, "NOT_FOUND", "The model is not found.")
            if sum(request.traffic_split.values()) != 100:
                raise Refused(400, "INVALID_ARGUMENT", "traffic_split must sum to 100.")
            deployed = request.deployed_model
            return self._done(aiplatform_v1.DeployModelResponse(deployed_model=deployed))
        return self._of_jobs(method, request)

    def _of_jobs(self, method: str, request: Any) -> Any:
        if method.startswith("List"):
            kind = method.removeprefix("List").removesuffix("s")
            found = [one for one in self.made.values() if type(one).__name__ == kind]
            response = getattr(aiplatform_v1, f"{method}Response")
            noun = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
            return response.pb(response({f"{noun}s": found}))
        job = self.made.get(request.name)
        if job is None:
            raise Refused(404, "NOT_FOUND", f"{request.name} is not found.")
        if method in ("GetModel", "GetEndpoint"):
            return type(job).pb(job)
        states = self._states(job)
        if method.startswith("Cancel"):
            from google.protobuf.empty_pb2 import Empty

            job.state = states["CANCELLED"]
            return Empty()
        self.has_expired = "expires" in job.display_name
        answer = type(job)(job)
        now = re.sub(".*_STATE_", "", job.state.name)
        if "stays" not in job.display_name and now in LIFE[:-1]:
            job.state = states[LIFE[LIFE.index(now) + 1]]
        if "ended" in job.display_name:
            job.state = states["CANCELLED"]
        elif "fails" in job.display_name:
            job.state = states["FAILED"]
            job.error = {"code": 3, "message": "The replica workerpool0-0 exited with 2."}
        elif "stockout" in job.display_name:
            job.state = states["FAILED"]
            message = "Resources are insufficient: ZONE_RESOURCE_POOL_EXHAUSTED in europe-west1"
            job.error = {"code": 8, "message": message}
        return type(job).pb(answer)

    def _states(self, job: Any) -> dict[str, Any]:
        is_pipeline = isinstance(job, aiplatform_v1.PipelineJob)
        states = aiplatform_v1.PipelineState if is_pipeline else aiplatform_v1.JobState
        return {re.sub(".*_STATE_", "", state.name): state for state in states}

    def _done(self, response: Any) -> Any:
        from google.longrunning.operations_pb2 import Operation

        operation = Operation(name="projects/p/locations/r/operations/1", done=True)
        operation.response.Pack(type(response).pb(response))
        return operation


@contextmanager
def fake_vertex() -> Iterator[Fake]:
    """Starts the service in a thread of this process."""
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                code, answer = 200, fake.answer(self.command, urlsplit(self.path).path, body)
            except Refused as refused:
                told = {"code": refused.code, "message": refused.message, "status": refused.status}
                code, answer = refused.code, {"error": told if refused.status else refused.message}
            except json_format.ParseError as error:
                told = {"code": 400, "message": str(error), "status": "INVALID_ARGUMENT"}
                code, answer = 400, {"error": told}
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


def key(folder: Path, token_uri: str, project: str = "my-project") -> str:
    """Writes the key of a service account that gets its tokens from an address."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"key{token_uri.rpartition('/')[2]}.json"
    path.write_text(json.dumps({
        "type": "service_account", "project_id": project, "private_key": pem.decode(),
        "client_email": f"me@{project}.iam.gserviceaccount.com", "token_uri": token_uri,
    }))  # fmt: skip
    return str(path)
