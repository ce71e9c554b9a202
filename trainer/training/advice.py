"""What a training warns of: rates that are known to fail, and what its evaluations show."""

from collections.abc import Mapping
from typing import Any

from forebay.trainer.checkpoints.best_model import TrainingRecord
from forebay.trainer.options.choose import ChosenOptions, Table, default_rate, is_far

# Evaluations below this say nothing of where the best of them stands.
_FEW = 3
# A last evaluation that is the best by less of the loss than this has gained nothing.
_GAIN = 0.002


def of_rates(options: ChosenOptions, table: Table) -> str | None:
    """Warns of a rate that is far from what its optimizer takes; None: none is."""
    linear = options.model == "linear"
    rates = [("--learning-rate", options.learning_rate, options.optimizer, linear)]
    if options.wide_optimizer is not None and options.wide_learning_rate is not None:
        wide = ("--wide-learning-rate", options.wide_learning_rate, options.wide_optimizer, True)
        rates.append(wide)
    for flag, rate, optimizer, of_linear in rates:
        usual = default_rate(
            optimizer, linear=of_linear, inputs=table.inputs, batch_size=options.batch_size
        )
        if is_far(rate, usual):
            model = "a linear model" if of_linear else "hidden layers"
            size, fate = ("below", "learns next to nothing") if rate < usual else (
                "above", "is likely to diverge"
            )  # fmt: skip
            times = usual / rate if rate < usual else rate / usual
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
        return (
            f"the first of {len(scores)} evaluations was the best: a lower --eval-every than "
            f"{options['eval_every']:,}, or a lower --learning-rate, may find a better one"
        )
    gain = min(scores[:-1]) - scores[-1]
    if gain > _GAIN * abs(scores[-1]):
        return "the last evaluation was the best: more --max-steps may do better"
    return None
