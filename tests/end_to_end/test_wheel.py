"""The wheel, installed outside the checkout, does a whole run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

DEFINITION = """
import forebay as fb

rides = fb.Dataset(
    name="rides",
    columns={"at": fb.Timestamp(), "zone": fb.String(), "fare": fb.Number()},
    row_time="at",
    windows=[fb.Windowed("fare", key="zone", at="at", over="1h", ops=[fb.mean(), fb.count()])],
    features=[fb.Numeric("fare_mean_1h_by_zone", scale="z_score"), fb.Categorical("zone")],
    label=fb.Regression("fare"),
    split=fb.TimeSplit(eval_from="2024-01-02", test_from="2024-01-03"),
)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and the test environment's libraries behind it."""
    made = tmp_path_factory.mktemp("wheel")
    source = made / "source"
    source.mkdir()
    for name in ("forebay", "pipelines", "trainer", "transforms"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", made, source]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = made.glob("forebay-*.whl")
    venv.create(made / "env", with_pip=False, symlinks=True)
    python = made / "env" / "bin" / "python"
    install = ["pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, "-m", *install], check=True, capture_output=True)
    (packages,) = (made / "env" / "lib").glob("python*/site-packages")
    # Plain folders behind the environment's own: what pip would otherwise fetch for minutes.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made / "env" / "bin"


def test_an_installed_wheel_preprocesses(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "rides.py").write_text(DEFINITION)
    (tmp_path / "transforms.py").write_text("raise ImportError('a module of the user, not ours')")
    rows = [
        f"2024-01-0{1 + k % 3}T{k // 3 % 24:02d}:{k % 60:02d}:00Z,zone{k % 2},{k % 17}.5"
        for k in range(300)
    ]
    (tmp_path / "rides.csv").write_text("\n".join(["at,zone,fare", *rows]) + "\n")
    command = ["preprocess", "rides.py", "--input", "rides.csv", "--output", "run", "--json"]

    done = subprocess.run(
        [installed / "forebay", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == {"train": 100, "eval": 100, "test": 100}
    where = subprocess.run(
        [installed / "python", "-c", "import forebay.trainer.task as t; print(t.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(installed.parent)
