"""What holds for every test: TensorFlow is quiet, skips are noticed, nothing is drawn by lot."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before anything imports TensorFlow, which reads it once; subprocesses inherit it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

if TYPE_CHECKING:
    from made_runs import Columns
    from readings_oracle import Written

MadeOnce = Callable[[str, Callable[[Path], object]], Path]
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")
SEPARATOR = " | "

# Every run of the tests has the same examples: which tests pass is not drawn by lot. `make fuzz`
# draws others. What a busy machine makes slow is not a fault.
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile(
    "fuzz", derandomize=False, deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("steady")
# Hypothesis also draws the numbers and texts written in the modules that happen to be loaded: these
# would be others after every edit, and in every order of the tests.
providers.HypothesisProvider._local_constants = providers.Constants()  # type: ignore[assignment]


def read_allowed_skips(path: Path) -> set[tuple[str, str]]:
    """Reads the (node id, reason) pairs of the skips that CI accepts.

    Args:
        path: a file of `node id | reason` lines, blank lines and `#` comments.

    Raises:
        pytest.UsageError: a line lacks its node id or its reason.
    """
    allowed = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        node_id, _, reason = (part.strip() for part in line.partition(SEPARATOR))
        if not node_id or not reason:
            raise pytest.UsageError(
                f"{path}:{number}: {line!r} is not 'node id{SEPARATOR}reason'; give both"
            )
        allowed.add((node_id, reason))
    return allowed


class SkipPolicy:
    """Collects the skips nobody allowed; where CI is set they fail the run."""

    def __init__(self, allowed: set[tuple[str, str]], *, fails: bool) -> None:
        self._allowed = allowed
        self._fails = fails
        self._unlisted: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._fails and self._unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._unlisted:
            return
        terminalreporter.section("skips not in tests/allowed_skips.txt", red=self._fails)
        for node_id, reason in self._unlisted:
            terminalreporter.line(f"{node_id}{SEPARATOR}{reason}")
        verdict = (
            "CI is set: they fail this run" if self._fails else "they would fail where CI is set"
        )
        terminalreporter.line(verdict)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        message = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        reason = message.removeprefix("Skipped: ")
        node_ids = (report.nodeid, report.nodeid.partition("[")[0])
        if not any((node_id, reason) in self._allowed for node_id in node_ids):
            self._unlisted.append((report.nodeid, reason))


def pytest_configure(config: pytest.Config) -> None:
    # What runs the tests in the background starts them ignoring Ctrl-C, and they all they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    in_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    policy = SkipPolicy(read_allowed_skips(ALLOWED_SKIPS), fails=in_ci)
    config.pluginmanager.register(policy, "forebay-skip-policy")


@pytest.fixture(scope="session")
def wait_for() -> Callable[[Path, subprocess.Popen[Any]], None]:
    """Waits until a process has written a file, whose path may be a pattern.

    Only the bound of a whole test ends the waiting.
    """

    def wait(path: Path, process: subprocess.Popen[Any]) -> None:
        while not glob.glob(str(path)):
            assert process.poll() is None, f"ended before {path} was there"
            time.sleep(0.002)

    return wait


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes a folder of a name with a function, once for all processes that run the tests.

    For what no test writes to: several processes read it at a time.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with open(shared / f"once-{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="module", autouse=True)
def definitions_end_with_their_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A definition's folder leaves the import path, and its modules leave, when a file ends.

    Two files may then have definitions of one name, in whatever order and process they run.
    """
    before, made = sys.path[:], str(tmp_path_factory.getbasetemp().parent) + os.sep
    yield
    added = {os.path.abspath(folder) for folder in sys.path} - set(map(os.path.abspath, before))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if os.path.dirname(file) in added or file.startswith(made):
            del sys.modules[name]
    sys.path[:] = before


READINGS = Path(__file__).with_name("end_to_end") / "readings.py"


@pytest.fixture(scope="session")
def readings_file(made_once: MadeOnce) -> Written:
    """Gauge readings as CSV: CRLF, a byte-order mark, quoted line ends, rows of every bad kind."""
    from readings_oracle import make_records, write_records

    def write(folder: Path) -> None:
        path = folder / "readings.csv"
        written = write_records(path, make_records(), line_end=b"\r\n", bom=True)
        (folder / "written.pickle").write_bytes(pickle.dumps(written))

    folder = made_once("readings", write)
    written: Written = pickle.loads((folder / "written.pickle").read_bytes())
    return written


@pytest.fixture(scope="session")
def readings_run(readings_file: Written, made_once: MadeOnce) -> Path:
    """The run that `forebay preprocess --json` makes of the readings; what it prints is beside."""
    from forebay.cli import main

    def fill(folder: Path) -> None:
        arguments = ["--input", str(readings_file.path), "--output", str(folder / "readings")]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # As many rows are read: few would be the work of one worker.
            options = ["--max-reject-fraction", "0.1", "--json", "--", "--direct_num_workers=2"]
            status = main(["preprocess", str(READINGS), *arguments, *options])
        assert status == 0
        (folder / "printed.json").write_text(printed.getvalue(), "utf-8")

    return made_once("readings-run", fill) / "readings"


# Runs of made-up trips, trained and not; see tests/support/made_runs.py.


@pytest.fixture(scope="session")
def rows() -> Columns:
    from made_runs import make_rows

    return make_rows()


@pytest.fixture(scope="session")
def regression_run(tmp_path_factory: pytest.TempPathFactory, rows: Columns) -> Path:
    from made_runs import make_run

    return make_run(tmp_path_factory.mktemp("regression"), "regression", rows)


@pytest.fixture(scope="session")
def weighted_run(regression_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from made_runs import copy_run, make_dataset, weigh

    run = copy_run(regression_run, tmp_path_factory.mktemp("weighted"))
    weigh(run, make_dataset("regression"))
    return run


@pytest.fixture(scope="session")
def binary_run(tmp_path_factory: pytest.TempPathFactory, rows: Columns) -> Path:
    from made_runs import make_run

    return make_run(tmp_path_factory.mktemp("binary"), "binary", rows)


@pytest.fixture(scope="session")
def multiclass_run(regression_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The regression's run, its label told in three words."""
    from made_runs import copy_run, tell_in_words

    run = copy_run(regression_run, tmp_path_factory.mktemp("multiclass"))
    tell_in_words(run)
    return run


@pytest.fixture(scope="session")
def trained_regression(regression_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from made_runs import train_copy

    return train_copy(regression_run, tmp_path_factory.mktemp("trained-regression"))


@pytest.fixture(scope="session")
def trained_binary(binary_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from made_runs import train_copy

    return train_copy(binary_run, tmp_path_factory.mktemp("trained-binary"))


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    from made_runs import copy_run

    return lambda run: copy_run(run, tmp_path)


@pytest.fixture
def edit_json() -> Callable[[Path], AbstractContextManager[Any]]:
    @contextlib.contextmanager
    def edit(path: Path) -> Iterator[Any]:
        value = json.loads(path.read_text(encoding="utf-8"))
        yield value
        path.write_text(json.dumps(value), encoding="utf-8")

    return edit
