"""Sales of a few shops: what is a sale worth, asked when it begins?

A definition without any function. The file has no header, its key has two columns, and a sale
is known to the others only when its till has reported it.
"""

from forebay import (
    Boolean,
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    CsvFormat,
    Dataset,
    HashSplit,
    Integer,
    Number,
    Numeric,
    Ratio,
    Regression,
    String,
    Timestamp,
    Where,
    Windowed,
    count,
    max,
    mean,
    std,
    sum,
)

NULLS = ("NA",)
BERLIN = "Europe/Berlin"

columns = {
    "store": Integer(range=(1, 999), required=True),
    "product": String(required=True),
    "sold_at": Timestamp(unit="s", required=True),
    "reported_at": Timestamp(unit="s", nulls=NULLS),
    "customer": String(required=True),
    "promo": Boolean(true=("Y",), false=("N",), nulls=NULLS),
    "unit_price": Number(range=(0, None), nulls=NULLS),
    "units": Integer(range=(1, None), required=True),
    "amount": Number(range=(0, None), nulls=NULLS),
}

windows = [
    # How this product has been selling in this store.
    Windowed(
        "amount",
        key=["store", "product"],
        over=["6h", "7d"],
        ops=[mean(), count()],
        available_at="reported_at",
    ),
    Windowed(
        "units",
        key=["store", "product"],
        over=["6h", "unbounded"],
        ops=[mean(min_count=2), std()],
        available_at="reported_at",
    ),
    # How busy the store is, and was at this time yesterday.
    Windowed(
        "units", key="store", over="1h", ops=[sum(default=0), max()], available_at="reported_at"
    ),
    Windowed("units", key="store", over="1h", ops=sum(default=0), lag="23h"),
    # Whether a promotion is on.
    Windowed(
        key=["store", "product"],
        over="1d",
        ops=count(),
        available_at="reported_at",
        where=Where("promo", "==", True),
    ),
]

sales = Dataset(
    name="sales",
    columns=columns,
    csv=CsvFormat(delimiter=";", names=tuple(columns)),
    row_time="sold_at",
    windows=windows,
    features=[
        Categorical("store", embed=3),
        Categorical("product", embed=3),
        Categorical("promo"),
        Numeric("unit_price", log1p=True, scale="z_score", indicator=True),
        # Whether sales of this product have picked up or fallen off.
        Numeric(
            Ratio("amount_mean_6h_by_store_product", "amount_mean_7d_by_store_product"),
            scale="z_score",
            indicator=True,
            name="amount_trend",
        ),
        Bucketized("unit_price", boundaries=[1, 2, 4, 8], embed=2),
        Calendar("sold_at", part="hour_of_day", tz=BERLIN, name="hour"),
        Calendar("sold_at", part="day_of_week", tz=BERLIN, name="weekday"),
        Crossed("store_product", ["store_id", "product_id"], buckets=128, embed=4),
        *[
            Numeric(name, scale="z_score", indicator=True)
            for windowed in windows
            for name in windowed.names
        ],
    ],
    label=Regression("amount"),
    split=HashSplit(on="customer", train=80, eval=10, test=10),
    passthrough=["customer"],
)
