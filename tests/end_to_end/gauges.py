"""Gauges at some sites: a definition with a column and a feature of most kinds, and windows."""

from forebay.transforms.definition.columns import Boolean, Date, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Bucketized, Calendar, Categorical, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import RandomSplit
from forebay.transforms.definition.windows.operators import count, mean
from forebay.transforms.definition.windows.windowed import Windowed

gauges = Dataset(
    name="gauges",
    columns={
        "taken": Timestamp(required=True),
        "day": Date(),
        "site": String(),
        "level": Number(range=(-50.0, 50.0)),
        "pulses": Integer(nulls=("", "-200")),
        "ok": Boolean(),
    },
    row_time="taken",
    windows=[Windowed("pulses", key="site", over="3d", ops=(mean(), count()))],
    features=[
        Numeric("pulses_mean_3d_by_site", scale="z_score"),
        Numeric("pulses_count_3d_by_site"),
        Bucketized("pulses", quantiles=4),
        Categorical("site"),
        Calendar("day", part="day_of_week"),
    ],
    label=Regression("level"),
    split=RandomSplit(seed=3),
    passthrough=["ok"],
)
