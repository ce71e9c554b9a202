"""What `forebay check` says of columns that are filled in later, and of those that only look so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from forebay.commands.check.audit import audit
from forebay.commands.check.findings import Severity
from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Calendar, Categorical, Feature, Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
)
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.windowed import Windowed

LEAK, WARNING = "leak", "warning"
ROWS = 1_200
START = dt.datetime(2024, 3, 1, 6, tzinfo=dt.UTC)
FIRST, LAST = dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
Cells = Sequence[Any]
CHANCE = np.random.default_rng(3)


def found(
    columns: Mapping[str, tuple[Column, Cells]],
    features: Sequence[Feature],
    label: Label | None = None,
    **more: Any,
) -> set[tuple[str, str, str]]:
    """What is not in order, as (check, column, severity)."""
    columns = {"id": (Integer(), range(ROWS)), **columns}
    dataset = Dataset(
        name="table", columns={name: kind for name, (kind, _) in columns.items()},
        features=features, label=label or Regression("y"), split=HashSplit("id"), **more,
    )  # fmt: skip
    arrays = {
        name: pa.array(list(cells), kind.arrow_type) for name, (kind, cells) in columns.items()
    }
    rows = pa.RecordBatch.from_pydict({**arrays, ROW: pa.array(range(ROWS), pa.int64())})
    return {
        (f.check, f.column, f.severity.value)
        for f in audit(dataset, rows)
        if f.severity is not Severity.OK
    }


def only_of(check: str, all_of_them: set[tuple[str, str, str]]) -> set[tuple[str, str]]:
    return {(column, severity) for name, column, severity in all_of_them if name == check}


def instants() -> list[dt.datetime]:
    return [START + i * dt.timedelta(minutes=47) for i in range(ROWS)]


def numbers(seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).normal(size=ROWS).tolist()


def without(cells: Cells, where: Sequence[int]) -> list[Any]:
    return [None if i in set(where) else cell for i, cell in enumerate(cells)]


def hhmm(moment: dt.datetime) -> int:
    return 100 * moment.hour + moment.minute


def departures() -> dict[str, tuple[Column, Cells]]:
    """Departures as a timetable has them: the plan and the fact as clocks, 3 % cancelled."""
    chance = np.random.default_rng(5)
    delays = np.where(chance.random(ROWS) < 0.6, -chance.integers(1, 12, ROWS),
                      chance.integers(0, 90, ROWS)).tolist()  # fmt: skip
    cancelled = chance.permutation(ROWS)[:36].tolist()
    planned = instants()
    left = [p + dt.timedelta(minutes=d) for p, d in zip(planned, delays, strict=True)]
    flown = chance.integers(60, 300, ROWS).tolist()
    over = chance.integers(-20, 40, ROWS).tolist()  # minutes longer in the air than planned
    due = [p + dt.timedelta(minutes=f) for p, f in zip(planned, flown, strict=True)]
    late = [d + o for d, o in zip(delays, over, strict=True)]
    arrived = [a + dt.timedelta(minutes=y) for a, y in zip(due, late, strict=True)]
    return {
        "hour": (Timestamp(), [p.replace(minute=0) for p in planned]),
        "sched_dep": (Integer(), list(map(hhmm, planned))),
        "dep": (Integer(), without(list(map(hhmm, left)), cancelled)),
        "dep_delay": (Number(), without(delays, cancelled)),
        "sched_arr": (String(), [f"{a:%H:%M}" for a in due]),
        "arr": (Number(), without([float(hhmm(a)) for a in arrived], cancelled)),
        "carrier": (String(), chance.choice(["UA", "B6", "DL"], ROWS).tolist()),
        "y": (Number(), without(late, cancelled)),
    }  # fmt: skip


def test_facts_of_a_flight_are_no_features_at_the_scheduled_hour() -> None:
    features = [Numeric("sched_dep"), Numeric("dep"), Numeric("dep_delay"), Numeric("arr"),
                Categorical("sched_arr"), Categorical("carrier")]  # fmt: skip

    all_of_them = found(departures(), features, row_time="hour")

    missing = {("dep", WARNING), ("dep_delay", WARNING), ("arr", WARNING)}
    assert only_of("close to the label", all_of_them) == missing
    assert only_of("close together", all_of_them) == {("arr", LEAK), ("dep_delay", WARNING)}


def test_what_was_planned_is_not_called_a_leak() -> None:
    features = [Numeric("sched_dep"), Categorical("sched_arr"), Categorical("carrier")]
    assert found(departures(), features, row_time="hour") == set()


@pytest.mark.parametrize("unit", ["minutes", "seconds", "hours"])
def test_a_label_may_be_counted_in_any_unit(unit: str) -> None:
    columns = departures()
    scale = {"minutes": 1.0, "seconds": 60.0, "hours": 1 / 60}[unit]
    columns["y"] = (Number(), [None if y is None else y * scale for y in columns["y"][1]])
    features = [Categorical("sched_arr"), Numeric("arr")]
    assert ("close together", "arr", LEAK) in found(columns, features, row_time="hour")


def test_an_instant_that_is_the_row_time_plus_the_label_leaks_though_most_are_early() -> None:
    minutes = np.where(CHANCE.random(ROWS) < 0.6, -1.0, 1.0) * CHANCE.integers(1, 50, ROWS)
    left = [at + dt.timedelta(minutes=m) for at, m in zip(instants(), minutes, strict=True)]
    columns = {"at": (Timestamp(), instants()), "left": (Timestamp(), left),
               "y": (Number(), minutes)}  # fmt: skip
    leak = ("known too late", "left", LEAK)
    assert leak in found(columns, [Calendar("left")], row_time="at")
    # The same number under another name, a feature beside another label.
    columns |= {"delay": (Number(), minutes), "y": (Number(), numbers())}
    late = found(columns, [Numeric("delay")], row_time="at")
    assert late == {("known too late", "delay", WARNING)}


def test_days_after_the_row_time_are_doubted_like_instants() -> None:
    days = CHANCE.integers(2, 40, ROWS).tolist()
    paid = [at.date() + dt.timedelta(days=d) for at, d in zip(instants(), days, strict=True)]
    columns: dict[str, tuple[Column, Cells]] = {
        "at": (Timestamp(), instants()), "paid": (Date(), paid),
        "born": (Date(), [dt.date(1960, 1, 1) + dt.timedelta(days=9 * d) for d in days]),
        "y": (Number(), numbers()),
    }  # fmt: skip
    features = [Calendar("paid", part="month"), Calendar("born", part="month")]
    assert found(columns, features, row_time="at") == {("known too late", "paid", WARNING)}


@pytest.mark.parametrize(
    ("absent", "unlabelled", "expected"),
    [
        (range(40), range(40), True),  # exactly where
        (range(9), range(40), True),  # only where
        (range(400), range(40), True),  # wherever
        (range(4), range(4), False),  # too few
        (range(600, 1100), range(500), False),  # elsewhere
        (range(1000), range(6), False),  # by chance: most rows lack it
        (range(0, 1200, 3), range(0, 1200, 5), False),  # now here, now there
    ],
)
def test_a_column_missing_where_the_label_is(
    absent: range, unlabelled: range, expected: bool
) -> None:
    columns: dict[str, tuple[Column, Cells]] = {
        "a": (Number(), numbers(2)), "b": (Number(), numbers(3)),
        "x": (Number(), without(numbers(4), absent)),
        "y": (Number(), without(numbers(), unlabelled)),
    }  # fmt: skip
    all_of_them = found(columns, [Numeric("a"), Numeric("b"), Numeric("x")])
    assert all_of_them == ({("close to the label", "x", WARNING)} if expected else set())


def test_few_columns_are_enough_to_see_what_is_filled_in_later() -> None:
    cancelled = range(0, ROWS, 40)
    columns: dict[str, tuple[Column, Cells]] = {
        "hour": (Timestamp(), [at.replace(minute=0) for at in instants()]),
        "delay": (Number(), without(numbers(2), cancelled)),
        "y": (Number(), without(numbers(), cancelled)),
    }
    late = found(columns, [Numeric("delay")], row_time="hour")
    assert late == {("close to the label", "delay", WARNING)}


def test_empty_rows_are_no_evidence() -> None:
    empty = range(ROWS - 9, ROWS)
    columns: dict[str, tuple[Column, Cells]] = {
        name: (Number(), without(numbers(i), empty)) for i, name in enumerate(["a", "b", "c", "y"])
    }
    assert found(columns, [Numeric("a"), Numeric("b"), Numeric("c")]) == set()


def test_flags_that_hardly_ever_change_and_balanced_pairs_are_no_leaks() -> None:
    cancelled = [i % 300 == 7 for i in range(ROWS)]
    columns: dict[str, tuple[Column, Cells]] = {
        "flag": (String(), ["false"] * ROWS), "cancelled": (Boolean(), cancelled),
        "pair": (String(), [f"p{i // 2}" for i in range(ROWS)]), "x": (Number(), numbers(2)),
        "y": (Integer(), [i % 2 for i in range(ROWS)]),
    }  # fmt: skip
    features = [Categorical("flag"), Categorical("cancelled"), Categorical("pair"), Numeric("x")]
    label = BinaryClassification("y")
    assert {severity for _, _, severity in found(columns, features, label)} == {WARNING}
    columns["y"] = (Number(), numbers())
    assert only_of("close to the label", found(columns, features)) == set()


def test_a_measurement_that_tells_one_class_of_three_is_doubted_only() -> None:
    kinds = [("a", "b", "c")[i % 3] for i in range(ROWS)]
    size = [
        (1.0 if kind == "a" else 5.0) + x / 10 for kind, x in zip(kinds, numbers(), strict=True)
    ]
    columns: dict[str, tuple[Column, Cells]] = {
        "size": (Number(), size), "y": (String(), kinds),
        "refund": (Number(), [v if k == "a" else None for k, v in zip(kinds, size, strict=True)]),
    }  # fmt: skip
    label = Classification("y", ("a", "b", "c"))
    close = "close to the label"
    assert found(columns, [Numeric("size")], label) == {(close, "size", WARNING)}
    assert (close, "refund", LEAK) in found(columns, [Numeric("refund")], label)


def test_a_rare_class_is_told_by_chance_and_that_is_no_leak() -> None:
    positive = [1 if i in (3, 500, 900) else 0 for i in range(ROWS)]
    x = [99.0 if i in (3, 500, 900) else v for i, v in enumerate(numbers())]
    columns: dict[str, tuple[Column, Cells]] = {"x": (Number(), x), "y": (Integer(), positive)}
    few = found(columns, [Numeric("x")], BinaryClassification("y"))
    assert few == {("close to the label", "y", WARNING), ("twins", "id", WARNING)}


def test_sums_that_are_the_label_are_doubted() -> None:
    parts = {name: numbers(i) for i, name in enumerate("abcdef", start=2)}
    total = [2 * b - e + 0.5 * f for b, e, f in zip(*(parts[n] for n in "bef"), strict=True)]
    columns: dict[str, tuple[Column, Cells]] = {n: (Number(), cells) for n, cells in parts.items()}
    features = [Numeric(name) for name in parts]
    summed = found({**columns, "y": (Number(), total)}, features)
    assert summed == {("close together", "b", WARNING)}
    noisy = [t + x for t, x in zip(total, numbers(9), strict=True)]
    assert found({**columns, "y": (Number(), noisy)}, features) == set()


def test_far_dates_and_large_integers_are_values_like_any() -> None:
    far = {0: LAST, 1: FIRST}
    until = [far.get(i % 5, at) for i, at in enumerate(instants())]
    ids = [1_742_000_000_000_000_000 + 33_214_693_376 * i for i in range(ROWS)]
    columns: dict[str, tuple[Column, Cells]] = {
        "at": (Timestamp(), instants()), "since": (Timestamp(), list(reversed(until))),
        "tweet": (Integer(), ids), "user": (Integer(), [ids[i % 40] for i in range(ROWS)]),
        "day": (Date(), [moment.date() for moment in until]), "y": (Number(), numbers()),
    }  # fmt: skip
    window = Windowed("tweet", key="user", over="1d")
    features = [Calendar("since"), Calendar("day", part="month"), Numeric("tweet"),
                Categorical("user"), Numeric(window.names[0])]  # fmt: skip
    all_of_them = found(columns, features, row_time="at", windows=[window])
    assert {severity for _, _, severity in all_of_them} <= {WARNING}
    assert ("known too late", "day", WARNING) in all_of_them
    asked_far = found(columns, features, row_time="since", windows=[window])
    assert LEAK not in {severity for _, _, severity in asked_far}
