"""What the trainer's defaults rest on: settings compared on blocks of time within train.

Each setting is trained on what comes before each of some blocks of the train split, to its last
step, and asked about the block, as ``forebay sweep --blocks`` does it: forward chaining, rows left
out whose windows reach across a block's beginning. Differences to the first setting are paired by
days. Neither the eval nor the test split is read. What was measured is kept in a file and not
measured again.

LightGBM, as it was tuned for each definition, is asked about the same blocks; it stops by the eval
split, which is later than they are.

The rows of `diamonds` have no time: a fourth of train, by chance, is asked about by a model of the
others, and differences are paired by rows.

    make bench-defaults
    make bench-defaults ARGS="schedule late --blocks 3"
    make bench-defaults ARGS="diamonds --only pieces"
"""

import argparse
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from flights_runs import ROOT, flights_run
from lightgbm_model import PeerRows, fit, peer_rows
from model_quality import PEERS
from other_tables import DEFAULT_PEER, table_run
from rich.console import Console
from rich.table import Table

from forebay.storage.named_files import write_whole
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.options import TrainOptions
from forebay.trainer.options.choose import choose
from forebay.trainer.options.sweep import SweepOptions
from forebay.trainer.search.block_trials import Blocks, losses_on_blocks, read_blocks
from forebay.trainer.search.blocks import GroupLosses, TimeBlock, by_group
from forebay.trainer.training.job import table_of
from forebay.trainer.workers.team import alone

FLIGHTS = ("departure", "schedule", "late", "schedule_late")
# The table whose rows have no time.
TIMELESS = "diamonds"
FOLDER = ROOT / "benchmarks/results/default_options"
PEER = "LightGBM"
# What was measured, by definition and setting.
Kept = dict[str, dict[str, dict[str, Any]]]
BEFORE: Mapping[str, Any] = {
    "members": 4, "max_steps": 4_000, "l2": 5e-4, "pieces": 0, "learning_rate": 2e-3
}  # fmt: skip
# How others differ from the first, which they are compared to: what the defaults were before.
CHANGED: Mapping[str, Mapping[str, Any]] = {
    "rate 0.002": {},
    "rate 0.001": {"learning_rate": 1e-3},
    "rate 0.004": {"learning_rate": 4e-3},
    "rate 0.008": {"learning_rate": 8e-3},
    "rate 0.016": {"learning_rate": 1.6e-2},
    "rate 0.032": {"learning_rate": 3.2e-2},
    "rate 0.008; 8 networks": {"learning_rate": 8e-3, "members": 8},
    "rate 0.008; silu": {"learning_rate": 8e-3, "activation": "silu"},
    "rate 0.008; 8,000 steps": {"learning_rate": 8e-3, "max_steps": 8_000},
    "one network; L2 1e-4; 10,000 steps": {"members": 1, "l2": 1e-4, "max_steps": 10_000},
    "L2 1e-4": {"l2": 1e-4},
    "L2 2e-3": {"l2": 2e-3},
    "batches of 256": {"batch_size": 256},
    "silu": {"activation": "silu"},
    "dropout 0.2": {"dropout": 0.2},
    "dropout 0.4; L2 1e-4": {"dropout": 0.4, "l2": 1e-4},
    "256,128; dropout 0.4; L2 1e-4; 3,000 steps": {
        "hidden_units": (256, 128), "dropout": 0.4, "l2": 1e-4, "max_steps": 3_000
    },
    "8 pieces": {"pieces": 8},
    "L2 5e-5": {"l2": 5e-5},
    "L2 5e-5; 8 pieces": {"l2": 5e-5, "pieces": 8},
    "rate 0.008; L2 5e-5; 8 pieces": {"learning_rate": 8e-3, "l2": 5e-5, "pieces": 8},
}  # fmt: skip
SETTINGS = {name: TrainOptions(**{**BEFORE, **changed}) for name, changed in CHANGED.items()}


