"""A stand-in for Dataflow that speaks its API as the discovery document describes it.

Run by the environment of tests/gcp/requirements.txt, which brings the document:

    python fake_dataflow.py FOLDER WORKER [...]

WORKER ... is the command that does a job's work; it is given the job's request as a file. Requests
for paths, with parameters or fields that are not in the document are refused, as the real service
refuses them. What goes wrong is asked for by a job's name or project, see `Fault`. When it answers,
FOLDER/ready.json says where; FOLDER also holds each job's request and log. It ends when its
standard input does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
OVER = ("DONE", "FAILED", "CANCELLED", "DRAINED")


class Fault:
    """Names that make the service fail."""

    FORBIDDEN_PROJECT = "no-rights"
    UNKNOWN_PROJECT = "no-project"
    # Jobs that contain these words in their names.
    WAITS = "waits"
    ENDED_BY_SOMEBODY = "ended"
    NO_FOREBAY = "bare-image"
    NO_MACHINES = "over-quota"
    # From when such a job is followed on, what these two paths gave tokens for is refused; the
    # first gives no more of them, either.
    EXPIRES = "expires"
    EXPIRED_TOKEN, BRIEF_TOKEN, FIXED_TOKEN = "/expired", "/brief", "/fixed"


ENDS = {
    Fault.NO_FOREBAY: "Traceback (most recent call last):\n  File \"worker.py\", line 1\n"
    "ModuleNotFoundError: No module named 'forebay'",
    Fault.NO_MACHINES: "Startup of the worker pool in europe-west1 failed to bring up any of the "
    "desired 1 workers. QUOTA_EXCEEDED: Quota 'CPUS' exceeded. Limit: 24.0 in region europe-west1.",
}  # fmt: skip


@dataclass
class Refused(Exception):
    """An answer that is an error."""

    code: int
    status: str
    message: str


class Api:
    """What the discovery document says may be asked."""

    def __init__(self, document: Json) -> None:
        self.schemas: Json = document["schemas"]
        self.shared: set[str] = set(document["parameters"])
        self.methods = list(self._methods(document["resources"]))

    def _methods(self, resources: Json) -> Any:
        for resource in resources.values():
            yield from self._methods(resource.get("resources", {}))
            for method in resource.get("methods", {}).values():
                path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", method["flatPath"])
                yield re.compile(f"/{path}"), method

    def find(self, verb: str, path: str) -> tuple[Json, Json]:
        for pattern, method in self.methods:
            found = pattern.fullmatch(path)
            if found and method["httpMethod"] == verb:
                return method, found.groupdict()
        raise Refused(404, "NOT_FOUND", f"{verb} {path} is not in the API")

    def check_query(self, method: Json, query: Json) -> None:
        known = {*method.get("parameters", {}), *self.shared}
        for name in query:
            if name not in known and name != "$alt":
                raise Refused(400, "INVALID_ARGUMENT", f"no such parameter: {name}")

    def check(self, value: Any, schema: Json, where: str) -> None:
        """Refuses what a schema does not have."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        kind = schema.get("type")
        if kind == "array":
            self._is(value, list, where)
            for one in value:
                self.check(one, schema["items"], f"{where}[]")
        elif kind == "object":
            self._is(value, dict, where)
            properties, others = schema.get("properties", {}), schema.get("additionalProperties")
            for name, one in value.items():
                if name not in properties and others is None:
                    raise Refused(400, "INVALID_ARGUMENT", f"no such field: {where}.{name}")
                self.check(one, properties.get(name, others), f"{where}.{name}")
        elif kind == "string":
            number = "enum" in schema or schema.get("format") in ("int64", "uint64")
            self._is(value, (str, int) if number else str, where)
            if "enum" in schema and isinstance(value, str) and value not in schema["enum"]:
                raise Refused(400, "INVALID_ARGUMENT", f"{where}: no such value: {value}")
        elif kind in ("integer", "number", "boolean"):
            wanted = {"integer": int, "number": (int, float), "boolean": bool}[kind]
            self._is(value, wanted, where)

    def _is(self, value: Any, kind: Any, where: str) -> None:
        if not isinstance(value, kind):
            raise Refused(400, "INVALID_ARGUMENT", f"{where} is a {type(value).__name__}")


