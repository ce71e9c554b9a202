"""What a sweep found: a table, and the best options as a command line."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from optuna.trial import FrozenTrial

from forebay.console.tables import aligned
from forebay.console.words import counted
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.metrics.by_task import BEST_BY, EVAL_LOSS
from forebay.trainer.options import TrainOptions
from forebay.trainer.options.flags import as_flags, as_text, as_toml
from forebay.trainer.options.sweep import SweepOptions
from forebay.trainer.search.space import tried_options

_NOTES = ("outcome", "eval_metric", "step", "steps_trained", "seconds", "options")
# More trials than this are in the files only.
_MOST_SHOWN = 15


def sweep_report(
    run: RunFolder, options: SweepOptions, finished: Sequence[FrozenTrial]
) -> dict[str, Any]:
    """Returns a sweep as plain values.

    Args:
        run: what was trained on.
        options: what was searched.
        finished: Optuna's trials, in order.

    Returns:
        ``trials``, each with its number from 1, ``outcome`` (``trained``, ``stopped`` as hopeless
        or ``diverged``), best ``eval_metric``, the ``step`` of that, and the options searched;
        ``best``: the best trained one's number, loss, whole ``options``, and the same as
        ``command`` and as ``config`` file.
    """
    task = run.definition.label.task
    metric = options.train.best_by or EVAL_LOSS[task]
    trials = [
        {"trial": i, **{name: trial.user_attrs[name] for name in _NOTES}}
        for i, trial in enumerate(finished, start=1)
    ]
    trained = [i for i, one in enumerate(trials) if one["outcome"] == "trained"]
    best = None
    if trained:
        place = min(trained, key=lambda i: (tuple(finished[i].values or ()), i))
        trial, number = finished[place], trials[place]["trial"]
        chosen = tried_options(options.train, options.searches, trial.params)
        best = {
            "trial": number,
            "eval_metric": trials[place]["eval_metric"],
            "options": asdict(chosen),
            "command": command_line(run.path, chosen),
            "config": as_toml(chosen),
        }
    return {
        "dataset": run.definition.name,
        "metric": metric,
        "more_is_better": BEST_BY[task][metric],
        "split": "eval",
        "searched": [asdict(search) for search in options.searches],
        "trials": trials,
        "best": best,
    }


def command_line(run: str, options: TrainOptions) -> str:
    """Returns the ``forebay train`` command that trains with these options, anew."""
    return shlex.join(["forebay", "train", run, "--fresh", *as_flags(options)])


def sweep_table(report: Mapping[str, Any], folder: str) -> str:
    """Returns a sweep as lines for people, the best trials first."""
    return "\n".join(_lines(report, folder))


def _lines(report: Mapping[str, Any], folder: str) -> Iterator[str]:
    trials, best = report["trials"], report["best"]
    outcomes = [one["outcome"] for one in trials]
    yield (
        f"{report['dataset']}: {counted(len(trials), 'trial')}, {outcomes.count('stopped')} "
        f"stopped as hopeless, {outcomes.count('diverged')} diverged"
    )
    order = sorted(trials, key=lambda one: _rank(one, falling=report["more_is_better"]))
    names = list(trials[0]["options"])
    rows = [
        [
            str(one["trial"]),
            "none" if one["eval_metric"] is None else f"{one['eval_metric']:.5g}",
            one["outcome"],
            f"{one['steps_trained']:,}",
            f"{one['seconds']:.0f}",
            *(as_text(one["options"][name]) for name in names),
        ]
        for one in order[:_MOST_SHOWN]
    ]
    head = ["trial", f"eval {report['metric']}", "", "steps", "seconds", *names]
    yield from aligned([head, *rows])
    if len(trials) > _MOST_SHOWN:
        yield f"  and {len(trials) - _MOST_SHOWN} more, in {folder}/sweep.json"
    yield f"best: trial {best['trial']}, {report['metric']} {best['eval_metric']:.5g} on eval"
    yield f"  {best['command']}"
    yield f"the same: --config {folder}/best.toml; wrote sweep.json and sweep.png beside it"


def _rank(one: Mapping[str, Any], *, falling: bool) -> tuple[int, float]:
    place = ("trained", "stopped", "diverged").index(one["outcome"])
    metric = one["eval_metric"]
    return place, float("inf") if metric is None else -metric if falling else metric
