"""What a training warns of: rates that are known to fail, and what its evaluations show."""

from collections.abc import Mapping
from typing import Any

from forebay.console.words import counted
from forebay.trainer.checkpoints.best_model import TrainingRecord
from forebay.trainer.options.choose import ChosenOptions, Table, default_of, is_far

# Evaluations below this say nothing of where the best of them stands.
_FEW = 3
# A last evaluation that is the best by less of the loss than this has gained nothing.
_GAIN = 0.002


def of_rates(options: ChosenOptions, table: Table) -> str | None:
    """Warns of a rate that is far from what its optimizer takes; None: none is."""
    for name, optimizer, is_linear in (
        ("learning_rate", options.optimizer, options.model == "linear"),
        ("wide_learning_rate", options.wide_optimizer, True),
    ):
        rate, usual = getattr(options, name), default_of(name, options, table)
        if rate is None or usual is None or not is_far(rate, usual):
            continue
        flag = "--" + name.replace("_", "-")
        model = "a linear model" if is_linear else "hidden layers"
        size, fate, times = (
            ("below", "learns next to nothing", usual / rate) if rate < usual
            else ("above", "is likely to diverge", rate / usual)
        )  # fmt: skip
        return (
            f"{flag} {rate:g} is {times:,.0f} times {size} the {usual:.3g} that {optimizer} "
            f"takes for {model}, and {fate}; leave {flag} out, or see `forebay lr-find`"
        )
    return None


def of_outcome(record: TrainingRecord, report: Mapping[str, Any], metric: str) -> str | None:
    """Warns where the evaluations show that the training could do better; None: they don't.

    Args:
        record: the record of the training.
        report: the evaluation of the best, beside its baselines.
        metric: the metric of the report that is the loss, the less the better.
    """
    options = record["options"]
    own, mean = report["metrics"].get(metric), report["baselines"][0]
    told = mean["metrics"] and mean["metrics"].get(metric)
    # Rows that are weighed by class make probabilities that no class's share is to be held against.
    is_fair = options["data"]["class_weights"] is None
    if is_fair and own is not None and told is not None and own >= told:
        return (
            f"the best evaluation's {metric} {own:.5g} is no better than the {told:.5g} of "
            f"predicting the {mean['name']}: --learning-rate {options['learning_rate']:g} may not "
            "suit, see `forebay lr-find`; or the features tell nothing of the label"
        )
    scores = [one["score"] for one in record["history"]]
    best = min(range(len(scores)), key=scores.__getitem__)
    if len(scores) < _FEW or 0 < best < len(scores) - 1:
        return None
    if best == 0:
        # Not --eval-every: where nobody gave one, evaluations begin long before its first multiple.
        first = record["history"][0]["step"]
        cures = [f"a lower --eval-every than {first:,}"] if first > 1 else []
        return (
            f"the first of {len(scores)} evaluations, after {counted(first, 'step')}, was the "
            f"best: {' or '.join([*cures, 'a lower --learning-rate'])} may find a better one"
        )
    gain = min(scores[:-1]) - scores[-1]
    is_done = record["steps_trained"] >= options["max_steps"]
    if is_done and gain > _GAIN * abs(scores[-1]):
        return "the last evaluation was the best: more --max-steps may do better"
    return None
