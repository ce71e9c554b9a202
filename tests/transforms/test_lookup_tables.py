"""What rows find in a table, beside pandas' merges and a search row by row."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.definition.columns import Column, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.definition.sources import Derive, Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import mean
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.errors import DefinitionError, InputError
from forebay.transforms.lookup_tables import LookupTable, empty_table, look_up

PRICES: dict[str, Column] = {
    "shop": String(), "item": Integer(), "since": Timestamp(), "until": Timestamp(),
    "known": Timestamp(), "price": Number(), "label": String(),
}  # fmt: skip
ROWS: dict[str, Column] = {
    "t": Timestamp(), "shop": String(), "item": Integer(), "x": Number(), "y": Number(),
}  # fmt: skip
BY_KEY = Lookup(
    ["price", "label"], source="prices", key=["shop", "item"], indicator=True,
    default={"label": "none"}, duplicates="last",
)  # fmt: skip


def dataset(lookup: Lookup, **changes: object) -> Dataset:
    parts = {
        "name": "sales", "columns": ROWS, "row_time": "t",
        "sources": {"prices": Source(columns=PRICES)},
        "lookups": [lookup], "features": [Numeric("x")], "label": Regression("y"),
        "split": HashSplit("shop"), **changes,
    }  # fmt: skip
    return Dataset(**parts)  # type: ignore[arg-type]


def table(rows: list[dict[str, Any]], columns: dict[str, Column]) -> pa.Table:
    made = pa.Table.from_pylist(
        [{name: row.get(name) for name in columns} for row in rows],
        schema=pa.schema([(name, kind.arrow_type) for name, kind in columns.items()]),
    )
    return made.append_column(ROW, pa.array(range(len(rows)), pa.int64()))


def batch(rows: list[dict[str, Any]], columns: dict[str, Column] = ROWS) -> pa.RecordBatch:
    made = table(rows, columns)
    (found,) = made.combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=made.schema)
    ]
    return found


def found_rows(lookup: Lookup, prices: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Any:
    made = LookupTable.of(lookup, table(prices, PRICES))
    return look_up(batch(rows), made, dataset(lookup))[0].to_pylist()


def naive(
    lookup: Lookup, prices: list[dict[str, Any]], row: dict[str, Any]
) -> dict[str, Any] | None:
    """The row of the table that a row finds, as the definition's words say it."""
    standing = []
    for place, one in enumerate(prices):
        keys = [(one.get(k), row.get(r)) for k, r in zip(lookup.key, lookup.row_keys, strict=True)]
        if any(a is None or a != b for a, b in keys):
            continue
        times = []
        if lookup.valid_from is not None:
            since = one.get(lookup.valid_from)
            if row.get("t") is None or since is None or since > row["t"]:
                continue
            times.append(since)
        if lookup.valid_until is not None:
            until = one.get(lookup.valid_until)
            if until is not None and until <= row["t"]:
                continue
        if lookup.available_at is not None:
            known = one.get(lookup.available_at)
            if row.get("t") is None or known is None or known >= row["t"]:
                continue
            times.append(known)
        standing.append((times, place, one))
    if not standing:
        return None
    greatest = max(times for times, _, _ in standing)
    alike = [(place, one) for times, place, one in standing if times == greatest]
    return min(alike)[1] if lookup.duplicates == "first" else max(alike)[1]


INSTANTS = st.none() | st.integers(0, 6).map(
    lambda hour: dt.datetime(2024, 1, 1, hour, tzinfo=dt.UTC)
)
SHOPS, ITEMS = st.sampled_from(["a", "b", "", "ä", None]), st.sampled_from([0, -1, 7, None])


