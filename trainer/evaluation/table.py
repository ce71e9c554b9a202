"""An evaluation as lines for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forebay.console.tables import aligned
from forebay.console.words import counted

EvaluationReport = Mapping[str, Any]

_SHOWN = (
    "rmse", "mae", "r2", "mape", "mean_error",
    "log_loss", "auc", "average_precision", "brier", "calibration_error",
    "precision", "recall", "f1", "accuracy", "top_k", "macro_f1",
)  # fmt: skip
_IN_SLICES: Mapping[str, Sequence[str]] = {
    "regression": ("rmse", "mae", "mean_error"),
    "binary_classification": ("log_loss", "auc", "mean_error", "precision", "recall"),
}
_CLASSES = ("log_loss", "accuracy", "top_k", "macro_f1")
# More slices than this are in the files only.
_MOST_SLICES = 30


def table(report: EvaluationReport) -> str:
    """Returns a report of `evaluate` as lines."""
    return "\n".join(_lines(report))


def _lines(report: EvaluationReport) -> Iterator[str]:
    model = report["model"]
    yield (
        f"{report['dataset']}, {report['split']}: {counted(report['rows'], 'row')}, "
        f"label {report['label']}, model {model['path']} (step {model['step']:,})"
    )
    yield from _threshold(report["threshold"], report["split"])
    yield f"  model: {_scores(report['metrics'], report['intervals'])}"
    for baseline in report["baselines"]:
        yield from _baseline(baseline)
    if report["resampling"] is not None:
        yield f"  {_drawn(report['resampling'])}"
    for column, slices in report["slices"].items():
        yield ""
        yield from _slices(column, slices, report["task"])
    if "comparison" in report:
        yield ""
        yield from _comparison(report["comparison"])


def _threshold(threshold: EvaluationReport | None, split: str) -> Iterator[str]:
    if threshold is None or threshold["chosen_for"] is None:
        return
    text = f"  threshold {threshold['value']:.4g}, chosen for {threshold['chosen_for']} on the "
    chosen_on = threshold["chosen_on"]
    flattered = ": these very rows, which flatters what is measured at it"
    yield f"{text}{chosen_on} split{flattered if chosen_on == split else ''}"


def _baseline(baseline: EvaluationReport) -> Iterator[str]:
    name, missing = baseline["name"], baseline["rows_missing"]
    if baseline["metrics"] is None:
        yield f"  {name}: missing in every row"
        return
    yield f"  {name}: {_scores(baseline['metrics'])}"
    if missing:
        yield (
            f"  model, {counted(missing, 'row')} without {name} left out: "
            f"{_scores(baseline['model'])}"
        )


def _drawn(resampling: EvaluationReport) -> str:
    of = "rows"
    if resampling["by"] is not None:
        of = (
            f"the {counted(resampling['groups'], 'value')} of {resampling['by']}, all their rows "
            "together"
        )
    return (
        f"in brackets: {resampling['level']:.0%} intervals over {resampling['resamples']:,} "
        f"resamples of {of}"
    )


def _slices(column: str, slices: Sequence[EvaluationReport], task: str) -> Iterator[str]:
    shown = [*_named(slices[0]["metrics"], _IN_SLICES.get(task, _CLASSES))]
    rows = [
        [
            one["value"],
            f"{one['rows']:,}",
            *(_number(one["metrics"][name]) for name in shown),
            "few rows" if one["few_rows"] else "",
        ]
        for one in slices[:_MOST_SLICES]
    ]
    yield from aligned([[column, "rows", *shown, ""], *rows])
    if len(slices) > _MOST_SLICES:
        yield f"  and {len(slices) - _MOST_SLICES:,} more, in the files"


def _comparison(comparison: EvaluationReport) -> Iterator[str]:
    other = comparison["model"]
    yield f"against {other['path']} (step {other['step']:,})"
    scores = comparison["scores"]
    names = _named(scores, _SHOWN)
    rows = [
        [
            name,
            *(_number(scores[name][key]) for key in ("model", "other", "difference")),
            _interval(scores[name]["interval"]),
            {"model": "better", "other": "worse", None: ""}[scores[name]["better"]],
        ]
        for name in names
    ]
    yield from aligned([["", "model", "other", "difference", "interval", ""], *rows])


def _named(scores: EvaluationReport, wanted: Sequence[str]) -> list[str]:
    """Returns the scores wanted that are there; ``top_k`` stands for whichever k it is."""
    top = [name for name in scores if name.startswith("top_")]
    found = []
    for name in wanted:
        found += top if name == "top_k" else [name] if name in scores else []
    return found


def _scores(scores: EvaluationReport, intervals: EvaluationReport | None = None) -> str:
    texts = []
    for name in _named(scores, _SHOWN):
        around = f" ({_interval(intervals[name])})" if intervals is not None else ""
        texts.append(f"{name} {_number(scores[name])}{around}")
    return ", ".join(texts)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _interval(bounds: Sequence[float] | None) -> str:
    return "none" if bounds is None else f"{bounds[0]:.4g} to {bounds[1]:.4g}"
