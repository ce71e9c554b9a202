"""Kinds, row times, labels, splits and features guessed of columns made to be of a kind."""

from __future__ import annotations

import csv
import datetime as dt
import io
import keyword
import random
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forebay as fb
from forebay.commands.init.draft import Draft, make_draft
from forebay.commands.init.guesses.kinds import read_column
from forebay.commands.init.guesses.names import servable_names
from forebay.commands.init.sample import Texts, TextSample, read_sample
from forebay.pipelines.sources.files import find_files
from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.derived_numbers import Difference, Elapsed, Haversine
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Frequent,
    Numeric,
)
from forebay.transforms.definition.labels import BinaryClassification, Classification, Regression
from forebay.transforms.definition.splits import HashSplit, RandomSplit, TimeSplit
from forebay.transforms.errors import InputError
from forebay.transforms.parsing.typed_cells import type_problem

ROWS = 600
WORDS = ["so", "late", "but", "very", "good"]
START = dt.datetime(2024, 3, 1, 6, 0)
Drafted = Callable[..., Draft]
Columns = Mapping[str, Sequence[object]]


ODD_NAMES = [
    "class", "from", "self", "None", "Price", "price", "price_2", "wind speed", "wind_speed",
    "größe", "1st", "x" * 300, "a-b", "a.b", "A_B", " ", "",
]  # fmt: skip


def instants(step: dt.timedelta = dt.timedelta(minutes=97)) -> list[dt.datetime]:
    return [START + i * step for i in range(ROWS)]


def chosen(*values: object, seed: int = 1) -> list[object]:
    return random.Random(seed).choices(values, k=ROWS)


