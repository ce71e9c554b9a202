"""Definitions: what they accept, what they refuse and how, and their JSON."""

import json
import subprocess
import sys

import pytest

from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import (
    Difference,
    Elapsed,
    Euclidean,
    Haversine,
    Ratio,
)
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Custom,
    Cyclic,
    Frequent,
    Grid,
    Numeric,
)
from forebay.transforms.definition.labels import BinaryClassification, Regression
from forebay.transforms.definition.serialize import digest, from_json, to_json
from forebay.transforms.definition.sources import Derive, Source
from forebay.transforms.definition.splits import HashSplit, TimeSplit
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.definition.windows import operators
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.durations import parse_duration
from forebay.transforms.errors import DefinitionError, InputError

COLUMNS = {
    "t": Timestamp(tz="America/New_York", required=True),
    "shop": String(values=("a", "b")),
    "buyer": Integer(nulls=("", "NA")),
    "day": Date(format="%d.%m.%Y"),
    "paid": Boolean(),
    "price": Number(range=(0, None)),
}


def dataset(**changes: object) -> Dataset:
    """A definition that uses every kind of part, with changes."""
    parts = {
        "name": "sales",
        "columns": COLUMNS,
        "row_time": "t",
        "derive": [Derive("my.module:double", ["price"], {"twice": Number()})],
        "windows": [
            Windowed(
                "price",
                key="shop",
                over=["1h", "7d"],
                ops=[operators.mean(default=0.0), operators.count()],
            ),
            Windowed(
                key=["shop", "buyer"], over="unbounded", lag="10m", where=Where("paid", "==", True)
            ),
            Windowed(
                "price",
                key="shop",
                row_key="shop",
                over="1h",
                ops=operators.last(min_count=2),
                at="t",
            ),
        ],
        "features": [
            Numeric(
                "price", scale="z_score", log1p=True, clip=(0, 100), impute=1.5, indicator=True
            ),
            Numeric(Difference("price", "price_mean_1h_by_shop"), scale="z_score"),
            Bucketized(Ratio("price", "twice"), quantiles=4),
            Numeric("twice", scale="z_score", impute="median", key="shop"),
            Numeric(Haversine("price", "twice", "buyer", "price")),
            Numeric(Euclidean("price", "twice", "buyer", "price"), impute="most_frequent"),
            Numeric(Elapsed("day", "t", unit="days"), scale="robust"),
            Bucketized("price", linspace=[0.0, 10.0, 11], name="tens"),
            Grid("price", "twice", cells=[2, 3], latitudes=[0.0, 1.0], name="cell"),
            Cyclic("day", "day_of_year"),
            Categorical("shop", Frequent(top_k=5), embed=3),
            Bucketized("twice", boundaries=[1.0, 2.0]),
            Calendar("t", "day_of_week", tz="Europe/Berlin", name="dow"),
            Crossed("dow_shop", ["dow", "shop_id"], buckets=50, embed=2),
            Custom("my.module:ratio", columns=["price", "twice"], name="ratio"),
        ],
        "label": BinaryClassification("paid", baselines=["price"]),
        "split": HashSplit("buyer"),
        "passthrough": ["buyer"],
        "weight": "twice",
    }
    return Dataset(**{**parts, **changes})  # type: ignore[arg-type]


def problems(**changes: object) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        dataset(**changes)
    return [str(problem) for problem in caught.value.problems]


def test_json_round_trip_keeps_value_and_digest() -> None:
    definition = dataset()
    again = from_json(to_json(definition))
    assert again == definition
    assert digest(again) == digest(definition)


def test_a_weight_is_a_number_of_the_row_and_is_carried() -> None:
    assert dataset().carried_columns == ("buyer", "paid", "price", "twice")
    assert "twice" in dataset(features=[Numeric("price")]).graph_columns
    assert dataset(weight=None, passthrough=()).carried_columns == ("paid", "price")
    (unknown,) = problems(weight="prize")
    assert "weight" in unknown
    assert "did you mean price?" in unknown
    (text,) = problems(weight="shop")
    assert "weight" in text
    assert "Number or Integer" in text
    (windowed,) = problems(weight="price_mean_1h_by_shop")
    assert "weight" in windowed


