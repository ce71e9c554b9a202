"""Checks of counts between the steps of a run."""

import pytest

from forebay.pipelines.tallies.checks import check_ends, check_written
from forebay.transforms.errors import RunFailed


def test_every_row_must_have_become_an_example() -> None:
    ingested = {"rows": {"train": 3, "eval": 1}}

    check_written(ingested, {"written": {"train": 3, "eval": 1}})
    for written in ({"train": 2, "eval": 1}, {"train": 3}, {}):
        with pytest.raises(RunFailed, match="examples written"):
            check_written(ingested, {"written": written})


def test_every_record_must_have_come_to_an_end() -> None:
    found = {
        "records": {"read": 10}, "added": {"a step": 2}, "rows": {"train": 5, "eval": 1},
        "dropped": {"no label": 2}, "rejects": {"an empty key": 1}, "history": {"rows": 3},
    }  # fmt: skip

    check_ends(found, "rows", "dropped", "rejects", "history")
    for kind in found:
        others = {name: counts for name, counts in found.items() if name != kind}
        with pytest.raises(RunFailed, match="defect of Forebay or of the runner"):
            check_ends(others, "rows", "dropped", "rejects", "history")
