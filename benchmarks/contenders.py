"""The commands that are measured, and why one may be missing."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks/peers"
SPARK = ROOT / ".spark"


@dataclass(frozen=True)
class Contender:
    """One way to the examples.

    Attributes:
        name: what the option ``--peers`` calls it.
        title: what tables call it.
        command: the command for an input and an output folder.
        missing: why it cannot run here; None if it can.
    """

    name: str
    title: str
    command: Callable[[Path, Path], list[str]]
    missing: Callable[[], str | None] = lambda: None


def forebay(data: Path, out: Path, definition: str = "benchmark") -> list[str]:
    """Returns Forebay's command."""
    return [
        sys.executable, "-m", "forebay", "preprocess", f"{PEERS}/flights.py:{definition}",
        "--input", f"{data}/flights*.csv", "--output", str(out), "--overwrite",
    ]  # fmt: skip


def _script(name: str) -> Callable[[Path, Path], list[str]]:
    return lambda data, out: [sys.executable, f"{PEERS}/{name}.py", str(data), str(out)]


def _needs(*modules: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        absent = [name for name in modules if importlib.util.find_spec(name) is None]
        return f"{', '.join(absent)} is not installed; run `make install`" if absent else None

    return missing


def _spark_missing() -> str | None:
    if importlib.util.find_spec("pyspark") is None and not (SPARK / "pyspark").is_dir():
        return "pyspark is not installed; run `make bench-peers`"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "Java is not installed; PySpark 4 needs Java 17"
    return None


def environment() -> dict[str, str]:
    """Returns the environment of every contender: this one, PySpark's folder, quiet TensorFlow."""
    paths = [os.environ.get("PYTHONPATH", ""), str(SPARK)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return {**os.environ, **quiet}


FOREBAY = Contender("forebay", "Forebay", forebay)
COURSE = Contender("course", "course's way", _script("course"))
CONTENDERS = (
    FOREBAY,
    Contender("polars", "Polars", _script("polars_script"), _needs("polars", "farmhash")),
    Contender(
        "pandas", "pandas + scikit-learn", _script("pandas_sklearn"), _needs("pandas", "sklearn")
    ),
    Contender("spark", "PySpark local[2]", _script("spark"), _spark_missing),
    COURSE,
)
