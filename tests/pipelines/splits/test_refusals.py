"""Labels and weights that none can be: rejected with the value, by reason."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from forebay.commands.check.audit import audit
from forebay.commands.check.checks.label_values import LABEL_VALUES
from forebay.commands.check.findings import Severity
from forebay.pipelines.splits.rows import split_rows
from forebay.pipelines.tallies.checks import check_rejects, check_splits
from forebay.transforms.definition.columns import Boolean, Column, Integer, Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
)
from forebay.transforms.definition.splits import ColumnSplit, HashSplit
from forebay.transforms.errors import InputError

GREATEST = 3.4028234663852886e38  # of float32
BEYOND = "beyond 3.4e+38, the greatest number of a model"
NEITHER = "neither 0 nor 1, and a label of two classes must be"
LABELS: list[tuple[Column, Label, list[Any], list[Any], str]] = [
    (Integer(), BinaryClassification("y"), [0, 1, 1], [2, -1, 100], NEITHER),
    (Number(), BinaryClassification("y"), [0.0, 1.0, -0.0], [0.5, 2.0, 1e39], NEITHER),
    (Boolean(), BinaryClassification("y"), [True, False], [], ""),
    (Number(), Regression("y"), [GREATEST, -GREATEST, 1e-40], [1.7976931348623157e308, -1e39],
     BEYOND),
    (Integer(), Regression("y"), [2**62], [], ""),
    (Integer(), Classification("y", (1, 2)), [1, 2], [], ""),
]  # fmt: skip


def made(column: Column, label: Label, weight: str | None = None) -> Dataset:
    return Dataset(
        name="labels", columns={"id": String(), "x": Number(), "w": Number(), "y": column},
        features=[Numeric("x")], label=label, split=HashSplit("id"), weight=weight,
    )  # fmt: skip


def batch(column: Column, values: list[Any], weights: list[Any] | None = None) -> pa.RecordBatch:
    n = len(values)
    return pa.RecordBatch.from_pydict({
        "id": [str(i) for i in range(n)], "x": [1.0 * i for i in range(n)],
        "w": pa.array(weights or [1.0] * n, pa.float64()),
        "y": pa.array(values, column.arrow_type), ROW: pa.array(range(n), pa.int64()),
    })  # fmt: skip


@pytest.mark.parametrize(("column", "label", "good", "bad", "text"), LABELS)
def test_labels_that_none_can_be_are_rejected_with_their_value(
    column: Column, label: Label, good: list[Any], bad: list[Any], text: str
) -> None:
    found = split_rows(batch(column, [*good, None, *bad]), made(column, label))
    assert sum(map(len, found.splits.values())) == len(good)
    assert found.dropped == {"no label": 1}
    assert found.labels == {repr(value): 1 for value in bad}
    if not bad:
        assert found.rejected == {}
        return
    (rejected,) = found.rejected.values()
    assert list(found.rejected) == [f"y: {text}"]
    assert rejected.reasons == [f"y: {value!r} is {text}" for value in bad]
    assert rejected.identities.to_pylist() == [len(good) + 1 + i for i in range(len(bad))]


def test_check_says_what_preprocess_rejects() -> None:
    for column, label, good, bad, text in LABELS:
        findings = audit(made(column, label), batch(column, [*good, *bad] * 20))
        (found,) = [finding for finding in findings if finding.check == LABEL_VALUES]
        if bad:
            assert (found.severity, found.column) == (Severity.WARNING, "y")
            assert found.what == f"is {text}"
            assert f"{bad[0]!r} (20)" in found.evidence
            assert found.row == len(good)
        else:
            assert found.severity is Severity.OK
    spelled = made(String(), Classification("y", ("a", "b")))
    findings = audit(spelled, batch(String(), ["a", "b", "A", "A"] * 20))
    (found,) = [finding for finding in findings if finding.check == LABEL_VALUES]
    assert (found.what, found.row) == ("is none of the classes", 2)
    assert "'A' (40)" in found.evidence


def test_weights_that_none_can_be_are_rejected_with_their_value() -> None:
    weights = [1.0, 0.0, None, float("nan"), -1.0, 1e39, GREATEST]
    found = split_rows(
        batch(Number(), [1.0] * 7, weights), made(Number(), Regression("y"), weight="w")
    )
    assert sum(map(len, found.splits.values())) == 3
    reasons = [reason for rejected in found.rejected.values() for reason in rejected.reasons]
    assert reasons == [
        "w: missing, so the row has no weight", "w: nan is not finite, and a weight must be",
        "w: -1.0 is negative, and no weight can be", f"w: 1e+39 is {BEYOND}",
    ]  # fmt: skip


def ingested(**facts: dict[str, int]) -> dict[str, dict[str, int]]:
    return {"records": {"read": 200}, **facts}


def test_most_labels_at_fault_stop_the_run_by_their_values() -> None:
    dataset = made(Integer(), BinaryClassification("y"))
    reason = f"y: {NEITHER}"
    with pytest.raises(InputError, match="were rejected") as error:
        check_rejects(ingested(rejects={reason: 98}, labels={"2": 90, "-1": 8}), dataset, 0.01)
    assert f"{reason} (98); such values of the label 'y': 2 (90); -1 (8);" in str(error.value)
    assert "Boolean(true=..., false=...)" in str(error.value)
    # A few of them are not what to mend first.
    with pytest.raises(InputError, match="mend the input or the definition"):
        check_rejects(
            ingested(rejects={"x: not a number": 98, reason: 2}, labels={"2": 2}), dataset, 0.01
        )


def test_labels_that_are_all_no_class_are_named() -> None:
    dataset = made(String(), Classification("y", ("a", "b")))
    facts = ingested(dropped={"label is no class": 200}, labels={"'A'": 120, "'B'": 80})
    with pytest.raises(InputError, match=r"'y': 'A' \(120\); 'B' \(80\); list its classes"):
        check_splits(facts, dataset, None, learns=True)


def test_a_row_of_a_part_that_is_none_is_rejected_with_its_value() -> None:
    dataset = Dataset(
        name="parts", columns={"part": String(), "x": Number(), "y": Number()},
        features=[Numeric("x")], label=Regression("y"),
        split=ColumnSplit("part", train="train", eval=["dev", "valid"]),
    )  # fmt: skip
    parts = ["train", "dev", "tset", None, "valid", "train"]
    rows = pa.RecordBatch.from_pydict(
        {"part": parts, "x": [1.0] * 6, "y": [1.0] * 6, ROW: pa.array(range(6), pa.int64())}
    )

    found = split_rows(rows, dataset)

    assert {name: batch[ROW].to_pylist() for name, batch in found.splits.items()} == {
        "train": [0, 5], "eval": [1, 4],
    }  # fmt: skip
    assert {c: (r.identities.to_pylist(), r.reasons) for c, r in found.rejected.items()} == {
        "part: missing, so the row has no split": ([3], ["part: missing, so the row has no split"]),
        "part: no value of train, eval or test": (
            [2], ["part: 'tset' is no value of train, eval or test"],
        ),
    }  # fmt: skip
