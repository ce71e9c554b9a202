"""How good our model is: beside LightGBM, on the same rows and columns of the flights example.

Trains ours by defaults alone and LightGBM as it was tuned, several times over on the train split,
each stopped by the eval split, asks both about every row of the test split, and compares them
pairwise over bootstrapped days. Makes the run folders where they are missing. With ``--search`` it
tunes LightGBM on the eval split instead, and the test split is not read.

    make bench-model
    make bench-model ARGS="departure --seeds 2 --split eval"
    make bench-model ARGS="--search 16"
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from flights_runs import DAY, ROOT, flights_run
from lightgbm_model import PeerOptions, PeerRows, candidates, fit, peer_rows
from model_report import Compared, ModelScore, print_search, print_table, write_results
from paired_days import PairedDays, central_interval
from rich.console import Console

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.metrics.by_task import as_predictions
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.training.train import train

# Ours is by defaults alone, whatever the definition; LightGBM's options were tuned on the eval
# split, by `--search`. See docs/measurements/quality.md.
OURS = TrainOptions()
# Neither pictures nor models are kept.
QUIET = LoopOptions(exporters=(), tensorboard=False)
PEERS: Mapping[str, PeerOptions] = {
    "departure": PeerOptions(
        num_leaves=127, learning_rate=0.1, min_data_in_leaf=100, feature_fraction=0.6,
        lambda_l2=10.0, crosses=False, from_baseline=True,
    ),
    "schedule": PeerOptions(
        num_leaves=15, min_data_in_leaf=400, feature_fraction=0.6, lambda_l2=100.0, crosses=False
    ),
    "late": PeerOptions(
        num_leaves=127, learning_rate=0.1, feature_fraction=0.6, lambda_l2=100.0, crosses=False
    ),
    "schedule_late": PeerOptions(
        num_leaves=15, min_data_in_leaf=400, feature_fraction=0.6, lambda_l2=100.0, crosses=False
    ),
}  # fmt: skip
FOLDER = ROOT / "benchmarks/results/model_quality"


@dataclass(frozen=True)
class Task:
    """What is asked of both.

    Attributes:
        run: the run folder.
        examples: its splits.
    """

    run: RunFolder
    examples: Mapping[str, Examples]

    @property
    def is_regression(self) -> bool:
        return self.run.definition.label.task == "regression"

    def score(self, label: np.ndarray, answer: np.ndarray) -> float:
        """Returns what both are judged by: RMSE or AUC."""
        scores = as_predictions(self.run.definition.label, label, answer).scores()
        return float(scores["rmse" if self.is_regression else "auc"] or np.nan)

    def rows(self, split: str, options: PeerOptions) -> PeerRows:
        """Returns a split as LightGBM is given it."""
        inputs = inputs_of(self.run)
        definition = self.run.definition
        return peer_rows(definition, inputs, self.examples[split], crosses=options.crosses)


def make_parser() -> argparse.ArgumentParser:
    """Returns what reads the command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definitions", nargs="*", default=list(PEERS), help=", ".join(PEERS))
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each")
    parser.add_argument("--split", choices=("eval", "test"), default="test", help="that is asked")
    parser.add_argument("--search", type=int, metavar="TRIALS", help="tune LightGBM on eval")
    parser.add_argument("--data", type=Path, default=ROOT / "data/flights", help="flights.csv's")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where run folders are")
    parser.add_argument("--output", type=Path, default=FOLDER, help="where results are written")
    return parser


def main() -> None:
    args = make_parser().parse_args()
    # A log has no width of its own; its tables are as wide as they need to be.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    compared = []
    for name in args.definitions:
        run = flights_run(name, args.runs, args.data)
        if args.search:
            print_search(console, name, search(_read(run, "eval"), args.search, console))
            continue
        compared.append(compare(name, _read(run, args.split), args.seeds, args.split, console))
        paths = write_results(compared, args.output)
    if compared:
        print_table(console, compared)
        console.print(f"written: {', '.join(map(str, paths))}", markup=False)


def _read(run: RunFolder, split: str) -> Task:
    carried = (DAY, *run.definition.label.baselines)
    inputs = inputs_of(run)
    splits = dict.fromkeys(("train", "eval", split))
    return Task(run, {s: SplitReader(run, s, inputs, carried).read() for s in splits})


def search(task: Task, trials: int, console: Console) -> list[tuple[PeerOptions, ModelScore]]:
    """Measures LightGBM with each of the candidates on the eval split, the best first."""
    has_baseline = task.is_regression and bool(task.run.definition.label.baselines)
    found = []
    for options in candidates(trials, has_baseline=has_baseline):
        score = _measure(task, "eval", partial(_peer, task, "eval", options, 0))
        found.append((options, score))
        console.print(f"{score}, {options}", markup=False)
    best = min if task.is_regression else max
    found.sort(key=lambda pair: pair[1].value, reverse=best is max)
    return found


def compare(name: str, task: Task, seeds: int, split: str, console: Console) -> Compared:
    """Trains both with every seed, and measures them on a split."""
    peer = PEERS[name]
    scores: dict[str, list[ModelScore]] = {"ours": [], "LightGBM": []}
    for seed in range(seeds):
        ours = _measure(task, split, partial(_ours, task, split, seed))
        theirs = _measure(task, split, partial(_peer, task, split, peer, seed))
        for side, score in (("ours", ours), ("LightGBM", theirs)):
            scores[side].append(score)
            console.print(f"{name}, seed {seed}, {side}: {score}", markup=False)
    examples = task.examples[split]
    days = PairedDays(examples.carried[DAY])
    resampled = days.rmse if task.is_regression else days.auc
    label = examples.label.astype(np.float64)
    # A draw's difference is that of the means over the seeds.
    draws = {
        side: np.mean([resampled(label, score.answer) for score in found], axis=0)
        for side, found in scores.items()
    }
    return Compared(
        definition=name,
        metric="RMSE" if task.is_regression else "AUC",
        split=split,
        rows=len(label),
        scores=scores,
        interval=central_interval(draws["ours"] - draws["LightGBM"]),
        options={"ours": asdict(OURS), "LightGBM": asdict(peer)},
    )


def _measure(task: Task, split: str, answers: Callable[[], tuple[np.ndarray, int]]) -> ModelScore:
    start = time.monotonic()
    answer, size = answers()
    value = task.score(task.examples[split].label.astype(np.float64), answer)
    return ModelScore(value, size, time.monotonic() - start, answer)


def _ours(task: Task, split: str, seed: int) -> tuple[np.ndarray, int]:
    seeded = replace(OURS, seed=seed)
    training = train(task.run, seeded, QUIET, fresh=True, folder="model_quality")
    return predict(training.model, task.examples[split]), training.record["step"]


def _peer(task: Task, split: str, options: PeerOptions, seed: int) -> tuple[np.ndarray, int]:
    rows = {name: task.rows(name, options) for name in dict.fromkeys(("train", "eval", split))}
    label = task.run.definition.label
    peer = fit(label.task, rows["train"], rows["eval"], options, seed)
    return peer.answer(rows[split]), peer.trees


if __name__ == "__main__":
    main()