def test_digest_tells_definitions_apart() -> None:
    assert digest(dataset()) != digest(dataset(split=HashSplit("buyer", train=81, eval=9)))


def test_names_of_windowed_columns_are_derived() -> None:
    assert list(dataset().windowed_columns) == [
        "price_mean_1h_by_shop",
        "price_count_1h_by_shop",
        "price_mean_7d_by_shop",
        "price_count_7d_by_shop",
        "events_count_unbounded_lag_10m_where_paid_eq_True_by_shop_buyer",
        "price_last_1h_by_shop",
    ]


def test_each_category_has_columns_of_its_own() -> None:
    windowed = Windowed(
        "price", key="shop", over=["1h", "7d"], ops=operators.rate(per="1d"), by="paid",
        categories=[True, False], where=Where("price", ">", 0),
    )  # fmt: skip
    assert windowed.names == (
        "price_rate_per_1d_1h_where_price_gt_0_and_paid_eq_True_by_shop",
        "price_rate_per_1d_7d_where_price_gt_0_and_paid_eq_True_by_shop",
        "price_rate_per_1d_1h_where_price_gt_0_and_paid_eq_False_by_shop",
        "price_rate_per_1d_7d_where_price_gt_0_and_paid_eq_False_by_shop",
    )
    assert from_json(to_json(dataset(windows=[windowed], features=[Categorical("shop")])))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"by": "paid"}, "name a column in by and list its values in categories"),
        ({"categories": [True]}, "name a column in by and list its values in categories"),
        ({"by": "paid", "categories": ["yes"]}, "cannot be compared with paid"),
        ({"by": "pay", "categories": [True]}, "did you mean day or paid"),
        ({"over": "99999999999d"}, "longer than times can be apart (106751991 days)"),
        ({"lag": "106751992d"}, "longer than times can be apart"),
        ({"tile": "9223372036854775808us"}, "longer than times can be apart"),
        ({"ops": operators.rate(per=f"{'9' * 99}w")}, "longer than times can be apart"),
        ({"ops": operators.decayed_mean(half_life="99999999999d")}, "longer than times can be"),
        ({"ops": operators.rate(per="often")}, "not a positive duration"),
        ({"ops": operators.Op("rate")}, "not a positive duration"),
        ({"value": None, "ops": operators.rate()}, "rate needs a column"),
        ({"value": None, "ops": operators.count_nulls()}, "count_nulls needs a column"),
        ({"ops": operators.Op("count_nulls", default=1.0)}, "an empty window counts 0"),
        ({"where": [Where("paid", "==", True), Where("prize", ">", 1)]}, "did you mean price"),
    ],
)
def test_windows_are_checked(changes: dict, cause: str) -> None:
    parts = {"value": "price", "key": "shop", "over": "1h", "ops": operators.mean(), **changes}
    (problem,) = problems(windows=[Windowed(**parts)], features=[Categorical("shop")])
    assert cause in problem


def test_digits_beyond_what_python_reads_are_no_duration() -> None:
    assert parse_duration("9" * 5000 + "w") is None


PRICES = Source(
    columns={
        "id": String(), "store": String(), "at": Timestamp(), "known": Timestamp(),
        "amount": Number(), "gone": Boolean(), "buyer": String(),
    }
)  # fmt: skip
OF_PRICES = {
    "value": "amount", "source": "prices", "key": "store", "row_key": "shop", "at": "at",
    "over": "1h", "ops": operators.last(),
}  # fmt: skip


