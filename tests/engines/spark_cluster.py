"""A Spark cluster on this machine for tests: ``spark_cluster.py start``, ``spark_cluster.py stop``.

A standalone master, two workers, a pool of Python workers, in .engines/spark; the programs come
from PyPI and Maven Central, and are held against checksums.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import clusters

HERE = clusters.ROOT / ".engines" / "spark"
CONF = Path(__file__).with_name("spark")
LIBRARIES = HERE / "jars"
JOB_SERVER = HERE / "spark-job-server-3.5.jar"
MASTER, UI, WORKERS = "spark://localhost:7177", "localhost:8280", "localhost:50200"
SPARK_WORKERS = ("worker-1", "worker-2")
PROCESSES = clusters.Processes(HERE)
# Everything listens on this machine alone; what Spark's own scripts say, besides.
_ENV = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(HERE), "SPARK_SCALA_VERSION": "2.12"}


def start() -> str:
    """Fetches what is not there, starts what does not run, and waits until all of it does."""
    clusters.fetch_libraries(CONF, "/deps/jars/", LIBRARIES)
    clusters.fetch_job_server(CONF, JOB_SERVER)
    host, port = MASTER.removeprefix("spark://").split(":")
    ui_port = UI.rpartition(":")[2]
    _start("master", "master.Master", "--host", host, "--port", port, "--webui-port", ui_port)
    for name in SPARK_WORKERS:
        _start(
            name, "worker.Worker", "--host", host, "--cores", "1", "--memory", "1200m",
            "--webui-port", "0", "--work-dir", str(PROCESSES.temporary / name), MASTER,
        )  # fmt: skip
    PROCESSES.start_workers(WORKERS.rpartition(":")[2])
    PROCESSES.wait(_is_whole)
    return f"Spark at {MASTER}, http://{UI}, workers at {WORKERS}; `make spark-stop` ends it"


def _start(name: str, entry: str, *arguments: str) -> None:
    words = ["java", "-Xmx400m", "-cp", f"{LIBRARIES}/*", f"org.apache.spark.deploy.{entry}"]
    PROCESSES.start(name, [*words, *arguments], _ENV)


def _is_whole() -> bool:
    with urllib.request.urlopen(f"http://{UI}/json/") as answer:
        return bool(json.loads(answer.read())["aliveworkers"] == len(SPARK_WORKERS))


if __name__ == "__main__":
    clusters.main("spark_cluster.py", start, PROCESSES.stop)
