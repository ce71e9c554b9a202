"""Windows over time as other systems' suites have them: README.md says what a case is."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows import operators
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.durations import parse_duration
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

Told = Mapping[str, Any]

EPOCH = dt.datetime(1970, 1, 1)
SECOND_US = 1_000_000
# How an interval of a suite is asked of [q - w, q): microseconds that the row asks later, that the
# window is longer.
INTERVALS = {"[q-w, q)": (0, 0), "(q-w, q]": (1, 0), "[q-w, q]": (1, 1), "(q-w, q)": (0, -1)}
EXACT = ("count", "count_nulls", "distinct", "min", "max", "first", "last", "most_frequent")
SEVERAL = ("last_k", "most_frequent")
KINDS = {"v": Number, "n": Integer, "s": String, "b": Boolean}
FIXED: dict[str, Column] = {
    "at": Timestamp(), "known": Timestamp(), "id": String(), "deleted": Boolean(),
    "key": String(), "key2": String(), "key3": String(),
}  # fmt: skip
# What a case and a feature must say, and may.
OF_CASE = (
    {"id", "suite", "source", "semantics", "features", "events", "queries", "expected"},
    {"theirs", "design", "tolerance"},
)
OF_FEATURE = (
    {"op", "window"},
    {"column", "key", "where", "by", "categories", "lag", "tile", "k", "q", "per", "half_life",
     "default", "min_count", "limit"},
)  # fmt: skip
CASES = [
    case
    for path in sorted(Path(__file__).parent.glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))["cases"]
]


def own(case: Told) -> bool:
    """Whether the rows that ask are the events."""
    return case["semantics"].get("events") == "rows"


def interval(case: Told) -> tuple[int, int]:
    return INTERVALS[case["semantics"].get("interval", "[q-w, q)")]


def micros(when: str | float | None) -> int | None:
    if isinstance(when, str):
        return round((dt.datetime.fromisoformat(when) - EPOCH) / dt.timedelta(microseconds=1))
    return None if when is None else round(when * SECOND_US)


def to_windowed(case: Told, feature: Told) -> Windowed:
    window = feature["window"]
    if window != "unbounded":
        window = f"{parse_duration(window) + interval(case)[1]}us"
    semantics = case["semantics"]
    return Windowed(
        feature.get("column"),
        key=feature.get("key", ["key"]),
        at="at",
        over=window,
        ops=to_operators(feature),
        lag=feature.get("lag", "0s"),
        tile=feature.get("tile"),
        where=[Where(*condition) for condition in feature.get("where", ())],
        by=feature.get("by"),
        categories=feature.get("categories", ()),
        source=None if own(case) else "events",
        available_at="known" if semantics.get("availability", "none") != "none" else None,
        event_id="id" if semantics.get("versions") else None,
        deleted="deleted" if semantics.get("versions") else None,
    )


def to_operators(feature: Told) -> Any:
    names = ("k", "q", "per", "half_life", "default", "min_count", "limit")
    return getattr(operators, feature["op"])(**{n: feature[n] for n in names if n in feature})


def to_batch(rows: Sequence[Told], columns: Mapping[str, Column], first: int) -> pa.RecordBatch:
    arrays = {}
    for name, kind in columns.items():
        cells = [row.get(name) for row in rows]
        if isinstance(kind, Timestamp):
            arrays[name] = pa.array(map(micros, cells), pa.int64()).cast(kind.arrow_type)
        else:  # infinite and missing numbers are written as text
            real = isinstance(kind, Number)
            cells = [float(c) if real and c is not None else c for c in cells]
            arrays[name] = pa.array(cells, kind.arrow_type)
    arrays[ROW] = pa.array(range(first, first + len(rows)), pa.int64())
    return pa.RecordBatch.from_pydict(arrays)


def columns_of(case: Told, rows: Sequence[Told]) -> dict[str, Column]:
    """What events and queries have, and what features name."""
    named = {name for row in rows for name in row} - FIXED.keys()
    for feature in case["features"]:
        named |= {feature["column"]} if feature.get("column") else set()
        named |= {column for column, *_ in feature.get("where", ())}
    return {**FIXED, **{name: KINDS[name[0]]() for name in sorted(named)}}


def computed(case: Told, feature: Told) -> list[dict[str, Any]]:
    """The columns of one feature, for each of the case's queries."""
    queries = case["events"] if own(case) else case["queries"]
    columns = columns_of(case, [*case["events"], *queries])
    asking = {**columns, "asked": Timestamp(), "bucket": Integer(), "label": Number()}
    dataset = Dataset(
        name="case",
        columns=asking,
        row_time="asked",
        sources={} if own(case) else {"events": Source(columns=columns)},
        windows=[to_windowed(case, feature)],
        features=[Numeric("bucket")],
        label=Regression("label"),
        split=HashSplit("bucket"),
    )
    later = interval(case)[0] / SECOND_US
    rows = to_batch(queries, {**columns, "label": Number(), "bucket": Integer()}, 0)
    at = rows["at"].cast(pa.int64()).to_pylist()
    asked = pa.array([t + round(later * SECOND_US) for t in at]).cast(Timestamp.arrow_type)
    rows = rows.append_column("asked", asked)
    (group,) = window_groups(dataset)
    events = rows if own(case) else to_batch(case["events"], columns, len(rows))
    found = compute(
        group,
        pa.Table.from_batches([group.events(events)]),
        pa.Table.from_batches([group.requests(rows)]),
    )
    kinds = pa.schema([(ROW, pa.int64()), *group.schema])
    names = dataset.windows[0].names
    values = pa.table(found).select(kinds.names).cast(kinds, safe=False).sort_by(ROW).to_pylist()
    return [{name: row[name] for name in names} for row in values]