@dataclass
class Dataflow:
    """The service: its jobs, and what works for them."""

    folder: Path
    worker: list[str]
    jobs: dict[str, Json] = field(default_factory=dict)
    messages: dict[str, list[Json]] = field(default_factory=dict)
    working: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    has_expired: bool = False

    def answer(self, method: str, path: Json, body: Any, query: Json) -> Json:
        project = path.get("projectId")
        if project == Fault.UNKNOWN_PROJECT:
            raise Refused(404, "NOT_FOUND", f"The project {project} was not found")
        if project == Fault.FORBIDDEN_PROJECT:
            raise Refused(403, "PERMISSION_DENIED", f"dataflow.jobs: no permission in {project}")
        with self.lock:
            return getattr(
                self, "_" + method.rpartition("projects.locations.")[2].replace(".", "_")
            )(path, body, query)

    def _jobs_create(self, path: Json, body: Json, query: Json) -> Json:
        job_id = f"2026-11-29_00_00_{len(self.jobs):02d}-1"
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self.jobs[job_id] = {
            **body, "id": job_id, "projectId": path["projectId"], "location": path["location"],
            "currentState": "JOB_STATE_PENDING", "createTime": now, "type": "JOB_TYPE_BATCH",
        }  # fmt: skip
        (self.folder / f"{job_id}.json").write_text(json.dumps(body))
        self.messages[job_id] = []
        self.has_expired = False
        threading.Thread(target=self._work, args=(job_id,), daemon=True).start()
        return self._shown(job_id)

    def _jobs_get(self, path: Json, body: Any, query: Json) -> Json:
        return self._shown(path["jobId"])

    def _jobs_list(self, path: Json, body: Any, query: Json) -> Json:
        mine = [
            self._shown(key) for key, job in self.jobs.items()
            if (job["projectId"], job["location"]) == (path["projectId"], path["location"])
        ]  # fmt: skip
        return {"jobs": mine}

    def _jobs_update(self, path: Json, body: Json, query: Json) -> Json:
        job = self._job(path["jobId"])
        wanted = body.get("requestedState")
        # The client writes states as their numbers in the proto: 5 is cancelled, 7 drains.
        wanted = {5: "JOB_STATE_CANCELLED", 7: "JOB_STATE_DRAINING"}.get(wanted, wanted)
        if job["currentState"].removeprefix("JOB_STATE_") in OVER:
            raise Refused(400, "FAILED_PRECONDITION", f"{job['id']} is over already")
        if wanted not in ("JOB_STATE_CANCELLED", "JOB_STATE_DRAINING"):
            raise Refused(400, "INVALID_ARGUMENT", f"cannot be requested: {wanted}")
        if wanted == "JOB_STATE_DRAINING":
            raise Refused(400, "FAILED_PRECONDITION", "a batch job cannot be drained")
        job["currentState"] = wanted
        if job["id"] in self.working:
            self.working[job["id"]].kill()
        return self._shown(job["id"])

    def _jobs_messages_list(self, path: Json, body: Any, query: Json) -> Json:
        self.has_expired = Fault.EXPIRES in self._job(path["jobId"])["name"]
        since = query.get("startTime", "")
        found = [one for one in self.messages[path["jobId"]] if one["time"] >= since]
        return {"jobMessages": found}

    def _job(self, job_id: str) -> Json:
        if job_id not in self.jobs:
            raise Refused(404, "NOT_FOUND", f"({job_id}): Information about job could not be found")
        return self.jobs[job_id]

    def _shown(self, job_id: str) -> Json:
        hidden = ("environment", "steps")  # as in the view JOB_VIEW_SUMMARY
        return {key: value for key, value in self._job(job_id).items() if key not in hidden}

    def _work(self, job_id: str) -> None:
        job = self.jobs[job_id]
        time.sleep(0.2)
        self._become(job_id, "RUNNING", "Workers have started successfully.", "BASIC")
        fault = next((words for name, words in ENDS.items() if name in job["name"]), None)
        if Fault.WAITS in job["name"] or Fault.EXPIRES in job["name"]:
            return
        if Fault.ENDED_BY_SOMEBODY in job["name"]:
            self._become(job_id, "CANCELLED", "Cancel request is committed.", "BASIC")
        elif fault is not None:
            self._become(job_id, "FAILED", fault, "ERROR")
        else:
            request = self.folder / f"{job_id}.json"
            with open(self.folder / f"{job_id}.log", "wb") as log:
                self.working[job_id] = subprocess.Popen(
                    [*self.worker, str(request)], stdout=log, stderr=log, cwd=self.folder
                )
                status = self.working[job_id].wait()
            said = (self.folder / f"{job_id}.log").read_text(errors="replace")[-4000:]
            self._become(
                job_id,
                "FAILED" if status else "DONE",
                said or "done",
                "ERROR" if status else "BASIC",
            )

    def _become(self, job_id: str, state: str, words: str, importance: str) -> None:
        with self.lock:
            if self.jobs[job_id]["currentState"].removeprefix("JOB_STATE_") in OVER:
                return
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            self.messages[job_id].append({
                "id": str(len(self.messages[job_id])), "time": now, "messageText": words,
                "messageImportance": f"JOB_MESSAGE_{importance}",
            })  # fmt: skip
            self.jobs[job_id]["currentState"] = f"JOB_STATE_{state}"


