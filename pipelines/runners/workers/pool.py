"""A pool of Python workers beside a task manager: ``python -m forebay.pipelines.runners.workers``.

Beam's own pool starts a new Python for each worker, and an engine such as Flink asks for a worker
for each stage: every one of them would import TensorFlow for seconds. Here a process that does
nothing else has imported everything, and each worker is a copy of it, made in milliseconds. Nothing
that one worker learns or breaks reaches another, so that what is retried begins anew.
"""

import logging
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any

import grpc
from apache_beam.portability.api.org.apache.beam.model.fn_execution.v1 import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
)

from forebay.pipelines.runners.workers.versions import check_same
from forebay.pipelines.runners.workers.worker import Ended, Started, named, work
from forebay.transforms.errors import InputError

# All that a worker uses: what takes seconds to import.
PRELOADED = ("forebay.pipelines.runners.workers.preloaded",)
# Until a worker has fetched what it needs and said so; fetching a definition takes milliseconds.
_START_SECONDS = 120.0
_HANG_UP_SECONDS = 10.0
_LOG = logging.getLogger(__name__)


class Pool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts workers when it is asked to.

    A worker ends when the engine closes its connection, as it does when a stage or a task manager
    ends; nothing else has to stop it. Two task managers call their workers by the same names, so
    a name would not say which one is meant.

    Attributes:
        started: how many workers were started.
    """

    def __init__(self) -> None:
        self.started = 0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOADED))
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Makes the process that workers are copies of, and waits until it has imported all."""
        first = self._context.Process(target=os.getpid)
        first.start()
        first.join()

    def StartWorker(self, request: Any, context: Any) -> Any:
        """Starts a worker, and answers when it is ready or has said why it cannot be.

        The request has the submitter's versions among its parameters.
        """
        try:
            check_same(request.params, request.worker_id)
        except InputError as differs:
            return beam_fn_api_pb2.StartWorkerResponse(error=named(differs))
        here, there = self._context.Pipe(duplex=False)
        started = Started(
            request.worker_id,
            request.control_endpoint.url,
            request.logging_endpoint.url,
            request.artifact_endpoint.url,
            request.provision_endpoint.url,
        )
        process = self._context.Process(target=work, args=(started, there), daemon=True)
        with self._lock:
            process.start()
            self.started += 1
        there.close()
        threading.Thread(target=when_ended, args=(process, started), daemon=True).start()
        _LOG.info("worker %s: process %s", started.worker_id, process.pid)
        try:
            ended: Ended | None = here.recv() if here.poll(_START_SECONDS) else None
        except EOFError:
            ended = Ended(f"worker {started.worker_id} ended before it began to work")
        error = "" if ended is None else ended.error
        if error:
            _LOG.error("worker %s: %s", started.worker_id, error)
        return beam_fn_api_pb2.StartWorkerResponse(error=error)

    def StopWorker(self, request: Any, context: Any) -> Any:
        """Does nothing: see the class."""
        return beam_fn_api_pb2.StopWorkerResponse()


def when_ended(process: BaseProcess, started: Started) -> None:
    """Waits for a worker's end, and tells the engine of one that did not end by itself.

    An engine waits without end for a worker that is ready to connect: one that is killed before it
    does would be waited for in vain. So it connects here, and hangs up at once.
    """
    process.join()
    if not process.exitcode:
        return
    _LOG.error("worker %s: ended by %s", started.worker_id, process.exitcode)
    with grpc.insecure_channel(started.control) as channel:
        stub = beam_fn_api_pb2_grpc.BeamFnControlStub(channel)
        named = (("worker_id", started.worker_id),)
        with suppress(grpc.RpcError):  # an engine that knows already is not there any more
            for _ in stub.Control(iter(()), timeout=_HANG_UP_SECONDS, metadata=named):
                pass


def serve(port: int, host: str = "localhost") -> None:
    """Answers task managers until the process is ended.

    Args:
        port: where it listens.
        host: the address it listens on; task managers elsewhere cannot reach localhost.

    Raises:
        OSError: nobody can listen there.
    """
    pool = Pool()
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=[("grpc.so_reuseport", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"{host}:{port} cannot be listened on") from error
    pool.warm_up()
    server.start()
    _LOG.info("workers at %s:%s", host, bound)
    server.wait_for_termination()
