"""What windows are worth: the same model with and without them, on the same test days.

Trains both on the same run folder, asks both about every test row, and compares them pairwise
over bootstrapped days. Makes the run folders where they are missing.

    make windows-worth
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from trainer.answers import predict
from trainer.data import SplitReader
from trainer.metrics import auc
from trainer.options import TrainOptions
from trainer.run_folder import open_run
from trainer.training import train

ROOT = Path(__file__).resolve().parents[1]
RUNS = {"departure": "runs/departure", "schedule": "runs/schedule", "late": "runs/late"}
DAY = "flight_date"
RESAMPLES = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definitions", nargs="*", help=", ".join(RUNS))
    parser.add_argument("--max-steps", type=int, default=4_000)
    args = parser.parse_args()
    table = Table(title=f"test split, {args.max_steps:,} training steps")
    for heading in ("definition", "metric", "without", "with", "difference, 95 % of days"):
        table.add_column(heading, justify="left" if heading == "definition" else "right")
    for name in args.definitions or RUNS:
        table.add_row(name, *_compare(name, args.max_steps))
    Console().print(table)


def _compare(name: str, max_steps: int) -> tuple[str, ...]:
    run = open_run(run_folder(name))
    windowed = tuple(f"{column}*" for column in run.definition.windowed_columns)
    answers = {}
    for drop in (windowed, ()):
        options = TrainOptions(max_steps=max_steps, drop_features=drop)
        training = train(run, options, fresh=True)
        reader = SplitReader(run, "test", training.inputs, (DAY,))
        parts = [(part, predict(training.model, part)) for part in reader.batches()]
        answers[drop] = np.concatenate([found for _, found in parts])
    label = np.concatenate([part.label for part, _ in parts]).astype(np.float64)
    days = np.concatenate([part.carried[DAY] for part, _ in parts])
    metric = _auc if run.definition.label.task == "binary_classification" else _rmse
    without, with_ = (metric(label, answers[drop]) for drop in (windowed, ()))
    low, high = _bootstrap(metric, label, answers[windowed], answers[()], days)
    return (
        "AUC" if metric is _auc else "RMSE",
        f"{without:.3f}",
        f"{with_:.3f}",
        f"{low:+.3f} to {high:+.3f}",
    )


def _rmse(label: np.ndarray, answer: np.ndarray) -> float:
    return float(np.sqrt(np.mean((label - answer) ** 2)))


def _auc(label: np.ndarray, answer: np.ndarray) -> float:
    return float(auc(label, answer) or np.nan)


def _bootstrap(metric, label, without, with_, days) -> tuple[float, float]:  # noqa: ANN001
    """Returns the central 95 % of the paired difference over days drawn with replacement."""
    random = np.random.default_rng(0)
    rows = [np.flatnonzero(days == day) for day in np.unique(days)]
    differences = []
    for _ in range(RESAMPLES if metric is _rmse else RESAMPLES // 10):
        drawn = np.concatenate([rows[i] for i in random.integers(0, len(rows), len(rows))])
        found, other = with_[drawn], without[drawn]
        differences.append(metric(label[drawn], found) - metric(label[drawn], other))
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def run_folder(name: str) -> str:
    folder = ROOT / RUNS[name]
    if not (folder / "manifest.json").exists():
        definition = f"{ROOT}/examples/flights/flights.py:{name}"
        data = ROOT / "data/flights"
        files = ["--input", str(data / "flights.csv"), "--source", f"weather={data}/weather.csv"]
        command = [sys.executable, "-m", "forebay.cli", "preprocess", definition]
        subprocess.run([*command, *files, "--output", str(folder)], check=True)
    return str(folder)


if __name__ == "__main__":
    main()
