"""Readings of river gauges in France: semicolons, French clocks, and how far the river rises next.

Unlike the examples it has a derived column that rows may lack, keys of other rows, and split
values that are missing.
"""

import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import (
    Boolean,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Frequent,
    Numeric,
)
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Derive
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.definition.windows.operators import count, last, max, mean, min, std, sum
from forebay.transforms.definition.windows.windowed import Where, Windowed


def serial_number(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    """The number in ``r-0012``; some readings have none."""
    digits = pc.replace_substring_regex(rows["reading_id"], "^r-", "")
    is_number = pc.match_substring_regex(digits, "^[0-9]+$")
    return {"serial": pc.if_else(is_number, digits, None).cast(pa.int64())}


windows = [
    Windowed(
        "level",
        key="site",
        over=["1h", "unbounded"],
        ops=[count(), sum(), mean(), std(), min(), max(), last()],
    ),
    Windowed(
        "pulses",
        key="sensor",
        row_key="neighbour",
        over="6h",
        lag="30m",
        available_at="known_at",
        ops=[sum(default=0), last()],
    ),
    Windowed(key=["site", "sensor"], over="1d", ops=count(), where=Where("ok", "==", True)),
    Windowed("level", over="2h", ops=mean(min_count=3)),
]

readings = Dataset(
    name="readings",
    columns={
        "reading_id": String(required=True),
        "taken": Timestamp(format="%d/%m/%Y %H:%M", tz="Europe/Paris", nulls=("", "?")),
        "known_at": Timestamp(unit="ms"),
        "site": String(values=("Blois", "Tours", "Saumur", "Nantes", "Orléans")),
        "sensor": Integer(range=(1, 9)),
        "neighbour": Integer(),
        "level": Number(nulls=("", "-")),
        "pulses": Integer(),
        "ok": Boolean(true=("oui",), false=("non",)),
        "day": Date(),
        "batch": Integer(),
        "note": String(),
        "rise": Number(),
    },
    csv=CsvFormat(delimiter=";"),
    row_time="taken",
    derive=[Derive(serial_number, ["reading_id"], {"serial": Integer(required=True)})],
    windows=windows,
    features=[
        Numeric("level", scale="z_score", indicator=True),
        Numeric("level_mean_1h_by_site", log1p=True, scale="0_1", impute=0.5, name="recent"),
        Categorical("site", Frequent(oov_buckets=2)),
        Categorical("sensor", Frequent(top_k=3)),
        Bucketized("pulses", boundaries=[0, 10, 20]),
        Bucketized("level", quantiles=4),
        Calendar("taken", part="hour_of_day", tz="Europe/Paris"),
        Crossed("site_ok", ["site_id", "ok_id"], buckets=64),
        Categorical("ok"),
    ],
    label=Regression("rise"),
    split=HashSplit(on="batch", train=70, eval=15, test=15),
    passthrough=[
        "reading_id",
        "serial",
        "taken",
        "site",
        "sensor",
        "level",
        "pulses",
        "ok",
        "day",
        "batch",
        "note",
        *[name for windowed in windows for name in windowed.names],
    ],
)