@given(
    prices=st.lists(
        st.fixed_dictionaries({
            "shop": SHOPS, "item": ITEMS, "since": INSTANTS, "until": INSTANTS, "known": INSTANTS,
            "price": st.none() | st.floats(0, 9), "label": st.sampled_from(["x", "y", None]),
        }),
        max_size=25,
    ),
    rows=st.lists(st.fixed_dictionaries({"shop": SHOPS, "item": ITEMS, "t": INSTANTS}), max_size=9),
    times=st.sampled_from([
        {}, {"valid_from": "since"}, {"available_at": "known"},
        {"valid_from": "since", "valid_until": "until"},
        {"valid_from": "since", "available_at": "known"},
        {"valid_from": "since", "valid_until": "until", "available_at": "known"},
    ]),
    duplicates=st.sampled_from(["first", "last"]),
)  # fmt: skip
def test_each_row_finds_what_stands_for_its_key_at_its_time(
    prices: list[dict[str, Any]], rows: list[dict[str, Any]], times: dict[str, Any],
    duplicates: Any,
) -> None:  # fmt: skip
    for i, price in enumerate(prices):
        price["price"] = None if price["price"] is None else float(i)
    lookup = replace(BY_KEY, duplicates=duplicates, **times)

    for row, found in zip(rows, found_rows(lookup, prices, rows), strict=True):
        expected = naive(lookup, prices, row)
        assert found["prices_found_by_shop_item"] == (expected is not None)
        assert found["prices_price_by_shop_item"] == (expected and expected["price"])
        label = "none" if expected is None else expected["label"]
        assert found["prices_label_by_shop_item"] == label


def test_a_large_table_is_merged_as_pandas_merges_it() -> None:
    random = np.random.default_rng(7)
    n, m = 20_000, 3_000
    start = np.datetime64("2024-01-01", "us")
    prices = pd.DataFrame({
        "shop": random.choice([f"s{i}" for i in range(40)], m), "item": random.integers(-5, 5, m),
        "since": start + random.permutation(m * 1_000)[:m].astype("m8[s]"),
        "price": random.random(m), "label": random.choice(["x", "y"], m),
    })  # fmt: skip
    sales = pd.DataFrame({
        "shop": random.choice([f"s{i}" for i in range(45)], n), "item": random.integers(-5, 6, n),
        "t": start + random.permutation(m * 1_000)[:n].astype("m8[s]"),
    })  # fmt: skip
    merged = pd.merge_asof(
        sales.reset_index().sort_values("t"), prices.sort_values("since"), left_on="t",
        right_on="since", by=["shop", "item"],
    ).sort_values("index")  # fmt: skip
    lookup = replace(BY_KEY, valid_from="since", duplicates="refuse", default={})
    rows = _as_read(sales.assign(x=0.0, y=0.0), ROWS)
    filled = _as_read(prices.assign(until=None, known=None), PRICES)

    found, _ = look_up(rows.to_batches()[0], LookupTable.of(lookup, filled), dataset(lookup))

    price = found["prices_price_by_shop_item"].to_numpy(zero_copy_only=False)
    assert np.array_equal(price, merged["price"].to_numpy(), equal_nan=True)
    assert 0 < np.isnan(price).sum() < n
    labels = found["prices_label_by_shop_item"].to_pylist()
    assert labels == [None if pd.isna(text) else text for text in merged["label"]]


def _as_read(frame: pd.DataFrame, columns: dict[str, Column]) -> pa.Table:
    arrays = {
        name: pa.array(frame[name], from_pandas=True).cast(kind.arrow_type)
        for name, kind in columns.items()
    }
    return pa.Table.from_pydict({**arrays, ROW: pa.array(range(len(frame)), pa.int64())})


def test_rows_of_one_key_are_refused_by_name() -> None:
    prices = [{"shop": s, "item": 1, "price": 1.0} for s in ("a", "b", "b", "a", "b")]
    lookup = replace(BY_KEY, duplicates="refuse")
    with pytest.raises(InputError) as error:
        LookupTable.of(lookup, table(prices, PRICES))
    said = str(error.value)
    assert said.startswith("prices: 3 rows have the shop, item of another, such as shop=")
    assert "shop='b', item=1" in said
    assert said.endswith("write duplicates='first' or 'last' in the lookup prices_by_shop_item")
    at = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    timed = replace(lookup, valid_from="since")
    with pytest.raises(InputError, match="1 rows have the shop, item and since of another"):
        LookupTable.of(timed, table([{**prices[0], "since": at}] * 2, PRICES))


