"""Transformed numbers that are none, found and counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from forebay.pipelines.tallies.finite import find_nonfinite

NAN = float("nan")


def lists(values: list[list[float]]) -> pa.Array:
    return pa.array(values, pa.large_list(pa.float32()))


def test_each_output_is_counted_by_rows_and_carried_columns_are_left_alone() -> None:
    batch = pa.RecordBatch.from_pydict({
        "good": lists([[1.0], [2.0], [3.0], [4.0]]),
        "bad": lists([[1.0], [NAN], [3.0], [np.inf]]),
        "wide": lists([[1.0, 2.0], [3.0, 4.0], [NAN, NAN], [5.0, -np.inf]]),
        "id": pa.array([[1], [2], [3], [4]], pa.large_list(pa.int64())),
        "label": lists([[NAN]] * 4),
    })  # fmt: skip
    found = list(find_nonfinite((("eval", 3), batch), frozenset(["label"])))
    assert found == [
        ("nonfinite", "bad eval 3", ["bad", "eval", 3, 2, 1, "nan"]),
        ("nonfinite", "wide eval 3", ["wide", "eval", 3, 2, 2, "nan"]),
    ]
    empty = batch.slice(0, 0)
    assert list(find_nonfinite((("train", 0), empty), frozenset(["label"]))) == []