def test_windows_of_a_source_are_named_by_it() -> None:
    definition = dataset(
        sources={"prices": PRICES}, features=[Numeric("prices_amount_last_1h_by_store_for_shop")],
        windows=[Windowed(**OF_PRICES)],
    )  # fmt: skip
    assert list(definition.windowed_columns) == ["prices_amount_last_1h_by_store_for_shop"]
    assert list(definition.tables) == ["rows", "prices"]
    assert from_json(to_json(definition)) == definition


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"source": "price"}, "source = 'price': no such source; the sources are prices; name one"),
        ({"at": None}, "windows[0].at = None: events of the source 'prices' have no row time"),
        ({"at": "t"}, "windows[0].at = 't': no such column; did you mean at?"),
        ({"value": "price"}, "windows[0].value = 'price': no such column"),
        ({"key": "shop"}, "windows[0].key = 'shop': no such column; the columns are id, store"),
        ({"row_key": ()}, "windows[0].row_key = 'store': no such column"),
        ({"row_key": "store"}, "windows[0].row_key = 'store': no such column"),
        ({"key": "buyer", "row_key": ()}, "a Integer column, compared with buyer, a String"),
        ({"where": Where("paid", "==", True)}, "windows[0].where.column = 'paid': no such column"),
        ({"event_id": "id"}, "windows[0].available_at = None: beside event_id='id'; name"),
        ({"deleted": "gone"}, "windows[0].event_id = None: beside deleted='gone'; name"),
        ({"event_id": "amount", "available_at": "known"}, "a Number column; name a column of kind"),
        ({"event_id": "id", "available_at": "known", "deleted": "id"},
         "windows[0].deleted = 'id': a String column; name a column of kind Boolean"),
    ],
)  # fmt: skip
def test_windows_of_a_source_are_checked(changes: dict, cause: str) -> None:
    (problem,) = problems(
        sources={"prices": PRICES}, windows=[Windowed(**OF_PRICES | changes)],
        features=[Categorical("shop")],
    )  # fmt: skip
    assert cause in problem


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        (Number(nulls=("-1",)), "nulls"), (Number(field="x"), "field"),
        (Boolean(true=("Y",)), "true"), (Date(format="%d.%m.%Y"), "format"),
        (Timestamp(unit="s"), "unit"), (Timestamp(tz="Europe/Berlin"), "tz"),
    ],
)  # fmt: skip
def test_what_says_how_cells_are_read_is_refused_of_what_a_function_makes(
    kind: Column, option: str
) -> None:
    derive = [Derive("my.module:double", ["price"], {"twice": Number(), "more": kind})]
    (found,) = problems(derive=derive)
    assert f"derive[0].outputs['more'].{option} = " in found
    assert "says how cells are read, and a made column has none; leave it out" in found


def test_what_a_function_makes_has_limits() -> None:
    kinds = [
        Number(range=(0, 1)), Integer(required=True), String(values=("a",)), Bytes(image=True),
        Numbers(separator=","),
    ]  # fmt: skip
    outputs = {"twice": Number(), **{f"made_{i}": kind for i, kind in enumerate(kinds)}}
    assert dataset(derive=[Derive("my.module:double", ["price"], outputs)])


def test_sources_are_checked() -> None:
    found = problems(
        sources={
            "rows": PRICES,
            "of day": PRICES,
            "bad": Source(
                columns={"__x": Number(), "z": Number(range=(2, 1))}, csv=CsvFormat(delimiter=";;"),
                derive=[Derive("my.module:double", ["y"], {"__x": Number()})],
            ),
        }
    )  # fmt: skip
    text = "\n".join(found)
    for part in ("sources = 'rows': not the name of a source", "sources = 'of day'",
                 "sources['bad'].columns = '__x'", "sources['bad'].columns['z'].range",
                 "sources['bad'].csv.delimiter", "sources['bad'].derive[0].inputs = 'y'",
                 "sources['bad'].derive[0].outputs = '__x'"):  # fmt: skip
        assert part in text


def test_a_dataset_without_sources_says_so() -> None:
    (problem,) = problems(windows=[Windowed(**OF_PRICES)], features=[Categorical("shop")])
    assert "no such source; the dataset has none" in problem


def test_row_key_is_in_the_name_where_it_differs() -> None:
    windowed = Windowed("price", key="dest", row_key="origin", over="1h", ops=operators.mean())
    assert windowed.names == ("price_mean_1h_by_dest_for_origin",)


def test_numbers_of_two_columns_read_both_and_are_named_by_both() -> None:
    difference = Numeric(Difference("price", "price_mean_1h_by_shop"), scale="z_score")
    assert difference.inputs == ("price", "price_mean_1h_by_shop")
    assert difference.outputs == ("price_minus_price_mean_1h_by_shop_z_score",)
    assert Bucketized(Ratio("price", "twice"), quantiles=4).output == "price_over_twice_bucket"


