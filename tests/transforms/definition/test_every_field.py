"""Every field of every part of a definition, given what it is not meant for.

The parts are those that the product exports, and what they hold. A definition that constructs with
such a value must be one that runs; one that does not says which field, what value and what to do.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Iterator
from typing import Any, get_type_hints

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft

import forebay as fb
from forebay.pipelines.runners.engines import ENGINES
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.serialize import digest, from_json, to_json
from forebay.transforms.errors import NO_SUCH_COLUMN, DefinitionError
from forebay.transforms.graph.preprocessing import feature_spec, preprocessing_fn
from forebay.transforms.parsing.cells import read_cells
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups


def double(columns: Any) -> Any:
    return {"twice": columns["price"]}


def ratio(columns: Any) -> Any:
    return columns["price"] / columns["twice"]


EXAMPLES: dict[type, list[bytes]] = {
    fb.Timestamp: [b"2013-01-31", b"2013-02-01"], fb.Date: [b"2013-01-31", b"2013-02-01"],
    fb.String: [b"a", b"b"], fb.Integer: [b"1", b"2"], fb.Number: [b"1", b"2"],
    fb.Numbers: [b"1;2", b"1"], fb.Boolean: [b"1", b"0"], fb.Bytes: [b"AP8=", b"AP8="],
}  # fmt: skip
HERE = "forebay.transforms.errors"  # any module will do: what it names is not called
COLUMNS = {
    "t": fb.Timestamp(tz="America/New_York", format="%Y-%m-%d %H:%M"), "day": fb.Date(),
    "shop": fb.String(values=("a", "b")), "buyer": fb.Integer(range=(0, 9)), "paid": fb.Boolean(),
    "price": fb.Number(range=(0, None)), "twice": fb.Number(), "list": fb.Numbers(),
    "photo_bytes": fb.Bytes(image=True), "known": fb.Timestamp(unit="s"),
}  # fmt: skip
PRICES = fb.Source(
    columns={"shop": fb.String(), "at": fb.Timestamp(), "price": fb.Number(), "id": fb.Integer()},
    csv=fb.CsvFormat(delimiter=";", names=("shop", "at", "price", "id")),
)
PARTS: dict[str, Any] = {
    "name": "sales", "columns": COLUMNS, "row_time": "t", "features": [fb.Numeric("price")],
    "label": fb.Regression("twice", ["price"]), "split": fb.HashSplit("buyer"),
    "passthrough": ["buyer"], "weight": "price",
}  # fmt: skip
BASES = [
    fb.Dataset(**PARTS | changes)
    for changes in (
        {"features": [feature]}
        for feature in (
            fb.Numeric("price", scale="z_score", clip=(0, 9), impute=1.5, key="shop"),
            fb.Numeric(fb.Difference("price", "buyer")),
            fb.Numeric(fb.Haversine("price", "buyer", "price", "buyer")),
            fb.Numeric(fb.Euclidean("price", "buyer", "price", "buyer")),
            fb.Numeric(fb.Elapsed("day", "t")),
            fb.Bucketized(fb.Ratio("price", "buyer"), quantiles=4),
            fb.Bucketized("price", boundaries=[1.0, 2.0]),
            fb.Bucketized("price", linspace=[0.0, 10.0, 11]),
            fb.Categorical("shop", fb.Frequent(top_k=2, oov_buckets=2), embed=2),
            fb.Categorical("shop", fb.Informative(top_k=2, label_boundaries=[1.0])),
            fb.Categorical("shop", fb.Listed(["a", "b"]), impute="a"),
            fb.Categorical("shop", fb.Hashed(3)),
            fb.Categorical("buyer", fb.Identity(10)),
            fb.Frequency("shop"),
            fb.Grid("price", "buyer", cells=[2, 3], latitudes=[0.0, 1.0]),
            fb.Calendar("t", "month", tz="Europe/Berlin"),
            fb.Cyclic("day", "month"),
            fb.Text("shop", weigh="tf_idf", top_k=9),
            fb.MultiHot("shop"),
            fb.Image("photo_bytes", 4, 4),
            fb.NumberList("numbers", "list", length=3),
            fb.NumberList("pools", ["price", "buyer"], pool="mean", scale="z_score"),
        )
    )
] + [
    fb.Dataset(**PARTS | changes)
    for changes in (
        {"features": [fb.Categorical("shop"), fb.Calendar("t", "month"),
                      fb.Crossed("both", ["shop_id", "t_month"], buckets=4)]},
        {"label": fb.BinaryClassification("paid", ["price"]),
         "split": fb.ColumnSplit("shop", train="a", eval=["b", 3])},
        {"split": fb.RandomSplit(seed=1)},
        {"split": fb.InputSplit(), "prepare": fb.Prepare(f"{HERE}:Step", {"more": fb.Number()})},
        {"label": fb.Classification("shop", ["a", "b"]),
         "split": fb.TimeSplit("2013-01-01", "2014-01-01", "t")},
        {"derive": [fb.Derive(f"{HERE}:double", ["price"], {"more": fb.Number()})],
         "features": [fb.Custom(f"{HERE}:ratio", ["price", "more"], "ratio")]},
        {"sources": {"prices": PRICES},
         "windows": [fb.Windowed("price", key="shop", over=["1h", "unbounded"], at="t",
                                 ops=[fb.mean(default=0.0), fb.quantile(0.5), fb.last_k(2),
                                      fb.rate(per="1h"), fb.decayed_mean(half_life="1d")],
                                 where=fb.Where("paid", "==", True)),
                     fb.Windowed("buyer", key="shop", over="1d", by="paid", categories=[True],
                                 lag="1m", tile="5m", ops=fb.distinct()),
                     fb.Windowed("price", key="shop", over="1h", available_at="known",
                                 event_id="buyer", deleted="paid", ops=fb.sum()),
                     fb.Windowed("price", key="shop", row_key="shop", over="1h", source="prices",
                                 at="at", ops=fb.max())]},
        {"sources": {"prices": PRICES}, "where": fb.Where("price", ">", 0),
         "lookups": [fb.Lookup(["price", "id"], source="prices", key="shop", default={"id": 0},
                               valid_from="at", indicator=True, duplicates="last"),
                     fb.Lookup("price", source="prices", key="id", row_key="buyer", embed=True)],
         "features": [fb.Numeric("prices_price_by_shop"),
                      fb.Numeric("prices_price_by_id_for_buyer")]},
    )
]  # fmt: skip


class Column(str, enum.Enum):  # noqa: UP042  (a StrEnum prints as its value)
    SHOP = "shop"


WRONG = [
    None, True, 0, 1, -1, 3, 1.5, math.nan, -math.inf, 1e300, 2**40, 2**70, 10**400, "", "x",
    "\ud800", b"x", [], ["x"], [1], [math.nan], [None], {}, {1: 2}, object(), int, fb.mean,
    fb.Number, fb.Number(), fb.Windowed("price", over="1h"), np.int64(3), np.array([1.0, 2.0]),
    range(3), Column.SHOP, "a" * 100_000, {"price"}, (name for name in ["price"]),
    lambda columns: columns["price"], [fb.mean(), fb.mean],
]  # fmt: skip


def parts(value: Any) -> Iterator[Any]:
    """The dataclasses of a definition, itself first."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))
    for item in (
        value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    ):
        yield from parts(item)


