"""Orders of a shop, with weights and a feature of every degenerate kind; all are training rows."""

from forebay.transforms.definition.columns import Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Bucketized, Categorical, Crossed, Hashed, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import TimeSplit

orders = Dataset(
    name="orders",
    columns={
        "id": Integer(required=True),
        "at": Timestamp(required=True),
        "amount": Number(),
        "constant": Number(),
        "void": Number(),
        "shop": String(),
        "only": String(),
        "rarely": String(),
        "blank": String(),
        "paid": Number(),
        "worth": Number(),
    },
    row_time="at",
    features=[
        Numeric("amount", scale="z_score"),
        Numeric("constant", scale="z_score", indicator=True),
        Numeric("void", scale="0_1"),
        Bucketized("constant", quantiles=3),
        Bucketized("void", quantiles=3),
        Categorical("shop"),
        Categorical("only"),
        Categorical("rarely"),
        Categorical("blank"),
        Crossed("crowded", ["shop_id", "only_id"], buckets=50),
        Crossed("spread", ["shop_id", "rarely_id"], buckets=50),
        Categorical("id", Hashed(40), name="number"),
        Crossed("mixed", ["number", "shop_id"], buckets=30),
    ],
    label=Regression("paid"),
    split=TimeSplit("2030-01-01", "2031-01-01"),
    passthrough=["id"],
    weight="worth",
)
