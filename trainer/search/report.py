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
from forebay.trainer.options.choose import choose
from forebay.trainer.options.flags import as_flags, as_text, as_toml, code_flags
from forebay.trainer.options.sweep import SweepOptions
from forebay.trainer.search.blocks import GroupLosses
from forebay.trainer.search.space import tried_options
from forebay.trainer.training.job import table_of
from forebay.trainer.workers.team import alone

_NOTES = ("outcome", "eval_metric", "step", "steps_trained", "seconds", "options")
# What a trial's losses by day are kept under.
LOSSES = "losses"
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
        ``trials``, each with its number from 1, ``outcome`` (``trained``, ``stopped`` as hopeless,
        ``diverged``, or ``refused`` where the run does not allow its options), best
        ``eval_metric``, the ``step`` of that, and the options searched; of blocks of train also the
        ``difference`` from the first trial's metric, and its ``interval``. ``best``: the best
        trained one's number, loss, whole ``options``, and the same as ``command`` and as ``config``
        file, with the ``flags`` that go with the file: those that name code.
    """
    task = run.definition.label.task
    metric = options.train.best_by or EVAL_LOSS[task]
    trials = [
        {"trial": i, **{name: trial.user_attrs[name] for name in _NOTES}}
        for i, trial in enumerate(finished, start=1)
    ]
    if options.blocks is not None:
        _add_differences(trials, finished)
    trained = [i for i, one in enumerate(trials) if one["outcome"] == "trained"]
    best = None
    if trained:
        place = min(trained, key=lambda i: (tuple(finished[i].values or ()), i))
        trial, number = finished[place], trials[place]["trial"]
        tried = tried_options(options.train, options.searches, trial.params)
        chosen = choose(tried, table_of(run, tried, alone())).options
        best = {
            "trial": number,
            "eval_metric": trials[place]["eval_metric"],
            "options": asdict(chosen),
            "command": command_line(run.path, chosen),
            "config": as_toml(chosen),
            "flags": shlex.join(code_flags(chosen)),
        }
    return {
        "dataset": run.definition.name,
        "metric": metric,
        "more_is_better": BEST_BY[task][metric],
        "split": "eval" if options.blocks is None else f"{options.blocks} blocks of train",
        "searched": [asdict(search) for search in options.searches],
        "trials": trials,
        "best": best,
    }


def _add_differences(trials: Sequence[dict[str, Any]], finished: Sequence[FrozenTrial]) -> None:
    """Adds each trial's loss less the first one's, over days that both have."""
    losses = [
        GroupLosses.from_json(trial.user_attrs[LOSSES]) if LOSSES in trial.user_attrs else None
        for trial in finished
    ]
    for one, own in zip(trials, losses, strict=True):
        one["difference"], one["interval"] = None, None
        if own is not None and losses[0] is not None and own is not losses[0]:
            one["difference"], one["interval"] = own.difference(losses[0])


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
        + (f", {refused} refused" if (refused := outcomes.count("refused")) else "")
    )
    order = sorted(trials, key=lambda one: _rank(one, falling=report["more_is_better"]))
    names, has_differences = list(trials[0]["options"]), "difference" in trials[0]
    rows = [
        [
            str(one["trial"]),
            "none" if one["eval_metric"] is None else f"{one['eval_metric']:.5g}",
            *([_difference(one)] if has_differences else []),
            one["outcome"],
            f"{one['steps_trained']:,}",
            f"{one['seconds']:.0f}",
            *(as_text(one["options"][name]) for name in names),
        ]
        for one in order[:_MOST_SHOWN]
    ]
    beside = ["less trial 1 (95 % of days)"] if has_differences else []
    head = [
        "trial",
        f"{_short(report)} {report['metric']}",
        *beside,
        "",
        "steps",
        "seconds",
        *names,
    ]
    yield from aligned([head, *rows])
    if len(trials) > _MOST_SHOWN:
        yield f"  and {len(trials) - _MOST_SHOWN} more, in {folder}/sweep.json"
    yield (
        f"best: trial {best['trial']}, {report['metric']} {best['eval_metric']:.5g} on "
        f"{report['split']}"
    )
    yield f"  {best['command']}"
    same = f"--config {shlex.quote(folder)}/best.toml {best['flags']}".rstrip()
    yield f"the same: {same}; wrote sweep.json and sweep.png beside it"


def _short(report: Mapping[str, Any]) -> str:
    return "eval" if report["split"] == "eval" else "blocks"


def _difference(one: Mapping[str, Any]) -> str:
    if one["difference"] is None:
        return ""
    low, high = one["interval"]
    return f"{one['difference']:+.3g} ({low:+.3g} to {high:+.3g})"


def _rank(one: Mapping[str, Any], *, falling: bool) -> tuple[int, float]:
    place = ("trained", "stopped", "diverged", "refused").index(one["outcome"])
    metric = one["eval_metric"]
    return place, float("inf") if metric is None else -metric if falling else metric