def replaced(value: Any, part: Any, changes: dict[str, Any]) -> Any:
    """A definition in which fields of one of its parts are changed."""
    if value is part:
        return dataclasses.replace(value, **changes)
    if dataclasses.is_dataclass(value):
        inner = {
            field.name: replaced(getattr(value, field.name), part, changes)
            for field in dataclasses.fields(value)
        }
        is_same = all(inner[name] is getattr(value, name) for name in inner)
        return value if is_same else type(value)(**inner)
    if isinstance(value, dict):
        return {key: replaced(item, part, changes) for key, item in value.items()}
    if isinstance(value, tuple):
        items = tuple(replaced(item, part, changes) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


FIELDS = {
    (type(part), field.name): (base, part)
    for base in reversed(BASES)
    for part in reversed(list(parts(base)))
    for field in dataclasses.fields(part)
}
# A dataset is a windowed table; runs and engines are no parts of a definition.
EXPORTED = {
    kind
    for kind in (getattr(fb, name) for name in fb.__all__)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and dataclasses.fields(kind)
} - {fb.WindowedTable, fb.Run, *ENGINES.values()}


def test_every_exported_part_is_tried() -> None:
    tried = {type(part) for base in BASES for part in parts(base)}
    assert tried >= EXPORTED
    assert len(EXPORTED) > 40


@pytest.mark.parametrize(
    ("owner", "name"), FIELDS, ids=[f"{owner.__name__}-{name}" for owner, name in FIELDS]
)
def test_a_definition_that_constructs_is_one_that_runs(owner: type, name: str) -> None:
    base, part = FIELDS[owner, name]
    seen = {digest(base)}
    for wrong in [*WRONG, type(getattr(part, name))]:
        try:
            definition = replaced(base, part, {name: wrong})
        except DefinitionError as error:
            check_problems(error, owner, name)
        else:
            if digest(definition) not in seen:
                run(definition, base)
            seen.add(digest(definition))


def check_problems(error: DefinitionError, owner: type, name: str) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.where
        assert problem.cause
        assert problem.cure
        assert "\n" not in str(problem)
        assert len(str(problem)) < 1300
    text = str(error)
    # Where the names of columns are gone, it is those that read them that say so.
    assert name in text or {p.cause for p in error.problems} == {NO_SUCH_COLUMN}, text


def run(definition: Dataset, base: Dataset) -> None:
    """Does what is cheap of each step that differs: reads cells, windows, traces the graph."""
    text = to_json(definition)
    json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    again = from_json(text.encode().decode())
    assert again == definition
    assert digest(again) == digest(definition)
    for table in definition.tables.values():
        for column in table.row_columns.values():
            read_cells(pa.array([b"", b"1", b"a", b"2013-01-31 10:00"]), column)
    for group in window_groups(definition) if definition.windows != base.windows else ():
        events, requests = rows(definition, group.source), rows(definition, "rows")
        compute(
            group,
            pa.Table.from_batches([group.events(events)]),
            pa.Table.from_batches([group.requests(requests)]),
        )
    if definition.features != base.features and not definition.custom_features:
        spec = feature_spec(definition)
        columns = {name: tf.TensorSpec([None], kind.dtype, name) for name, kind in spec.items()}
        tft.get_transform_input_columns(preprocessing_fn(definition), columns)


def bare(column: Any) -> Any:
    return type(column)()


def rows(definition: Dataset, source: str) -> pa.RecordBatch:
    """Three rows of a table, all missing in the first."""
    columns = definition.tables[source].row_columns
    made = {
        name: read_cells(pa.array([b"", *EXAMPLES[type(column)]]), bare(column)).values
        for name, column in columns.items()
    }
    return pa.RecordBatch.from_pydict({**made, ROW: pa.array([0, 1, 2], pa.int64())})


def test_one_text_where_several_are_meant_is_refused_with_the_cure() -> None:
    several, refused = set(), set()
    for (owner, name), (base, part) in FIELDS.items():
        if get_type_hints(owner)[name] == tuple[str, ...]:
            several.add((owner, name))
            with pytest.raises(DefinitionError) as caught:
                replaced(base, part, {name: "NA"})
            cures = {p.cure for p in caught.value.problems if name in p.where}
            refused |= {(owner, name)} if "write ('NA',)" in cures else set()
    assert refused == several
    assert (fb.String, "nulls") in several


def test_mistakes_of_type_and_of_value_are_told_together() -> None:
    with pytest.raises(DefinitionError) as caught:
        fb.Dataset(
            **PARTS
            | {
                "columns": COLUMNS | {"price": fb.Number(range=(1,)), "t": fb.Timestamp(tz="Mars")},
                "windows": [
                    fb.Windowed("price", over="1h", ops=fb.mean),
                    fb.Windowed("price", over="often", ops=fb.last_k(0)),
                ],
                "features": [fb.Numeric("price", scale=2), fb.Bucketized("price")],
                "label": fb.Regression,
                "split": fb.HashSplit("nothing", train=0),
            }
        )
    assert [problem.where for problem in caught.value.problems] == [
        "columns['price'].range", "windows[0].ops[0]", "windows[1].ops[0].place",
        "features[0].scale", "label", "split.train", "columns['t'].tz", "windows[1].over",
        "features[1]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "cure"),
    [
        ("", "write such as"), ("%%", "write such as"), ("MM/DD/YYYY", "write such as"),
        ("%-m/%-d/%Y", "leave out the '-'"), ("%Y%", "write %% for"), ("%Q", "write %f"),
        ("%F %T", "write %Y-%m-%d"), ("%s", "unit='s'"), ("%Y-%m-%d %H:%M %Z", "and set tz="),
        ("%Y %Y", "redefinition"), ("%G-W%V", "ISO week"), ("%Y\0", "reads no time"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [fb.Timestamp, fb.Date])
def test_formats_that_read_nothing_are_refused(kind: Any, format: str, cure: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        fb.Dataset(**PARTS | {"columns": COLUMNS | {"other": kind(format=format)}})
    assert {p.where for p in caught.value.problems} == {"columns['other'].format"}
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("format", "cell"),
    [
        ("%d.%m.%y", "31.01.13"), ("%Y-%j", "2013-031"), ("%G-W%V-%u", "2013-W05-4"),
        ("%A %d %B %Y", "Thursday 31 January 2013"), ("%c", "Thu Jan 31 00:00:00 2013"),
        ("%Y-%m-%d %H:%M UTC", "2013-01-31 00:00 UTC"), ("100%% %x", "100% 01/31/13"),
        ("%Y%m%d%H%M%S%f", "20130131000000000000"), ("%I %p, %b %d %Y", "12 AM, Jan 31 2013"),
        ("%Y-%m-%dT%H:%M:%S%z", "2013-01-31T01:00:00+01:00"), ("%a %U %Y", "Thu 04 2013"),
    ],
)  # fmt: skip
def test_formats_that_python_reads_are_read(format: str, cell: str) -> None:
    column = fb.Timestamp(format=format)
    fb.Dataset(**PARTS | {"columns": COLUMNS | {"other": column}})
    (read,) = read_cells(pa.array([cell.encode()]), column).values.to_pylist()
    assert read is not None
    assert read.isoformat() == "2013-01-31T00:00:00+00:00"
