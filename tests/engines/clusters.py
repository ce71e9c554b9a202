"""What the clusters of tests are made of: programs that are fetched once, processes that are kept.

All of a cluster lies in a folder of .engines: programs, logs, process ids.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 180
_WORKERS = "forebay.pipelines.runners.workers"


def fetch_libraries(conf: Path, inside: str, libraries: Path) -> None:
    """Fetches the jars of a distribution of PyPI, unless they are there.

    Args:
        conf: has requirements.txt, which names the distribution and its checksum.
        inside: the folder of the jars in it.
        libraries: where they go.
    """
    if libraries.is_dir():
        return
    folder = libraries.with_name("sources")
    folder.mkdir(parents=True, exist_ok=True)
    words = "download --quiet --no-deps --no-binary :all: --no-build-isolation --require-hashes"
    subprocess.run(
        [sys.executable, "-m", "pip", *words.split(), "--dest", folder,
         "--requirement", conf / "requirements.txt"],
        check=True,
    )  # fmt: skip
    unfinished = libraries.with_suffix(".unfinished")
    unfinished.mkdir(exist_ok=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        for member in opened:
            if inside in member.name and member.name.endswith(".jar"):
                member.name = Path(member.name).name
                opened.extract(member, unfinished, filter="data")
    unfinished.rename(libraries)
    shutil.rmtree(folder)


def fetch_job_server(conf: Path, jar: Path) -> None:
    """Makes a job server's jar of what Maven Central has, unless it is there.

    Args:
        conf: has pom.xml, and jars.sha256 with the checksum of each jar.
        jar: where it goes.
    """
    if jar.exists():
        return
    folder = jar.with_name("job-server")
    folder.mkdir(exist_ok=True)
    shutil.copy(conf / "pom.xml", folder)
    words = "mvn --batch-mode --quiet --strict-checksums prepare-package"
    subprocess.run(words.split(), cwd=folder, check=True)
    lines = (conf / "jars.sha256").read_text().splitlines()
    wanted = {name: digest for digest, name in map(str.split, lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "target" / "dependency").iterdir()
    }
    other = [name for name in wanted | found if wanted.get(name) != found.get(name)]
    if other:
        sys.exit(f"error: {', '.join(sorted(other))}: not as {conf / 'jars.sha256'} has it")
    subprocess.run([*words.split()[:-1], "package"], cwd=folder, check=True)
    (folder / "target" / jar.name).rename(jar)
    shutil.rmtree(folder)


class Processes:
    """The processes of a cluster, which outlive the one that starts them.

    Args:
        folder: the cluster's.

    Attributes:
        folder: the same.
        temporary: where they leave what is gone when they are stopped.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self._ids = folder / "processes.json"

    def log(self, name: str) -> Path:
        """Returns where a process writes what it says."""
        return self.folder / "log" / f"{name}.log"

    def start(self, name: str, words: list[str], env: Mapping[str, str] | None = None) -> None:
        """Starts a process, unless it runs."""
        if self.runs(name):
            return
        self.log(name).parent.mkdir(exist_ok=True)
        with self.log(name).open("w") as log:
            process = subprocess.Popen(
                words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env=os.environ | (env or {}),
            )  # fmt: skip
        self._ids.write_text(json.dumps(self.ids() | {name: process.pid}))
        while process.poll() is None and not self.runs(name):
            time.sleep(0.01)  # it has no words for a moment, between two programs

    def start_workers(self, port: str) -> None:
        """Starts the pool of Python workers."""
        self.start("workers", [sys.executable, "-m", _WORKERS, "--port", port])

    def ids(self) -> dict[str, int]:
        """Returns the ids of the processes that were started, by their names."""
        return dict(json.loads(self._ids.read_text())) if self._ids.exists() else {}

    def runs(self, name: str) -> bool:
        """Tells whether a process runs; its id may have become another's."""
        number = self.ids().get(name)
        with suppress(OSError):
            words = Path(f"/proc/{number}/cmdline").read_bytes()
            return str(ROOT).encode() in words or _WORKERS.encode() in words
        return False

    def kill(self, name: str) -> None:
        """Kills a process, and waits until it is gone."""
        os.kill(self.ids()[name], signal.SIGKILL)
        while self.runs(name):
            time.sleep(0.1)

    def wait(self, is_whole: Callable[[], bool]) -> None:
        """Waits until all runs, and the pool and the cluster say so."""
        for _ in range(_START_SECONDS):
            gone = [name for name in self.ids() if not self.runs(name)]
            if gone:
                sys.exit(f"error: {gone[0]} has ended; see {self.log(gone[0])}")
            with suppress(OSError):
                if is_whole() and "workers at" in self.log("workers").read_text():
                    return
            time.sleep(1)
        sys.exit(f"error: not whole after {_START_SECONDS} s; see {self.log('*')}")

    def stop(self) -> None:
        """Ends what was started, and removes what it would have removed."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            for name, number in self.ids().items():
                if self.runs(name):
                    with suppress(OSError):
                        os.killpg(number, signal_number)
            for _ in range(100):
                if not any(map(self.runs, self.ids())):
                    break
                time.sleep(0.1)
        self._ids.unlink(missing_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)


@contextmanager
def pool_of_another_version() -> Iterator[str]:
    """Runs a pool of workers that have another version of Beam; gives its address."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    code = (
        "from importlib import metadata; real = metadata.version\n"
        "metadata.version = lambda name: '0.1' if name == 'apache-beam' else real(name)\n"
        "from forebay.pipelines.runners.workers.pool import serve\n"
        f"serve({port})"
    )
    words = [sys.executable, "-c", code]
    pool = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(_START_SECONDS * 5):
            with suppress(OSError):
                socket.create_connection(("localhost", port)).close()
                break
            time.sleep(0.2)
        yield f"localhost:{port}"
    finally:
        pool.terminate()
        pool.wait()


def main(name: str, start: Callable[[], str], stop: Callable[[], None]) -> None:
    """Does what the command line says: ``start`` or ``stop``."""
    if sys.argv[1:] == ["start"]:
        print(start())
    elif sys.argv[1:] == ["stop"]:
        stop()
    else:
        sys.exit(f"usage: {name} start | stop")