def answers(case: Told, feature: Told) -> list[Any]:
    """The answers of one feature as the case writes them."""
    later = interval(case)[0] / SECOND_US
    found: list[Any] = []
    for row in computed(case, feature):
        values = [*row.values()]
        if feature["op"] == "seconds_since_last":
            values = [None if value is None else value - later for value in values]
        if feature.get("by"):
            found.append(dict(zip(map(str, feature["categories"]), values, strict=True)))
        else:
            found.append(values if feature["op"] in SEVERAL else values[0])
    return found


def same(got: Any, wanted: Any, tolerance: float, exact: bool) -> bool:
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(
            same(got[key], value, tolerance, exact) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(
            same(*both, tolerance, exact) for both in zip(got, wanted, strict=True)
        )
    if got is None or wanted is None or isinstance(wanted, str) or exact:
        return bool(got == wanted)
    return math.isclose(got, wanted, rel_tol=tolerance, abs_tol=1e-11)


def test_cases_say_what_is_read_and_nothing_else() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) > 200
    for case in CASES:
        for told, (needed, allowed) in (
            (case, OF_CASE),
            *((f, OF_FEATURE) for f in case["features"]),
        ):
            assert needed <= told.keys() <= needed | allowed, case["id"]
        assert ("theirs" in case) == ("design" in case), case["id"]
        assert own(case) == (case["queries"] == "events"), case["id"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_windows_give_what_the_suite_says(case: Told) -> None:
    by_feature = [answers(case, feature) for feature in case["features"]]
    tolerance = case.get("tolerance", 1e-9)
    as_theirs = True
    assert len(case["expected"]) == len(by_feature[0])
    for number, expected in enumerate(case["expected"]):
        for place, feature in enumerate(case["features"]):
            got, exact = by_feature[place][number], feature["op"] in EXACT and tolerance <= 1e-9
            about = (number, dict(feature), got, expected[place])
            assert same(got, expected[place], tolerance, exact), about
            if "theirs" in case:
                as_theirs &= same(got, case["theirs"][number][place], tolerance, False)
    assert not ("theirs" in case and as_theirs), "by design it differs from the suite, but does not"
