"""A Flink cluster on this machine for tests: ``flink_cluster.py start``, ``flink_cluster.py stop``.

One job manager, two task managers, a pool of Python workers. All of it lies in .engines/flink: the
programs, fetched once from PyPI and Maven Central and held against checksums; logs; process ids.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / ".engines" / "flink"
CONF = Path(__file__).with_name("flink")
LIBRARIES = HERE / "lib"
JOB_SERVER = HERE / "flink-job-server-1.19.jar"
LOGS, IDS = HERE / "log", HERE / "processes.json"
MASTER, WORKERS = "localhost:8181", "localhost:50100"
TASK_MANAGERS = ("task-manager-1", "task-manager-2")
_START_SECONDS = 180

# What Flink's own scripts open to its libraries on Java 17.
_OPENED = [
    *(f"--add-exports=java.{name}=ALL-UNNAMED"
      for name in ("rmi/sun.rmi.registry", "security.jgss/sun.security.krb5")),
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED"
      for name in ("java.lang", "java.lang.reflect", "java.io", "java.net", "java.nio",
                   "java.text", "java.time", "java.util", "java.util.concurrent",
                   "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch")),
]  # fmt: skip
# 128 MB of network memory are too few for the stages of tf.Transform.
_MEMORY = {
    "cpu.cores": "2", "memory.task.heap.size": "300m", "memory.managed.size": "128m",
    "memory.network.min": "512m", "memory.network.max": "512m",
    "memory.framework.heap.size": "128m", "memory.task.off-heap.size": "64m",
    "memory.framework.off-heap.size": "128m", "memory.jvm-metaspace.size": "256m",
    "memory.jvm-overhead.min": "192m", "memory.jvm-overhead.max": "192m",
}  # fmt: skip


def fetch() -> None:
    """Fetches what is not there yet; what differs from its checksum is an error."""
    HERE.mkdir(parents=True, exist_ok=True)
    if not LIBRARIES.is_dir():
        _fetch_libraries()
    if not JOB_SERVER.exists():
        _fetch_job_server()


def _fetch_libraries() -> None:
    folder = HERE / "sources"
    words = "download --quiet --no-deps --no-binary :all: --no-build-isolation --require-hashes"
    subprocess.run(
        [sys.executable, "-m", "pip", *words.split(), "--dest", folder,
         "--requirement", CONF / "requirements.txt"],
        check=True,
    )  # fmt: skip
    unfinished = HERE / "lib.unfinished"
    unfinished.mkdir(exist_ok=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        for member in opened:
            if "/deps/lib/" in member.name and member.name.endswith(".jar"):
                member.name = Path(member.name).name
                opened.extract(member, unfinished, filter="data")
    unfinished.rename(LIBRARIES)
    shutil.rmtree(folder)


def _fetch_job_server() -> None:
    folder = HERE / "job-server"
    folder.mkdir(exist_ok=True)
    shutil.copy(CONF / "pom.xml", folder)
    words = "mvn --batch-mode --quiet --strict-checksums prepare-package"
    subprocess.run(words.split(), cwd=folder, check=True)
    wanted = dict(
        reversed(line.split()) for line in (CONF / "jars.sha256").read_text().splitlines()
    )
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "target" / "dependency").iterdir()
    }
    other = [name for name in wanted | found if wanted.get(name) != found.get(name)]
    if other:
        sys.exit(
            f"error: {', '.join(sorted(other))}: not as tests/engines/flink/jars.sha256 has it"
        )
    subprocess.run([*words.split()[:-1], "package"], cwd=folder, check=True)
    (folder / "target" / "flink-job-server-1.19.jar").rename(JOB_SERVER)
    shutil.rmtree(folder)


def start() -> None:
    """Starts what does not run, and waits until the cluster has all of it."""
    LOGS.mkdir(exist_ok=True)
    java = ["java", *_OPENED, f"-Dlog4j.configurationFile=file:{CONF / 'log4j.properties'}"]
    end = ["--configDir", str(CONF), f"-Dio.tmp.dirs={HERE / 'temporary'}"]
    classes = ["-cp", f"{LIBRARIES}/*"]
    entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    _start("job-manager", [*java, "-Xmx500m", *classes, entry, *end])
    for name in TASK_MANAGERS:
        start_task_manager(name)
    port = WORKERS.rpartition(":")[2]
    _start("workers", [sys.executable, "-m", "forebay.pipelines.runners.workers", "--port", port])
    _wait()


def start_task_manager(name: str) -> None:
    """Starts a task manager, unless it runs."""
    memory = [f"-Dtaskmanager.{key}={value}" for key, value in _MEMORY.items()]
    _start(
        name,
        ["java", *_OPENED, f"-Dlog4j.configurationFile=file:{CONF / 'log4j.properties'}",
         "-Xmx428m", "-XX:MaxDirectMemorySize=704m", "-XX:MaxMetaspaceSize=256m",
         "-cp", f"{LIBRARIES}/*", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
         "--configDir", str(CONF), f"-Dio.tmp.dirs={HERE / 'temporary'}",
         f"-Dtaskmanager.resource-id={name}", *memory],
    )  # fmt: skip


def _start(name: str, words: list[str]) -> None:
    if _runs(name):
        return
    (HERE / "temporary").mkdir(exist_ok=True)
    with (LOGS / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=HERE, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    IDS.write_text(json.dumps(processes() | {name: process.pid}))


def processes() -> dict[str, int]:
    """Returns the ids of the processes that were started, by their names."""
    return dict(json.loads(IDS.read_text())) if IDS.exists() else {}


def _runs(name: str) -> bool:
    """Tells whether a process runs; its id may have become another's."""
    number = processes().get(name)
    with suppress(OSError):
        words = Path(f"/proc/{number}/cmdline").read_bytes()
        return str(ROOT).encode() in words or b"forebay.pipelines.runners.workers" in words
    return False


def _wait() -> None:
    for _ in range(_START_SECONDS):
        gone = [name for name in processes() if not _runs(name)]
        if gone:
            sys.exit(f"error: {gone[0]} has ended; see {LOGS / gone[0]}.log")
        with suppress(OSError):
            with urllib.request.urlopen(f"http://{MASTER}/v1/overview") as answer:
                managers = json.loads(answer.read())["taskmanagers"]
            if (
                managers == len(TASK_MANAGERS)
                and "workers at" in (LOGS / "workers.log").read_text()
            ):
                return
        time.sleep(1)
    sys.exit(f"error: the cluster was not whole after {_START_SECONDS} s; see {LOGS}")


def stop() -> None:
    """Ends what was started."""
    for name, number in processes().items():
        if _runs(name):
            with suppress(OSError):
                os.killpg(number, signal.SIGTERM)
    for _ in range(100):
        if not any(map(_runs, processes())):
            break
        time.sleep(0.1)
    for name, number in processes().items():
        if _runs(name):
            with suppress(OSError):
                os.killpg(number, signal.SIGKILL)
    IDS.unlink(missing_ok=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["start"]:
        fetch()
        start()
        print(f"Flink at http://{MASTER}, workers at {WORKERS}; `make flink-stop` ends it")
    elif sys.argv[1:] == ["stop"]:
        stop()
    else:
        sys.exit("usage: flink_cluster.py start | stop")
