"""The options of a training, what a test leaves open chosen as for a table of some rows."""

from __future__ import annotations

from typing import Any

from forebay.trainer.options import TrainOptions
from forebay.trainer.options.choose import ChosenOptions, Table, choose


def chosen(**given: Any) -> ChosenOptions:
    """Options of which none is left open; of one network, unless several are asked for."""
    options = TrainOptions(**{"members": 1, **given})
    return choose(options, Table(4_000, 9, "regression")).options
