"""Property tests have the same examples in every run, and others for `make fuzz`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = """
import os
from pathlib import Path
from hypothesis import given, strategies as st

if os.environ.get("PRICES"):
    import prices

drawn = []

@given(st.integers(), st.floats(), st.text())
def test_drawn(whole, number, text):
    drawn.append(repr((whole, number, text)))

def test_written():
    Path(os.environ["DRAWN"]).write_text("\\n".join(drawn))
"""
PRICES = "LIST = [123_456_789_012, 98_765.4321, 'a word of its own', 271_828_182_845]\n"


def drawn(folder: Path, name: str, *options: str, with_prices: bool = False) -> str:
    """The examples of one run of a suite that has tests/conftest.py."""
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "allowed_skips.txt").touch()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "prices.py").write_text(PRICES)
    (folder / "test_suite.py").write_text(SUITE)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin",
         *options],
        cwd=folder, check=True, capture_output=True,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "",
             "DRAWN": name, "PRICES": "1" * with_prices},
    )  # fmt: skip
    return (folder / name).read_text()


def test_examples_are_the_same_whatever_modules_are_loaded(tmp_path: Path) -> None:
    assert drawn(tmp_path, "alone") == drawn(tmp_path, "beside", with_prices=True)


def test_fuzzing_draws_by_its_seed(tmp_path: Path) -> None:
    fuzz = "--hypothesis-profile=fuzz"
    one, same, other = (
        drawn(tmp_path, f"run {i}", fuzz, f"--hypothesis-seed={seed}")
        for i, seed in enumerate([7, 7, 8])
    )
    assert one == same != other
    assert drawn(tmp_path, "steady") not in (one, other)
