"""A Flink cluster on this machine for tests: ``flink_cluster.py start``, ``flink_cluster.py stop``.

One job manager, two task managers, a pool of Python workers, in .engines/flink; the programs come
from PyPI and Maven Central, and are held against checksums.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import clusters

HERE = clusters.ROOT / ".engines" / "flink"
CONF = Path(__file__).with_name("flink")
LIBRARIES = HERE / "lib"
JOB_SERVER = HERE / "flink-job-server-1.19.jar"
MASTER, WORKERS = "localhost:8181", "localhost:50100"
TASK_MANAGERS = ("task-manager-1", "task-manager-2")
PROCESSES = clusters.Processes(HERE)

# What Flink's own scripts open to its libraries on Java 17.
_OPENED = [
    *(f"--add-exports=java.{name}=ALL-UNNAMED"
      for name in ("rmi/sun.rmi.registry", "security.jgss/sun.security.krb5")),
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED"
      for name in ("java.lang", "java.lang.reflect", "java.io", "java.net", "java.nio",
                   "java.text", "java.time", "java.util", "java.util.concurrent",
                   "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch")),
]  # fmt: skip
# 128 MB of network memory are too few for the stages of tf.Transform; millions of rows need the
# heap and, beside it, as much off-heap.
_MEMORY = {
    "cpu.cores": "2", "memory.task.heap.size": "1200m", "memory.managed.size": "128m",
    "memory.network.min": "512m", "memory.network.max": "512m",
    "memory.framework.heap.size": "128m", "memory.task.off-heap.size": "1200m",
    "memory.framework.off-heap.size": "128m", "memory.jvm-metaspace.size": "256m",
    "memory.jvm-overhead.min": "192m", "memory.jvm-overhead.max": "192m",
}  # fmt: skip
_JAVA = ["java", *_OPENED, f"-Dlog4j.configurationFile=file:{CONF / 'log4j.properties'}"]
# Beam's own classes last: Flink's are its own.
_CLASSES = f"{LIBRARIES}/*:{JOB_SERVER}"
_ENDS = ["--configDir", str(CONF), f"-Dio.tmp.dirs={PROCESSES.temporary}"]


def start(*options: str) -> str:
    """Fetches what is not there, starts what does not run, and waits until all of it does.

    Args:
        options: of the job manager, beside those of config.yaml.
    """
    clusters.fetch_libraries(CONF, "/deps/lib/", LIBRARIES)
    clusters.fetch_job_server(CONF, JOB_SERVER)
    PROCESSES.temporary.mkdir(exist_ok=True)
    entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    PROCESSES.start("job-manager", [*_JAVA, "-Xmx500m", "-cp", _CLASSES, entry, *_ENDS, *options])
    for name in TASK_MANAGERS:
        _start_task_manager(name)
    PROCESSES.start_workers(WORKERS.rpartition(":")[2])
    PROCESSES.wait(_is_whole)
    return f"Flink at http://{MASTER}, workers at {WORKERS}; `make flink-stop` ends it"


def _start_task_manager(name: str) -> None:
    memory = [f"-Dtaskmanager.{key}={value}" for key, value in _MEMORY.items()]
    PROCESSES.start(
        name,
        [*_JAVA, "-Xmx1328m", "-XX:MaxDirectMemorySize=1840m", "-XX:MaxMetaspaceSize=256m",
         "-cp", _CLASSES, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
         *_ENDS, f"-Dtaskmanager.resource-id={name}", *memory],
    )  # fmt: skip


def _is_whole() -> bool:
    with urllib.request.urlopen(f"http://{MASTER}/v1/overview") as answer:
        return bool(json.loads(answer.read())["taskmanagers"] == len(TASK_MANAGERS))


if __name__ == "__main__":
    clusters.main("flink_cluster.py", start, PROCESSES.stop)