def test_numbers_of_two_columns_are_checked() -> None:
    (unknown,) = problems(features=[Numeric(Ratio("price", "prize"))])
    assert "prize" in unknown
    assert "did you mean price" in unknown
    (kind,) = problems(features=[Numeric(Difference("price", "t"))])
    assert "a Timestamp column" in kind
    (pair,) = problems(features=[Categorical(Ratio("price", "twice"))])
    assert "takes one column" in pair
    (label,) = problems(features=[Numeric(Difference("price", "paid"))])
    assert "the label is not known" in label


def test_numbers_of_several_columns_are_named_by_all() -> None:
    four = ("lat", "lon", "to_lat", "to_lon")
    assert Numeric(Haversine(*four)).output == "km_from_lat_lon_to_to_lat_to_lon_value"
    assert Numeric(Euclidean(*four)).inputs == four
    assert Bucketized(Elapsed("a", "b", "days"), quantiles=2).output == "days_from_a_to_b_bucket"
    by_key = Numeric("price", scale="z_score", log1p=True, key="shop", indicator=True)
    assert by_key.inputs == ("price", "shop")
    assert by_key.output == "price_log1p_z_score_by_shop"
    assert Numeric("price", scale="-1_1").output == "price_minus1_1"
    assert Grid("lat", "lon", cells=(2, 3)).outputs == ("lat_lon_cell",)
    assert Cyclic("t", "month").outputs == ("t_month_sin", "t_month_cos")


@pytest.mark.parametrize(
    ("feature", "mistakes"),
    [
        (Numeric("price", scale="2_3"), ["'2_3': not one of the choices; write 'z_score'"]),  # type: ignore[arg-type]
        (Numeric("price", impute="mode"), ["'mode': not one of the choices; write 'mean'"]),  # type: ignore[arg-type]
        (Numeric("price", impute=float("nan")), ["impute = nan: not a finite number"]),
        (Numeric("price", impute=None), ["impute = None: nothing; write 'mean'"]),  # type: ignore[arg-type]
        (Numeric("price", scale="z_score", key="shopp"),
         ["key = 'shopp': no such column; did you mean shop"]),
        (Numeric("price", scale="z_score", key="t"), ["key = 't': a Timestamp column"]),
        (Numeric("price", scale="z_score", key="paid"), ["the label is not known"]),
        (Numeric("price", key="shop"), ["beside scale=None; a key is for scale='z_score'"]),
        (Numeric(Haversine("price", "twice", "prize", "shop")),
         ["'prize': no such column", "'shop': a String column"]),
        (Numeric(Elapsed("t", "price")), ["'price': a Number column; name a column of kind Time"]),
        (Numeric(Elapsed("t", "day", unit="weeks")), ["unit = 'weeks': not one of the choices"]),  # type: ignore[arg-type]
        (Bucketized("price"), ["needs one way to cut; set one of quantiles, boundaries and lins"]),
        (Bucketized("price", quantiles=3, linspace=(0, 1, 3)), ["needs one way to cut"]),
        (Bucketized("price", linspace=(1, 0, 3)), ["linspace = (1, 0, 3): not (start, stop, coun"]),
        (Bucketized("price", linspace=(0, 1, 1)), ["linspace = 1: not two; write 2 to 65,536"]),
        (Grid("shop", "price", cells=(2, 2)), ["features[0].latitude = 'shop': a String column"]),
        (Grid("price", "twice", cells=(0, 2)), ["cells = 0: no cell; write 1 to 65,536"]),
        (Grid("price", "twice", cells=(1, 2), longitudes=(1, 1)), ["longitudes = (1, 1): not a"]),
        (Calendar("day"), ["part = 'hour_of_day': day is a Date, which has no clock"]),
        (Calendar("t", part="decade"), ["'decade': not one of the choices; write"]),  # type: ignore[arg-type]
        (Cyclic("t", part="quarter"), ["'quarter': not one of the choices; write"]),  # type: ignore[arg-type]
        (Cyclic("t", tz="Mars"), ["'Mars': not a time zone"]),
        (Cyclic(Difference("price", "twice")), ["a Cyclic takes one column"]),
    ],
)  # fmt: skip
def test_numbers_are_checked(feature: Numeric, mistakes: list[str]) -> None:
    found = problems(features=[feature])
    assert len(found) == len(mistakes)
    assert all(mistake in text for mistake, text in zip(mistakes, found, strict=True))


