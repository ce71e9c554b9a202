"""tests/conftest.py lets no skip pass unnoticed: each case is a pytest run of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.skip(reason="needs a GPU")
def test_skipped(size):
    pass

def test_expected_failure():
    pytest.xfail("known")

def test_passes():
    pass
"""
SKIPPED_MODULE = 'import pytest\npytest.skip("no such engine", allow_module_level=True)\n'


def run_suite(
    folder: Path, *, ci: str | None, allowed: str = "", suite: str = SUITE
) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "allowed_skips.txt").write_text(allowed, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_suite.py").write_text(suite, encoding="utf-8")
    (folder / "test_other.py").write_text("def test_other(): pass\n", encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k not in {"CI", "PYTEST_ADDOPTS"}}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # third-party plugins take a second to load
    if ci is not None:
        env["CI"] = ci
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("ci", ["1", "true"])
def test_unlisted_skips_fail_where_ci_is_set(tmp_path: Path, ci: str) -> None:
    result = run_suite(tmp_path, ci=ci)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert "test_suite.py::test_skipped[1] | needs a GPU" in result.stdout
    assert "test_suite.py::test_skipped[2] | needs a GPU" in result.stdout
    assert "test_expected_failure |" not in result.stdout
    assert "2 skipped" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("ci", [None, "", "0", "false"])
def test_unlisted_skips_are_only_named_elsewhere(tmp_path: Path, ci: str | None) -> None:
    result = run_suite(tmp_path, ci=ci)
    assert result.returncode == pytest.ExitCode.OK, result.stdout
    assert "test_suite.py::test_skipped[1] | needs a GPU" in result.stdout


def test_a_listed_skip_passes_with_or_without_parameters(tmp_path: Path) -> None:
    for listed in (
        "# why\n\ntest_suite.py::test_skipped | needs a GPU\n",
        "".join(f"test_suite.py::test_skipped[{size}] | needs a GPU\n" for size in (1, 2)),
    ):
        result = run_suite(tmp_path, ci="1", allowed=listed)
        assert result.returncode == pytest.ExitCode.OK, result.stdout
        assert "not in tests/allowed_skips.txt" not in result.stdout


@pytest.mark.parametrize(
    "listed",
    [
        "test_suite.py::test_skipped | another reason\n",
        "test_suite.py::test_skipped[1] | needs a GPU\n",
        "test_suite.py | needs a GPU\n",
    ],
)
def test_a_skip_listed_otherwise_fails(tmp_path: Path, listed: str) -> None:
    result = run_suite(tmp_path, ci="1", allowed=listed)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout


def test_a_module_skipped_at_collection_fails_and_can_be_listed(tmp_path: Path) -> None:
    result = run_suite(tmp_path, ci="1", suite=SKIPPED_MODULE)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert "test_suite.py | no such engine" in result.stdout

    listed = "test_suite.py | no such engine\n"
    result = run_suite(tmp_path, ci="1", suite=SKIPPED_MODULE, allowed=listed)
    assert result.returncode == pytest.ExitCode.OK, result.stdout


def test_a_line_without_a_reason_is_refused(tmp_path: Path) -> None:
    result = run_suite(tmp_path, ci="1", allowed="test_suite.py::test_skipped\n")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "allowed_skips.txt:1" in result.stderr
