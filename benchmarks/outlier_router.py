"""Whether outliers are worth a model of their own, and a router that sends rows to it.

The rows of train with the greatest labels are outliers. One model is trained on them, one on the
others, and a router on which is which; all are LightGBM with its defaults, which trains in seconds.
A row is answered by the model that the router names (*routed*), or by both in the shares that the
router gives (*mixed*). Measured on the eval split; the test split is not read.

    python benchmarks/outlier_router.py
    python benchmarks/outlier_router.py schedule --share 0.05
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from flights_runs import ROOT, flights_run
from lightgbm_model import PeerOptions, PeerRows, fit, peer_rows
from rich.console import Console
from rich.table import Table

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.by_task import as_predictions
from forebay.transforms.definition.labels import BinaryClassification, Task

OPTIONS = PeerOptions(num_leaves=31, learning_rate=0.1, crosses=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("definitions", nargs="*", default=["departure", "schedule"])
    parser.add_argument("--share", type=float, default=0.02, help="of train's rows, the outliers")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where run folders are")
    parser.add_argument("--data", type=Path, default=ROOT / "data/flights", help="flights.csv's")
    args = parser.parse_args()
    table = Table(title=f"eval split; outliers are {args.share:.0%} of train", title_justify="left")
    for heading in ("definition", "answered by", "RMSE", "of outliers", "of others"):
        table.add_column(heading)
    for name in args.definitions:
        for row in measured(flights_run(name, args.runs, args.data), args.share):
            table.add_row(name, *row)
    Console(width=120).print(table)


def measured(run: RunFolder, share: float) -> Iterator[tuple[str, ...]]:
    """Yields who answers, and the errors over all rows, over outliers and over the others."""
    train, evaluated = (_rows(run, split) for split in ("train", "eval"))
    bound = float(np.quantile(train.label, 1 - share))
    is_out = train.label > bound
    label = evaluated.label.astype(np.float64)
    label_out = label > bound

    def answers(task: Task, rows: PeerRows, stop: PeerRows) -> Floats:
        return fit(task, rows, stop, OPTIONS, 0).answer(evaluated)

    marks = (replace(rows, label=(rows.label > bound).astype(np.float32)) for rows in
             (train, evaluated))  # fmt: skip
    router = answers("binary_classification", *marks)
    others = answers("regression", _taken(train, ~is_out), _taken(evaluated, ~label_out))
    outliers = answers("regression", _taken(train, is_out), _taken(evaluated, label_out))
    auc = as_predictions(BinaryClassification("late"), label_out.astype(np.float64), router)
    found = {
        "one model": answers("regression", train, evaluated),
        "routed": np.where(router > 0.5, outliers, others),
        "mixed": router * outliers + (1 - router) * others,
        "a router that is never wrong": np.where(label_out, outliers, others),
    }
    for name, answer in found.items():
        squares = np.square(answer - label)
        parts = (squares, squares[label_out], squares[~label_out])
        yield name, *(f"{np.sqrt(part.mean()):.2f}" for part in parts)
    sent, of_outliers = ((router[mask] > 0.5).mean() for mask in (label_out | True, label_out))
    yield (
        f"(router: AUC {auc.scores()['auc']:.3f}, sends {sent:.2%}, {of_outliers:.0%} of outliers)",
        "",
        "",
        "",
    )


def _rows(run: RunFolder, split: str) -> PeerRows:
    inputs, carried = inputs_of(run), run.definition.label.baselines
    examples = SplitReader(run, split, inputs, carried).read()
    return peer_rows(run.definition, inputs, examples, crosses=False)


def _taken(rows: PeerRows, mask: npt.NDArray[np.bool_]) -> PeerRows:
    columns = {name: values[mask] for name, values in rows.columns.items()}
    baseline = None if rows.baseline is None else rows.baseline[mask]
    return replace(rows, columns=columns, label=rows.label[mask], baseline=baseline)


if __name__ == "__main__":
    main()