def make_parser() -> argparse.ArgumentParser:
    """Returns what reads the command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definitions", nargs="*", default=[*FLIGHTS, TIMELESS])
    parser.add_argument("--blocks", type=int, default=2, help="that are measured")
    parser.add_argument("--only", help="what has this in its name")
    parser.add_argument("--data", type=Path, default=ROOT / "data/flights", help="flights.csv's")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where run folders are")
    parser.add_argument("--output", type=Path, default=FOLDER, help="where results are kept")
    return parser


def main() -> None:
    args = make_parser().parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    console, path = Console(width=120), args.output / f"blocks-{args.blocks}.json"
    kept: Kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for label in (*SETTINGS, PEER):
        for name in args.definitions:
            if (args.only and args.only not in label) or label in kept.setdefault(name, {}):
                continue
            if name == TIMELESS:
                run = table_run(name, args.runs)
            else:
                run = flights_run(name, args.runs, args.data)
            kept[name][label] = measure(run, name, label, args.blocks)
            write_whole(str(path), (json.dumps(kept) + "\n").encode(), "--output")
            value = GroupLosses.from_json(kept[name][label]["losses"]).value
            console.print(f"{name}, {label}: {value:.5f}", markup=False)
    print_table(console, {name: kept[name] for name in args.definitions})


def measure(run: RunFolder, name: str, label: str, blocks: int) -> dict[str, Any]:
    """Returns a setting's losses on the blocks, and the seconds of processor that they took."""
    options = SETTINGS.get(label, TrainOptions())
    if run.definition.row_time is None:
        parts: Blocks | None = fourth(run)
    else:
        parts = read_blocks(run, SweepOptions(train=options, blocks=blocks))
    if parts is None:
        raise ValueError("no blocks")
    cpu = time.process_time()
    if label == PEER:
        losses = of_peer(run, name, parts)
    else:
        chosen = choose(options, table_of(run, options, alone())).options
        losses = losses_on_blocks(run, parts, chosen, "default_options")
    return {"losses": losses.to_json(), "cpu": time.process_time() - cpu}


def of_peer(run: RunFolder, name: str, blocks: Blocks) -> GroupLosses:
    """Returns LightGBM's losses on the blocks."""
    definition, options = run.definition, PEERS.get(name, DEFAULT_PEER)
    task, inputs = definition.label.task, inputs_of(run)

    def as_peer(examples: Examples) -> PeerRows:
        return peer_rows(definition, inputs, examples, crosses=options.crosses)

    train, stopping = (
        SplitReader(run, split, inputs, definition.label.baselines).read()
        for split in ("train", "eval")
    )
    answered = []
    for part in blocks.parts:
        measured = train.take(part.measured)
        peer = fit(task, as_peer(train.take(part.before)), as_peer(stopping), options, seed=0)
        answered.append((
            blocks.group[part.measured],
            measured.label.astype(np.float64),
            peer.answer(as_peer(measured)),
            measured.weight.astype(np.float64),
        ))  # fmt: skip
    return by_group(task, iter(answered), int(blocks.group.max()) + 1)


def fourth(run: RunFolder) -> Blocks:
    """Returns train with a fourth of its rows to be measured, each a group of its own."""
    examples = SplitReader(run, "train", inputs_of(run)).read()
    rows = np.random.default_rng(0).permutation(len(examples))
    measured, others = np.split(rows, [len(rows) // 4])
    return Blocks(examples, np.arange(len(rows)), (TimeBlock(np.sort(others), np.sort(measured)),))


def print_table(console: Console, kept: Kept) -> None:
    """Prints the loss of each setting, and its difference to the first, groups drawn pairwise."""
    table = Table(title="loss on blocks of train, less that of the first", title_justify="left")
    for heading in ("definition", "setting", "loss", "difference", "95 %", "CPU s"):
        table.add_column(heading)
    for name, found in kept.items():
        losses = {k: GroupLosses.from_json(one["losses"]) for k, one in found.items()}
        first = next(iter(losses.values()))
        for label, own in losses.items():
            difference, (low, high) = own.difference(first)
            table.add_row(
                name, label, f"{own.value:.5f}", f"{difference:+.5f}",
                f"{low:+.5f} to {high:+.5f}", f"{found[label]['cpu']:.0f}",
            )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
