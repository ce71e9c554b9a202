"""What people are told of what answers rest on."""

from __future__ import annotations

import forebay as fb
from forebay.pipelines.predictions.checks import warnings


def test_a_history_that_no_window_looks_at_is_told_as_such() -> None:
    dataset = fb.Dataset(
        name="parts",
        columns={"id": fb.Integer(required=True), "weight": fb.Number(), "days": fb.Number()},
        features=[fb.Numeric("weight")],
        label=fb.Regression("days"),
        split=fb.HashSplit("id", train=80, eval=10, test=10),
    )
    found = {"answered": {"rows": 3}}
    assert list(warnings(found, dataset, True)) == ["no window looks at --history; leave it out"]
    assert not list(warnings(found, dataset, False))
