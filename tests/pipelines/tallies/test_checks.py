"""Checks of counts between the steps of a run."""

import pytest

from forebay.pipelines.tallies.checks import check_written
from forebay.transforms.errors import RunFailed


def test_every_row_must_have_become_an_example() -> None:
    ingested = {"rows": {"train": 3, "eval": 1}}

    check_written(ingested, {"written": {"train": 3, "eval": 1}})
    for written in ({"train": 2, "eval": 1}, {"train": 3}, {}):
        with pytest.raises(RunFailed, match="examples written"):
            check_written(ingested, {"written": written})