class Handler(BaseHTTPRequestHandler):
    """Requests of the API, and for tokens."""

    protocol_version = "HTTP/1.1"
    api: Api
    service: Dataflow

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            code, answer = 200, self._answer(parts.path, dict(parse_qsl(parts.query)), body)
        except Refused as refused:
            code = refused.code
            told = {"code": code, "message": refused.message, "status": refused.status}
            answer = {"error": told} if refused.status else {"error": refused.message}
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, path: str, query: Json, body: bytes) -> Json:
        expires = (Fault.BRIEF_TOKEN, Fault.FIXED_TOKEN)
        if path == Fault.EXPIRED_TOKEN or (path == expires[0] and self.service.has_expired):
            raise Refused(400, "", "invalid_grant")
        if path in ("/token", *expires):
            return {"access_token": path, "expires_in": 3600, "token_type": "Bearer"}
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.service.has_expired and token in expires:
            words = "Request had invalid authentication credentials."
            raise Refused(401, "UNAUTHENTICATED", words)
        method, names = self.api.find(self.command, path)
        self.api.check_query(method, query)
        request = json.loads(body) if body else {}
        if "request" in method:
            self.api.check(request, method["request"], "request")
        answer = self.service.answer(method["id"].removeprefix("dataflow."), names, request, query)
        self.api.check(answer, method["response"], "answer")
        return answer

    do_GET = do_POST = do_PUT = do_DELETE = _respond

    def log_message(self, format: str, *args: Any) -> None:
        print(self.command, self.path, *args[1:], flush=True)


def main(folder: Path, worker: list[str]) -> None:
    import googleapiclient.discovery_cache as cache

    document = Path(cache.__file__).with_name("documents") / "dataflow.v1b3.json"
    Handler.api = Api(json.loads(document.read_text("utf-8")))
    Handler.service = Dataflow(folder, worker)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "ready.tmp").write_text(json.dumps({"port": server.server_port}))
    (folder / "ready.tmp").rename(folder / "ready.json")
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