def test_what_cannot_be_found_is_counted() -> None:
    at = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    prices = [
        {"shop": "a", "item": 1, "since": at}, {"shop": "a", "item": 1, "since": at},
        {"shop": None, "item": 1, "since": at}, {"shop": "a", "item": 1, "since": None},
    ]  # fmt: skip
    found = LookupTable.of(replace(BY_KEY, valid_from="since"), table(prices, PRICES))
    assert (len(found.rows), found.unusable, found.duplicates) == (1, 2, 1)


def test_names_are_made_of_table_column_and_keys() -> None:
    same = Lookup("price", source="prices", key="shop")
    other = replace(same, row_key="store", indicator=True)
    assert same.names == ("prices_price_by_shop",)
    assert other.names == ("prices_price_by_shop_for_store", "prices_found_by_shop_for_store")


def test_what_is_derived_of_what_is_looked_up_comes_later() -> None:
    steps = [
        Derive("m:f", ["y"], {"z": Number()}),
        Derive("m:g", ["prices_price_by_shop_item", "z"], {"share": Number()}),
        Derive("m:h", ["share"], {"high": Number()}),
        Derive("m:i", ["z"], {"w": Number()}),
    ]
    made = dataset(BY_KEY, derive=steps)
    assert made.steps_at_reading == (steps[0], steps[3])
    assert made.later_steps == (steps[1], steps[2])
    assert list(made.row_columns)[5:] == ["z", "w", *BY_KEY.names, "share", "high"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "price"}, "lookups[0].source = 'price': no such source; the sources"),
        ({"columns": "prise"}, "lookups[0].columns = 'prise': no such column; did you mean price"),
        ({"columns": []}, "lookups[0].columns = (): nothing to look up"),
        ({"key": []}, "lookups[0].key = (): says of no row that it is meant"),
        ({"key": "price"}, "lookups[0].key = 'price': a Number column"),
        ({"key": "shop", "row_key": ["shop", "item"]}, "compared with the 1 columns of key"),
        ({"key": "shop", "row_key": "item"}, "a Integer column, compared with shop, a String"),
        ({"row_key": ["shop", "prices_price_by_shop"]}, "no such column"),
        ({"valid_from": "price"}, "lookups[0].valid_from = 'price': a Number column"),
        ({"valid_until": "until"}, "lookups[0].valid_from = None: beside valid_until='until'"),
        ({"embed": True, "available_at": "known"}, "lookups[0].embed = True: what a row finds"),
        ({"default": {"shop": "a"}}, "lookups[0].default = 'shop': no such column"),
        ({"default": {"price": "a"}}, "lookups[0].default = 'a': no value of price, a Number"),
        ({"default": {"label": True}}, "lookups[0].default = True: no value of label, a String"),
        ({"duplicates": "any"}, "lookups[0].duplicates = 'any': not one of the choices"),
    ],
)  # fmt: skip
def test_mistakes_of_a_lookup_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError) as error:
        dataset(replace(BY_KEY, **changes))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("default", "said"),
    [
        ({"price": -1}, "lookups[0].default = -1: not 0 or more, as price says; write one that"),
        ({"price": 999}, "lookups[0].default = 999: what means missing there, as price says"),
        ({"label": "c"}, "lookups[0].default = 'c': not one of the declared values, as label says"),
        ({"label": "-"}, "lookups[0].default = '-': what means missing there, as label says"),
        ({"item": 2**63}, "lookups[0].default = 9223372036854775808: beyond the range of 64-bit"),
        ({"item": -(2**63)}, "lookups[0].default = -9223372036854775808: beyond the range of 64"),
    ],
)
def test_a_default_is_one_that_its_column_allows(default: dict[str, Any], said: str) -> None:
    limited = {
        **PRICES, "price": Number(range=(0, None), nulls=("", "999")),
        "label": String(values=("a", "b", "none"), nulls=("", "-")),
    }  # fmt: skip
    sources = {"prices": Source(columns=limited)}
    every = replace(BY_KEY, columns=[*BY_KEY.columns, "item"])
    with pytest.raises(DefinitionError) as error:
        dataset(replace(every, default=default), sources=sources)
    assert said in str(error.value)
    allowed = {"price": 2**60, "label": "a", "item": 2**63 - 1}
    given = dataset(replace(every, default=allowed), sources=sources)
    row = pa.RecordBatch.from_pydict({"shop": ["a"], "item": [1]})
    found, _ = look_up(row, empty_table(given.lookups[0], given), given)
    assert [found[name].to_pylist() for name in every.outputs] == [
        [2.0**60], ["a"], [2**63 - 1]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lookup", "changes", "said"),
    [
        (BY_KEY, {"lookups": [BY_KEY, BY_KEY]}, "the name of 2 lookups, which are of one source"),
        (replace(BY_KEY, valid_from="since"), {"row_time": None}, "name a Timestamp column as row"),
        (BY_KEY, {"columns": {**ROWS, "prices_price_by_shop_item": Number()}},
         "'prices_price_by_shop_item': a column has this name already"),
        (replace(BY_KEY, embed=True), {"passthrough": ["prices_label_by_shop_item"]},
         "a served model looks it up itself, with embed=True"),
        (replace(BY_KEY, valid_from="since"),
         {"derive": [Derive("m:f", ["prices_price_by_shop_item"], {"later": Timestamp()})],
          "row_time": "later"}, "not known when prices_by_shop_item is looked up at it"),
        (BY_KEY,
         {"label": Regression("item"), "features": [Numeric("prices_price_by_shop_item")]},
         "features[0] = 'prices_price_by_shop_item': found by the label 'item', which is not"),
        (replace(BY_KEY, embed=True),
         {"label": Regression("item"), "features": [Numeric("prices_price_by_shop_item")]},
         "features[0] = 'prices_price_by_shop_item': found by the label 'item', which is not"),
        (BY_KEY,
         {"label": Regression("item"), "features": [Numeric("x_mean_1d_by_item")],
          "windows": [Windowed("x", key="item", over="1d", ops=mean())]},
         "features[0] = 'x_mean_1d_by_item': found by the label 'item', which is not known when"),
    ],
)  # fmt: skip
def test_mistakes_of_lookups_beside_the_rest_are_named(
    lookup: Lookup, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(DefinitionError) as error:
        dataset(lookup, **changes)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("lookups", "said"),
    [
        ([Lookup("found", source="a", key="k", indicator=True)],
         "lookups = 'a_found_by_k': the name of the column 'found' of the lookup a_by_k and of the "
         "indicator of the lookup a_by_k; name a column once"),
        ([Lookup("b_c", source="a", key="k"), Lookup("c", source="a_b", key="k")],
         "lookups = 'a_b_c_by_k': the name of the column 'b_c' of the lookup a_by_k and of the "
         "column 'c' of the lookup a_b_by_k"),
        ([Lookup(["c", "c"], source="a", key="k")], "lookups = 'a_c_by_k': the name of the column"),
    ],
)  # fmt: skip
def test_two_looked_up_columns_of_one_name_are_refused(lookups: list[Lookup], said: str) -> None:
    table = Source(columns={name: String() for name in ("k", "found", "b_c", "c")})
    changes = {
        "columns": {**ROWS, "k": String()}, "sources": {"a": table, "a_b": table},
        "lookups": lookups,
    }  # fmt: skip
    with pytest.raises(DefinitionError) as error:
        dataset(BY_KEY, **changes)
    (problem,) = error.value.problems
    assert said in str(problem)