def spread(low: float, high: float, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [round(chance.uniform(low, high), 4) for _ in range(ROWS)]


def written(columns: Columns, delimiter: str = ",", header: bool = True) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


@pytest.fixture
def sampled(tmp_path: Path) -> Callable[..., TextSample]:
    def read(text: str, names: Sequence[str] = (), rows: int = 10_000) -> TextSample:
        (tmp_path / "data.csv").write_text(text, "utf-8")
        return read_sample(find_files([str(tmp_path / "data.csv")]), None, names, rows, 1 << 20)

    return read


@pytest.fixture
def drafted(sampled: Callable[..., TextSample]) -> Drafted:
    def draft(columns: Columns, label: str | None = None) -> Draft:
        return make_draft(sampled(written(columns)), "data", label)

    return draft


KINDS: list[tuple[str, list[object], Column]] = [
    ("n", chosen(*range(200)), Integer()),
    ("n", [f"{i % 90}.0" for i in range(ROWS)], Integer()),
    ("n", [*chosen(*range(200))[1:], ""], Integer()),
    ("n", spread(-3, 9), Number()),
    ("n", ["NA", "n/a", *spread(-3, 9)[2:]], Number(nulls=("", "NA", "n/a"))),
    ("n", [" ", *chosen("-", *range(50))[1:]], Integer(nulls=("", " ", "-"))),
    ("n", chosen("unknown", *range(50)), Integer(nulls=("", "unknown"))),
    ("n", chosen(-999, *spread(0, 90)[:80]), Number(nulls=("", "-999"))),
    ("n", chosen(-9999, -999, *spread(0, 90)[:80]), Number(nulls=("", "-999", "-9999"))),
    ("n", chosen(99, *range(98)), Integer()),
    ("n", chosen("1", "2", "A"), String()),
    ("n", [89490200001000000000 + 731 * i for i in range(ROWS)], String()),
    ("n", [2**63 - i for i in range(ROWS)], String()),  # the first is one beyond
    ("n", [2**63 - 1 - i for i in range(ROWS)], Integer()),
    ("n", [10**i for i in range(60)] * (ROWS // 60), String()),
    ("n", [f"1e{i}" for i in range(60)] * (ROWS // 60), Number()),
    ("n", chosen("01234", "10001"), String()),
    ("n", chosen("1,5", "2,25"), String()),
    ("n", chosen("$3", "$4.50"), String()),
    ("n", chosen(0, 1), Boolean()),
    ("n", chosen("TRUE", "false", ""), Boolean()),
    ("n", chosen("y", "N", "Y"), Boolean(true=("Y", "y"), false=("N",))),
    ("n", chosen("1", "0", "null"), Boolean(nulls=("", "null"))),
    ("n", chosen("on", "off"), Boolean(true=("on",), false=("off",))),
    ("n", chosen("1.0", "0.0", ""), Boolean(true=("1.0",), false=("0.0",))),
    ("n", chosen("yes", "no", "maybe"), String()),
    ("when", [int(t.timestamp()) for t in instants()], Timestamp(unit="s")),
    ("when", [int(t.timestamp() * 1000) for t in instants()], Timestamp(unit="ms")),
    ("phone", [int(t.timestamp()) for t in instants()], Integer()),
    ("t", [t.isoformat() for t in instants()], Timestamp()),
    ("t", [f"{t:%Y-%m-%d %H:%M:%S}+02:00" for t in instants()], Timestamp()),
    ("t", [f"{t:%Y-%m-%d %H:%M:%S} UTC" for t in instants()], Timestamp()),
    ("t", [f"{t:%m/%d/%Y %H:%M}" for t in instants()], Timestamp(format="%m/%d/%Y %H:%M")),
    ("t", [f"{t:%d/%m/%Y %H:%M}" for t in instants()], Timestamp(format="%d/%m/%Y %H:%M")),
    ("t", [f"{t:%d.%m.%Y %H:%M:%S}" for t in instants()], Timestamp(format="%d.%m.%Y %H:%M:%S")),
    ("t", [f"{t:%m/%d/%Y %I:%M %p}" for t in instants()], Timestamp(format="%m/%d/%Y %I:%M %p")),
    ("t", [f"{t:%Y%m%d}" for t in instants(dt.timedelta(hours=31))], Date(format="%Y%m%d")),
    ("t", [f"{t:%Y-%m-%d}" for t in instants()], Date()),
    ("t", [*[f"{t:%Y-%m-%d}" for t in instants()][1:], "NULL"], Date(nulls=("", "NULL"))),
    ("t", [f"{t:%d-%b-%Y}" for t in instants()], Date(format="%d-%b-%Y")),
    ("s", chosen("red", "green", "", "N/A"), String(nulls=("", "N/A"))),
    ("s", [""] * ROWS, String()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cells", "expected"), KINDS)
def test_kinds(drafted: Drafted, name: str, cells: list[object], expected: Column) -> None:
    # A time of its own, so that the column is never taken for the row time and read as another.
    columns = {"a": [t.isoformat() for t in instants()], name: cells, "y": spread(0, 1, seed=2)}

    found = drafted(columns, "y").dataset.columns[name]

    assert type(found) is type(expected)
    assert set(found.nulls) == set(expected.nulls)
    assert {k: v for k, v in vars(found).items() if k != "nulls"} == {
        k: v for k, v in vars(expected).items() if k != "nulls"
    }


@pytest.mark.parametrize(
    "format",
    [
        "%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y.%m.%d", "%d/%m/%y",
        "%d.%m.%y", "%d-%b-%y", "%d %B %Y", "%B %d %Y", "%A, %B %d, %Y",
        "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S", "%Y-%m-%d %I:%M:%S %p", "%d.%m.%Y, %H:%M",
        "%m/%d/%y %I:%M%p", "%B %d, %Y %H:%M:%S.%f", "%Y.%m.%d %H:%M",
        "%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z",
    ],
)  # fmt: skip
def test_days_months_and_instants_are_read_as_they_are_written(format: str) -> None:
    moments = [t.replace(tzinfo=dt.UTC) for t in instants(dt.timedelta(hours=31))]
    cells = [t.strftime(format) for t in moments]

    found = read_column("when", Texts(pa.array(cells), np.arange(ROWS, dtype=np.int32)))

    kind = Timestamp if "%H" in format or "%I" in format else Date
    assert (type(found.column), found.column.format) == (kind, format)  # type: ignore[attr-defined]
    assert found.of_rows().null_count == 0


def test_a_table_of_months_asks_by_month(drafted: Drafted) -> None:
    months = [f"{2015 + i // 120}-{i // 10 % 12 + 1:02}" for i in range(ROWS)]
    stores = [f"store {i % 10}" for i in range(ROWS)]
    draft = drafted({"month": months, "store": stores, "y": spread(0, 1)}, "y")

    assert draft.dataset.row_time == "month"
    assert draft.dataset.columns["month"] == Timestamp(format="%Y-%m")
    calendar = [f.part for f in draft.dataset.features if isinstance(f, Calendar)]
    assert calendar == ["month"]
    assert draft.window is not None
    assert draft.window.windowed.over == ("364d",)


def test_a_few_unreadable_cells_are_rejects_not_another_kind(drafted: Drafted) -> None:
    cells = [*spread(0, 9), *spread(0, 9, seed=3)] * 2
    cells[7] = "7..1"  # type: ignore[call-overload]
    draft = drafted({"n": cells, "y": spread(0, 1) * 4}, "y")

    assert draft.dataset.columns["n"] == Number()
    assert draft.reject_share == 1 / len(cells)
    assert "1 row will be rejected: '7..1' does not fit" in " ".join(draft.readings["n"].reasons)


def test_labels_that_a_run_would_reject_are_rejects_here(drafted: Drafted) -> None:
    y = [*spread(0, 1)[2:], "1e39", "-1e300"]
    assert drafted({"n": spread(0, 1, 2), "y": y}, "y").reject_share == 2 / ROWS


def test_the_row_time_is_when_the_event_begins(drafted: Drafted) -> None:
    chance = random.Random(4)
    begun = instants()
    ended = [t + dt.timedelta(minutes=chance.randrange(1, 300)) for t in begun]
    born = [dt.date(1960, 1, 1) + dt.timedelta(days=chance.randrange(15_000)) for _ in begun]
    rows = sorted(zip(ended, begun, born, strict=True))  # as the ends were reported
    columns = {
        "ended": [e.isoformat() for e, _, _ in rows],
        "begun": [b.isoformat() for _, b, _ in rows],
        "birthday": [str(d) for _, _, d in rows],
        "day": [str(b.date()) for _, b, _ in rows],
        "amount": spread(1, 9),
    }

    draft = drafted(columns)

    assert draft.dataset.row_time == "begun"
    reasons = {name: s for s in draft.suggestions for name in s.columns}
    assert not reasons["ended"].features
    assert "later than begun" in reasons["ended"].reason
    assert not reasons["day"].features
    assert "no more than begun" in reasons["day"].reason
    *parts, age = reasons["birthday"].features
    assert {type(f) for f in parts} == {Calendar}
    assert age == Numeric(Elapsed("birthday", "begun", unit="days"), scale="z_score")
    assert isinstance(draft.dataset.split, TimeSplit)


@pytest.mark.parametrize(
    ("delays", "told"),
    [
        (range(-20, 20), "later than planned: probably not known by then"),
        (range(-200, 0), "the time to planned is nearly the same as delay (|"),
    ],
)
def test_the_time_of_the_outcome_is_no_feature(drafted: Drafted, delays: range, told: str) -> None:
    delay = chosen(*delays)
    happened = [t + dt.timedelta(hours=h) for t, h in zip(instants(), delay, strict=True)]  # type: ignore[arg-type]
    columns = {"planned": [t.isoformat() for t in instants()],
               "happened": [t.isoformat() for t in happened],
               "shop": chosen("a", "b"), "delay": delay}  # fmt: skip

    draft = drafted(columns, "delay")

    assert draft.dataset.row_time == "planned"
    assert features(draft, "happened") == ()
    assert told in next(s.reason for s in draft.suggestions if "happened" in s.columns)
    assert features(draft, "shop")


def test_days_are_a_row_time_where_nothing_finer_is(drafted: Drafted) -> None:
    days = [f"{t:%d.%m.%Y}" for t in instants()]

    draft = drafted({"day": days, "amount": spread(0, 1)})

    assert draft.dataset.row_time == "day"
    assert draft.dataset.columns["day"] == Timestamp(format="%d.%m.%Y")
    assert draft.dataset.features == (Calendar("day", part="day_of_week"),)


def test_a_time_split_leaves_a_tenth_for_each_later_part(drafted: Drafted) -> None:
    draft = drafted({"t": [t.isoformat() for t in instants()], "amount": spread(0, 1)})

    split = draft.dataset.split
    assert isinstance(split, TimeSplit)
    times = [t.replace(tzinfo=dt.UTC) for t in instants()]
    bounds = [dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
              for text in (split.eval_from, split.test_from)]  # fmt: skip
    train = sum(t < bounds[0] for t in times) / ROWS
    test = sum(t >= bounds[1] for t in times) / ROWS
    assert train == pytest.approx(0.8, abs=0.03)
    assert test == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("first", "train"),
    [
        ([i * dt.timedelta(minutes=1) for i in range(510)], "first 80 % train"),  # 85 % in a day
        ([dt.timedelta()] * 510, "first 85 % train"),  # in an instant
        ([dt.timedelta(), *[dt.timedelta(hours=9)] * 509], "first 85 % train"),
        ([i * dt.timedelta(hours=9) for i in range(90)] + [dt.timedelta(days=40)] * 420,
         "first 85 % train"),
    ],
)  # fmt: skip
def test_each_part_of_a_time_split_has_rows(
    drafted: Drafted, first: list[dt.timedelta], train: str
) -> None:
    rest = [dt.timedelta(days=42, hours=12 * i) for i in range(ROWS - len(first))]
    times = [START + after for after in (*first, *rest)]
    draft = drafted({"t": [t.isoformat() for t in times], "amount": spread(0, 1)})

    split = draft.dataset.split
    assert isinstance(split, TimeSplit)
    bounds = [dt.datetime.fromisoformat(text).replace(tzinfo=None)
              for text in (split.eval_from, split.test_from)]  # fmt: skip
    assert sum(t < bounds[0] for t in times) >= 0.4 * ROWS
    assert sum(bounds[0] <= t < bounds[1] for t in times) >= 0.05 * ROWS
    assert sum(t >= bounds[1] for t in times) >= 0.05 * ROWS
    assert train in draft.split.reason


def test_without_times_the_rows_of_a_person_stay_together(drafted: Drafted) -> None:
    draft = drafted({"customer_id": chosen(*range(90)), "n": spread(0, 1), "y": spread(0, 1, 2)})

    assert draft.dataset.split == HashSplit("customer_id")
    assert draft.dataset.passthrough == ("customer_id",)


def test_without_people_each_row_is_by_itself(drafted: Drafted) -> None:
    draft = drafted({"id": [f"r{i}" for i in range(ROWS)], "n": spread(0, 1), "y": spread(0, 1, 2)})

    assert draft.dataset.split == HashSplit("id")
    assert draft.dataset.passthrough == ("id",)


def test_without_a_key_rows_are_drawn(drafted: Drafted) -> None:
    draft = drafted({"n": spread(0, 1), "y": spread(0, 1, 2), "s": chosen("a", "b")})

    assert draft.dataset.split == RandomSplit()


def test_labels_are_guessed_by_name_and_then_from_the_right(drafted: Drafted) -> None:
    numbers = {"a": spread(0, 1), "b": spread(0, 1, 2), "c": spread(0, 1, 3)}

    assert drafted(numbers).label == "c"
    assert drafted({"total_fare": spread(0, 1, 4), **numbers}).label == "total_fare"
    assert drafted({"id": range(ROWS), "n": spread(0, 1), "s": chosen("x", "y")}).label == "n"


@pytest.mark.parametrize(
    ("cells", "label"),
    [
        (spread(0, 1), Regression("y")),
        (chosen(1, 2, 3), Regression("y")),
        (chosen(0, 1), BinaryClassification("y")),
        (chosen(1, 2), BinaryClassification("y")),
        (chosen(-1, 1, "1.0"), BinaryClassification("y")),
        (chosen("Y", "N"), BinaryClassification("y")),
        (chosen("stays", "stays", "stays", "leaves"), BinaryClassification("y")),
        (chosen("a", "b", "b", "b", "c", "c", ""), Classification("y", ("b", "c", "a"))),
    ],
)
def test_a_named_label_sets_its_task(drafted: Drafted, cells: list[object], label: object) -> None:
    draft = drafted({"y": cells, "n": spread(0, 9, 3)}, "y")

    assert draft.dataset.label == label
    if 2 in cells and 3 not in cells:
        assert draft.dataset.columns["y"] == Boolean(true=("2",), false=("1",))
    if -1 in cells:
        column = draft.dataset.columns["y"]
        assert isinstance(column, Boolean)
        assert (set(column.true), column.false) == ({"1", "1.0"}, ("-1",))
    if "leaves" in cells:
        assert draft.dataset.columns["y"] == Boolean(true=("leaves",), false=("stays",))


@pytest.mark.parametrize(
    ("type", "values", "label", "column"),
    [
        (pa.float64(), (0.0, 1.0), BinaryClassification("y"), Number()),
        (pa.decimal128(4, 2), (Decimal(0), Decimal(1)), BinaryClassification("y"), Number()),
        (pa.float32(), (1.0, 2.0), Regression("y"), Integer()),
        (pa.int8(), (1, 2), BinaryClassification("y"), Boolean(true=("2",), false=("1",))),
        (pa.string(), ("1", "2"), BinaryClassification("y"), Boolean(true=("2",), false=("1",))),
    ],
)
def test_a_label_of_a_typed_table_is_of_a_kind_that_takes_its_type(
    type: pa.DataType, values: Sequence[object], label: object, column: Column
) -> None:
    table = pa.table({"n": spread(0, 9, 3), "y": pa.array(chosen(*values), type)})

    dataset = fb.init(table, label="y").dataset

    assert (dataset.label, dataset.columns["y"]) == (label, column)
    assert type_problem(type, column) is None


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("s", "'s' is a String column of 21 values"),
        ("t", "'t' is a Timestamp column"),
        ("c", "'c' has one value in the sample"),
        ("f", r"the label 'f' is beyond 3.4e\+38, the greatest number of a model, in most rows"),
        ("z", "'z': no such column"),
    ],
)
def test_a_label_must_be_one(drafted: Drafted, label: str, message: str) -> None:
    columns = {"s": chosen(*(f"s{i}" for i in range(21))), "t": [t.isoformat() for t in instants()],
               "c": [7] * ROWS, "n": spread(0, 1),
               "f": [1e300 * x for x in spread(1, 2)]}  # fmt: skip
    with pytest.raises(InputError, match=message):
        drafted(columns, label)


def features(draft: Draft, column: str) -> tuple[object, ...]:
    return next(s.features for s in draft.suggestions if column in s.columns)


def test_features_fit_their_columns(drafted: Drafted) -> None:
    chance = random.Random(5)
    columns = {
        "plain": spread(0, 1),
        "skewed": [round(chance.lognormvariate(0, 2), 3) for _ in range(ROWS)],
        "gaps": chosen("", *range(100)),
        "grade": chosen(1, 2, 3, 4),
        "hour": chosen(*range(24)),
        "colour": chosen("red", "green"),
        "shop": [f"s{n}" for n in chosen(*range(100))],
        "street": [f"s{n}" for n in chosen(*range(400))],
        "member": chosen("yes", "no"),
        "order": [f"o{i}" for i in range(ROWS)],
        "row": range(1, ROWS + 1),
        "note": [" ".join(chance.choices(WORDS, k=8)) for _ in range(ROWS)],
        "always": ["x"] * ROWS,
        "never": [""] * ROWS,
        "y": spread(0, 1, seed=6),
    }  # fmt: skip
    draft = drafted(columns, "y")

    assert {name: features(draft, name) for name in columns if name != "y"} == {
        "plain": (Numeric("plain", scale="z_score"),),
        "skewed": (Numeric("skewed", scale="z_score", log1p=True),),
        "gaps": (Numeric("gaps", scale="z_score", indicator=True),),
        "grade": (Categorical("grade"),),
        "hour": (Categorical("hour"),),
        "colour": (Categorical("colour"),),
        "shop": (Categorical("shop", Frequent(min_count=10, oov_buckets=10)),),
        "street": (),
        "member": (Categorical("member"),),
        "order": (),
        "row": (),
        "note": (),
        "always": (),
        "never": (),
    }
    assert draft.dataset.passthrough == ("order", "row")


def test_what_is_known_only_with_the_label_is_left_out(drafted: Drafted) -> None:
    missing = set(random.Random(7).sample(range(ROWS), 40))
    delay = ["" if i in missing else round(v, 2) for i, v in enumerate(spread(0, 90))]
    columns = {
        "air_time": ["" if v == "" else 60 + i % 50 for i, v in enumerate(delay)],
        "seconds": ["" if v == "" and i % 3 else 60 * (v or 0) for i, v in enumerate(delay)],
        "distance": spread(100, 900, seed=8),
        "delay": delay,
    }
    draft = drafted(columns)

    assert draft.label == "delay"
    assert features(draft, "air_time") == features(draft, "seconds") == ()
    assert features(draft, "distance")


@pytest.mark.parametrize(
    ("told", "cells"),
    [
        ("missing only where delay is", ["" if i % 60 == 3 else i % 7 for i in range(ROWS)]),
        ("nearly the same as delay (|Spearman|", [2.0**i for i in range(ROWS)]),
    ],
)
def test_what_check_would_find_is_no_feature(
    drafted: Drafted, told: str, cells: list[object]
) -> None:
    delay = ["" if i % 30 == 3 else i / 7 for i in range(ROWS)]
    columns = {"x": cells, "distance": spread(100, 900), "way": spread(1, 2), "delay": delay}
    draft = drafted(columns, "delay")
    assert features(draft, "x") == ()
    assert told in next(s.reason for s in draft.suggestions if "x" in s.columns)


def test_a_text_that_says_the_label_in_other_words_is_no_feature(drafted: Drafted) -> None:
    survived = chosen(0, 1)
    alive = ["yes" if value else "no" for value in survived]
    draft = drafted({"alive": alive, "age": spread(1, 80, 5), "survived": survived}, "survived")
    assert features(draft, "alive") == ()


def test_rows_without_text_are_left_out_of_account(drafted: Drafted) -> None:
    columns = {"at": [t.isoformat() for t in instants()], "shop": chosen("a", "b"),
               "x": spread(0, 1), "y": spread(0, 1, 2)}  # fmt: skip
    plain = drafted(columns, "y")
    below = {name: [*cells, "", "", " ", "", "", ""] for name, cells in columns.items()}
    draft = drafted(below, "y")
    assert draft.dataset == plain.dataset
    assert draft.facts == plain.facts
    assert (plain.sample.blank, draft.sample.blank, draft.sample.rows) == (0, 6, ROWS)


def test_an_empty_row_but_for_its_number_ties_nothing_to_the_label(drafted: Drafted) -> None:
    columns = {"id": range(ROWS), "shop": chosen("a", "b"), "x": spread(0, 1), "y": spread(0, 1, 2)}
    empty = {name: [*cells, *[""] * 9] for name, cells in columns.items()}
    empty["id"][-9:] = range(ROWS, ROWS + 9)
    draft = drafted(empty, "y")
    assert features(draft, "x")
    assert features(draft, "shop")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("split", chosen("train", "test")),
        ("usage", chosen("Train", "Valid", "TEST")),
        ("fold", chosen(0, 1, 2, 3, 4)),
        ("train", chosen("True", "False")),
        ("is_train", chosen(0, 1)),
    ],
)
def test_a_tables_own_split_is_no_feature(drafted: Drafted, name: str, cells: list[object]) -> None:
    draft = drafted({name: cells, "x": spread(0, 1), "y": spread(0, 1, 2)}, "y")
    assert features(draft, name) == ()
    assert features(draft, "x")


def test_users_and_items_are_names_that_have_a_past(drafted: Drafted) -> None:
    columns = {
        "user": chosen(*range(1_000, 1_040), seed=2),
        "item": chosen(*range(90_000, 90_020), seed=3),
        "tweet_user": chosen(*range(2**60, 2**60 + 40), seed=4),
        "hash": chosen(*range(2**60, 2**60 + 400), seed=5),
        "user_age": chosen(*range(15, 90), seed=6),
        "rating": chosen(1, 2, 3, 4, 5),
        "timestamp": [int(t.timestamp()) for t in instants()],
    }
    draft = drafted(columns)
    assert draft.label == "rating"
    assert features(draft, "user") == (Categorical("user", Frequent(min_count=10, oov_buckets=10)),)
    assert features(draft, "item") == (Categorical("item"),)
    assert features(draft, "hash") == ()  # too few rows each, and no quantity
    assert features(draft, "user_age") == (Numeric("user_age", scale="z_score"),)
    assert draft.window is not None
    assert draft.window.windowed.key == ("user",)
    assert "user (40 values), tweet_user (40 values), item (20 values)" in draft.window.reason


@pytest.mark.parametrize("year", [1, 999, 1583, 9998])
def test_bounds_of_the_split_are_written_in_any_year(drafted: Drafted, year: int) -> None:
    for step in (dt.timedelta(minutes=1), dt.timedelta(hours=3), dt.timedelta(seconds=1)):
        times = [dt.datetime(year, 1, 1, 2) + i * step for i in range(ROWS)]
        draft = drafted({"at": [t.isoformat() for t in times], "y": spread(0, 1)})
        split = draft.dataset.split
        assert isinstance(split, TimeSplit)
        assert times[0] < dt.datetime.fromisoformat(split.eval_from).replace(tzinfo=None)


def test_places_are_cells(drafted: Drafted) -> None:
    columns = {
        "pickup_longitude": spread(-74.1, -73.7),
        "pickup_latitude": spread(40.5, 40.9),
        "dropoff_longitude": spread(-74.1, -73.7, 2),
        "dropoff_latitude": spread(40.5, 40.9, 2),
        "flat": chosen("a", "b"),
        "fare": spread(2, 50, 3),
    }
    found = drafted(columns).dataset.features

    assert found[1:4] == (
        Bucketized("pickup_latitude", quantiles=20),
        Bucketized("pickup_longitude", quantiles=20),
        Crossed("pickup_cell", ("pickup_latitude_bucket", "pickup_longitude_bucket"), 441, 8),
    )
    assert Numeric(Difference("dropoff_latitude", "pickup_latitude"), scale="z_score") in found
    corners = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
    assert Numeric(Haversine(*corners), scale="z_score", log1p=True) in found


def test_outputs_keep_out_of_the_way_of_carried_columns(drafted: Drafted) -> None:
    columns = {"order": chosen("a", "b"), "order_id": [f"o{i}" for i in range(ROWS)],
               "y": spread(0, 1)}  # fmt: skip
    draft = drafted(columns, "y")

    assert draft.dataset.passthrough == ("order_id",)
    assert draft.dataset.features == (Categorical("order", name="order_id_feature"),)


@given(st.lists(st.sampled_from(ODD_NAMES) | st.text(max_size=90), min_size=1, unique=True))
def test_any_column_gets_a_name_that_a_served_model_can_have(names: list[str]) -> None:
    given = servable_names(names)
    assert list(given) == names
    assert len({name.lower() for name in given.values()}) == len(names)
    for plain in given.values():
        assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", plain)
        assert not keyword.iskeyword(plain)
        assert plain != "self"
        assert len(plain) < 200


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiters(sampled: Callable[..., TextSample], delimiter: str, header: bool) -> None:
    columns = {"n": ["1,5", "2,25"], "s": ['say "hi"', "a;b|c\td"], "y": [1, 2]}
    sample = sampled(written(columns, delimiter, header), () if header else tuple(columns))

    assert sample.format.delimiter == delimiter
    assert {n: t.distinct.to_pylist() for n, t in sample.columns.items()} == {
        name: [str(cell) for cell in cells] for name, cells in columns.items()
    }


def test_inches_are_no_quotes(sampled: Callable[..., TextSample]) -> None:
    sample = sampled("size,n\n" + '"5 tall,1\n' * 50)

    assert sample.format.quote is None
    assert sample.columns["size"].distinct.to_pylist() == ['"5 tall']


def test_a_sample_is_spread_over_the_file(sampled: Callable[..., TextSample]) -> None:
    total = 400_000
    text = "n,pad\n" + "".join(f"{i},{'x' * 20}\n" for i in range(total))

    sample = sampled(text, rows=100_000)

    read = [int(text) for text in sample.columns["n"].distinct.to_pylist()]
    assert len(read) == sample.rows <= 100_000
    assert sample.share == pytest.approx(sample.rows / total, rel=0.05)
    quarters = [sum(n // (total // 4) == quarter for n in read) for quarter in range(4)]
    assert min(quarters) > 0.15 * sample.rows


def test_a_header_of_numbers_counted_from_zero_is_one(sampled: Callable[..., TextSample]) -> None:
    assert list(sampled("0,1,2\n7,8,9\n").columns) == ["0", "1", "2"]
    with pytest.raises(InputError, match="looks like a row"):
        sampled("5,1.5,2024-01-01\n6,2.5,2024-01-02\n")
