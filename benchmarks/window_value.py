"""What windows are worth: the same model with and without them, on the same test days.

Trains both on the same run folder, asks both about every test row, and compares them pairwise
over bootstrapped days. Makes the run folders where they are missing.

    make windows-worth
"""

import argparse
import os

import numpy as np
from rich.console import Console
from rich.table import Table

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from flights_runs import DAY, flights_run
from paired_days import PairedDays, central_interval

from trainer.answers import predict
from trainer.data import SplitReader
from trainer.metrics import auc
from trainer.options import TrainOptions
from trainer.training import train

DEFINITIONS = ("departure", "schedule", "late")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definitions", nargs="*", help=", ".join(DEFINITIONS))
    parser.add_argument("--max-steps", type=int, default=4_000)
    args = parser.parse_args()
    table = Table(title=f"test split, {args.max_steps:,} training steps")
    for heading in ("definition", "metric", "without", "with", "difference, 95 % of days"):
        table.add_column(heading, justify="left" if heading == "definition" else "right")
    for name in args.definitions or DEFINITIONS:
        table.add_row(name, *_compare(name, args.max_steps))
    Console().print(table)


def _compare(name: str, max_steps: int) -> tuple[str, ...]:
    run = flights_run(name)
    windowed = tuple(f"{column}*" for column in run.definition.windowed_columns)
    answers = {}
    for drop in (windowed, ()):
        options = TrainOptions(max_steps=max_steps, drop_features=drop)
        training = train(run, options, fresh=True)
        reader = SplitReader(run, "test", training.inputs, (DAY,))
        parts = [(part, predict(training.model, part)) for part in reader.batches()]
        answers[drop] = np.concatenate([found for _, found in parts])
    label = np.concatenate([part.label for part, _ in parts]).astype(np.float64)
    days = PairedDays(np.concatenate([part.carried[DAY] for part, _ in parts]))
    if run.definition.label.task == "regression":
        name, metric, resampled = "RMSE", _rmse, days.rmse
    else:
        name, metric, resampled = "AUC", _auc, days.auc
    without, with_ = (metric(label, answers[drop]) for drop in (windowed, ()))
    draws = [resampled(label, answers[drop]) for drop in (windowed, ())]
    low, high = central_interval(draws[1] - draws[0])
    return name, f"{without:.3f}", f"{with_:.3f}", f"{low:+.3f} to {high:+.3f}"


def _rmse(label: np.ndarray, answer: np.ndarray) -> float:
    return float(np.sqrt(np.mean((label - answer) ** 2)))


def _auc(label: np.ndarray, answer: np.ndarray) -> float:
    return float(auc(label, answer) or np.nan)


if __name__ == "__main__":
    main()