def test_model_columns_leave_the_label_out() -> None:
    whole = dataset(features=[Custom("my.module:preprocessing_fn")])
    assert "paid" not in whole.model_columns
    assert {"price", "twice", "price_mean_1h_by_shop"} <= set(whole.model_columns)
    assert "paid" in whole.graph_columns


def test_all_mistakes_are_reported_at_once() -> None:
    found = problems(
        row_time="tt",
        windows=[Windowed("t", key="shopp", over="1 h", ops=operators.Op("median"))],
        split=HashSplit("price"),
    )
    text = "\n".join(found)
    for part in ("row_time", "did you mean t?", "windows[0].value", "windows[0].over", "'median'",
                 "did you mean shop", "split.on"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("changes", "where", "cure"),
    [
        (
            {"windows": [Windowed("shop", key="shop", over="1h", ops=operators.mean())]},
            "windows[0].value = 'shop': text has no mean",
            "Number or Integer",
        ),
        (
            {"features": [Numeric("missing")]},
            "features[0].column = 'missing': no such column",
            "columns are",
        ),
        (
            {"label": Regression("nothing")},
            "label.column = 'nothing': no such column",
            "columns are",
        ),
        (
            {"label": Regression("price"), "features": [Numeric("price")]},
            "features[0] = 'price': the label is not known",
            "leave it out",
        ),
        (
            {"windows": [Windowed("price", key="shop", over="1h")] * 2},
            "2 windowed columns have this name",
            "drop one",
        ),
        (
            {"features": [Numeric("price"), Bucketized("price", quantiles=4, name="price_value")]},
            "2 outputs have this name",
            "name=",
        ),
        ({"row_time": None}, "row_time = None", "name a Timestamp"),
        (
            {"split": TimeSplit("2013-13-01", "2014-01-01")},
            "split.eval_from = '2013-13-01'",
            "2013-10-28",
        ),
        ({"split": TimeSplit("2014-02-01", "2014-01-01")}, "after test_from", "swap"),
        (
            {"features": [Custom(lambda x: x, columns=["price"], name="f")]},
            "features[0].function",
            "top of an importable module",
        ),
        (
            {"columns": {**COLUMNS, "t": Timestamp(tz="America/NewYork")}},
            "columns['t'].tz",
            "America/New_York",
        ),
        ({"columns": {**COLUMNS, "__row": Number()}}, "'__row'", "__"),
        (
            {"windows": [Windowed("price", key="shop", row_key="buyer", over="1h")]},
            "compared with shop",
            "one kind",
        ),
        ({"features": []}, "nothing to learn from", "declare a feature"),
        ({"name": "../evil"}, "not a plain name", "letters"),
    ],
)
def test_mistakes_name_value_cause_and_cure(changes: dict, where: str, cure: str) -> None:
    text = "\n".join(problems(**changes))
    assert where in text
    assert cure in text


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "os.system"}', '{"kind": "Dataset"}', "3"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        from_json(text)


def test_json_names_functions_by_import_path() -> None:
    derive = json.loads(to_json(dataset()))["derive"][0]
    assert derive["function"] == "my.module:double"


def test_definitions_load_neither_beam_nor_tensorflow() -> None:
    code = (
        "import sys, forebay.transforms.definition.dataset, "
        "forebay.transforms.definition.serialize, forebay.transforms.windows.groups;"
        "print([m for m in ('apache_beam', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("format", "problem"),
    [
        (CsvFormat(delimiter=";;"), "csv.delimiter = ';;': not a single ASCII character"),
        (CsvFormat(quote="''"), "or None where quotes are ordinary text"),
        (CsvFormat(comment="##"), "write one, such as '#', or None where no line"),
        (CsvFormat(delimiter="\n"), "a line end or NUL, which cannot stand within a line"),
    ],
)  # fmt: skip
def test_a_character_of_the_dialect_is_one(format: CsvFormat, problem: str) -> None:
    (found,) = problems(csv=format)
    assert problem in found
