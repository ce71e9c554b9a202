"""Where options are searched, in Optuna's words, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from forebay.trainer.options import TrainOptions
from forebay.trainer.options.flags import as_text
from forebay.trainer.options.searches import Search, combined

# Figures that matter; the printed options are those that were tried.
_DIGITS = 3


def distributions(searches: Sequence[Search]) -> dict[str, BaseDistribution]:
    """Returns each searched option's distribution; choices are written as on the command line."""
    return {search.option: _distribution(search) for search in searches}


def _distribution(search: Search) -> BaseDistribution:
    if search.choices:
        return CategoricalDistribution([as_text(choice) for choice in search.choices])
    if search.whole:
        return IntDistribution(int(search.low), int(search.high), log=search.log)
    return FloatDistribution(search.low, search.high, log=search.log)


def tried_options(
    base: TrainOptions, searches: Sequence[Search], parameters: Mapping[str, Any]
) -> TrainOptions:
    """Returns the options that Optuna's parameters mean, numbers rounded to three digits.

    What the model drawn has no place for is left out, and what the base itself has stays as it is.
    """
    return combined(base, {
        search.option: _meant(search, parameters[search.option], getattr(base, search.option))
        for search in searches
    })  # fmt: skip


def _meant(search: Search, parameter: Any, own: Any) -> Any:
    if search.choices:
        return next(choice for choice in search.choices if as_text(choice) == parameter)
    if parameter == own:
        return own
    if search.whole:
        return int(parameter)
    rounded = float(f"{parameter:.{_DIGITS}g}")
    return min(max(rounded, search.low), search.high)


def own_parameters(base: TrainOptions, searches: Sequence[Search]) -> dict[str, Any]:
    """Returns the base options that lie where they are searched, as Optuna's parameters."""
    found = {}
    for search in searches:
        value = getattr(base, search.option)
        if value in search.choices:
            found[search.option] = as_text(value)
        elif not search.choices and value is not None and search.low <= value <= search.high:
            found[search.option] = value
    return found
