"""What windows are worth: the same model with and without them, on the same test days.

Trains both on the same run folder, asks both about every test row, and compares them pairwise
over bootstrapped days. Makes the run folders where they are missing; a training that is there
stays.

    make windows-worth
"""

import argparse
import os

import numpy as np
from rich.console import Console
from rich.table import Table

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from flights_runs import DAY, flights_run

from forebay.trainer.evaluation.comparison import compare
from forebay.trainer.evaluation.predictions import measurable, predict_split
from forebay.trainer.metrics.bootstrap import Resampling
from forebay.trainer.options import TrainOptions
from forebay.trainer.training.train import train

DEFINITIONS = ("departure", "schedule", "late")
RESAMPLES = 2_000


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
        training = train(run, options, fresh=True, folder="window_value")
        answered = predict_split(run, training, "test", (DAY,))
        answers[drop] = measurable(run.definition.label, answered)
    _, days = np.unique(answered.columns[DAY], return_inverse=True)
    compared = compare(answers[()], answers[windowed], Resampling(RESAMPLES, groups=days))
    metric = "rmse" if run.definition.label.task == "regression" else "auc"
    found = compared[metric]
    low, high = found["interval"]
    texts = (f"{found['other']:.3f}", f"{found['model']:.3f}", f"{low:+.3f} to {high:+.3f}")
    return metric.upper(), *texts


if __name__ == "__main__":
    main()
