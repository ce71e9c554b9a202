"""`forebay check` on definitions that look up their label, or something by what it is made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from forebay.commands.check.audit import audit
from forebay.commands.check.findings import Severity
from forebay.commands.check.lineage import find_lineage
from forebay.commands.check.subject import Subject
from forebay.pipelines.lookups.tables import Lookups
from forebay.transforms.definition.columns import Boolean, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.definition.sources import Derive, Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import mean
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.lookup_tables import LookupTable

ROWS = 400
LATE, AMOUNT = "outcomes_late_by_order", "orders_amount_by_order"
START = dt.datetime(2024, 3, 1, 6, tzinfo=dt.UTC)


def graded(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    grade = pc.if_else(pc.greater(rows["delay"], 10), "late", "early")
    return {"hours": pc.divide(rows["delay"], 60.0), "grade": grade}


def judged(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    return {
        "was_late": pc.greater(rows[LATE], 10.0),
        "is_dear": pc.greater(rows[AMOUNT], 50.0),
    }


GRADED = Derive(graded, ["delay"], {"hours": Number(), "grade": String()})
JUDGED = Derive(judged, [LATE, AMOUNT], {"was_late": Boolean(), "is_dear": Boolean()})
WINDOW = Windowed(
    LATE, key="shop", at="left", available_at="outcomes_done_by_order", over="1d", ops=mean()
)

orders = Dataset(
    name="orders",
    columns={
        "order": Integer(),
        "left": Timestamp(),
        "shop": String(),
        "weight": Number(),
        "delay": Number(),
    },
    row_time="left",
    sources={
        "outcomes": Source(columns={"order": Integer(), "late": Number(), "done": Timestamp()}),
        "orders": Source(columns={"order": Integer(), "amount": Number()}),
        "grades": Source(columns={"grade": String(), "note": String()}),
    },
    lookups=[
        Lookup(["late", "done"], source="outcomes", key="order"),
        Lookup("amount", source="orders", key="order"),
    ],
    windows=[WINDOW],
    features=[Numeric(AMOUNT), Numeric("weight"), Numeric(*WINDOW.names)],
    label=Regression(LATE),
    split=HashSplit("order"),
)


def subject(dataset: Dataset) -> Subject:
    chance, order = np.random.default_rng(1), range(ROWS)
    left = [START + dt.timedelta(minutes=47 * i) for i in order]
    weight, late, amount = chance.uniform(0, 100, (3, ROWS)).tolist()
    delay = chance.integers(-20, 60, ROWS).astype(float).tolist()
    done = [t + dt.timedelta(minutes=m) for t, m in zip(left, late, strict=True)]
    tables = {
        "outcomes": pa.table({"order": order, "late": late, "done": done}),
        "orders": pa.table({"order": order, "amount": amount}),
        "grades": pa.table({"grade": ["late", "early"], "note": ["sorry", "thanks"]}),
    }
    found = {
        one.name: LookupTable.of(
            one,
            tables[one.source].append_column(ROW, pa.array(range(len(tables[one.source])))),
        )
        for one in dataset.lookups
    }
    cells = {
        "order": order, "left": pa.array(left, pa.timestamp("us", tz="UTC")),
        "shop": [f"s{i % 3}" for i in order], "weight": weight, "delay": delay, ROW: order,
    }  # fmt: skip
    rows = pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in cells.items()})
    read = Subject(dataset, rows, lookups=Lookups(dataset, found))
    return replace(read, read=read.derived(read.parsed))


def not_in_order(dataset: Dataset) -> set[tuple[str, str, Severity]]:
    checked = subject(dataset)
    found = audit(dataset, checked.read, lookups=checked.lookups)
    return {(f.check, f.column, f.severity) for f in found if f.severity is not Severity.OK}


def test_a_label_that_is_looked_up_is_no_other_table_s_row_of_its_key() -> None:
    assert not_in_order(orders) == set()


@pytest.mark.parametrize(
    ("column", "severity"), [("was_late", {Severity.LEAK}), ("is_dear", set())]
)
def test_what_is_made_of_a_looked_up_label_leaks(column: str, severity: set[Severity]) -> None:
    made = replace(orders, derive=[JUDGED], features=[Categorical(column), Numeric("weight")])
    assert {s for check, name, s in not_in_order(made) if name == column} == severity


def test_what_is_looked_up_by_what_the_label_is_made_of_leaks() -> None:
    note = "grades_note_by_grade"
    dataset = replace(
        orders, derive=[GRADED], lookups=[Lookup("note", source="grades", key="grade")],
        windows=(),
        features=[Categorical(note), Numeric("weight")], label=Regression("hours"),
    )  # fmt: skip
    assert ("own label", note, Severity.LEAK) in not_in_order(dataset)


def test_cells_are_told_from_what_says_where_to_look() -> None:
    dataset = replace(orders, derive=[JUDGED], features=[Categorical("is_dear")])
    lineage = find_lineage(subject(dataset))
    assert lineage.cells["is_dear"] == {AMOUNT}
    assert lineage.sources["is_dear"] == {AMOUNT, "order"}
    assert lineage.label == {LATE}
