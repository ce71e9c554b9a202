"""The weather that each of 336,776 flights sees, against a join in SQL."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.identity import ROW
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

LATEST = """
    SELECT row, arg_max({value}, hour) AS latest
    FROM flights LEFT JOIN weather ON flights.origin = weather.origin
        AND hour >= left_at - 2 * 3600000000 AND hour < left_at AND hour + 3600000000 < left_at
    WHERE left_at IS NOT NULL
    GROUP BY row ORDER BY row
"""


@pytest.fixture(scope="module")
def weather(flights: ModuleType, prepare: ModuleType) -> pa.RecordBatch:
    kinds = flights.WEATHER.columns
    options = pyarrow.csv.ConvertOptions(
        column_types={name: kind.arrow_type for name, kind in kinds.items()},
        null_values=["NA"], include_columns=list(kinds),
    )  # fmt: skip
    table = pyarrow.csv.read_csv(prepare.find_data() / "weather.csv", convert_options=options)
    (batch,) = table.combine_chunks().to_batches()
    (step,) = flights.WEATHER.derive
    known = resolve(str(step.function))(batch.select(list(step.inputs)))
    identity = pa.array(-1 - np.arange(len(batch)))
    return batch.append_column("known_at", known["known_at"]).append_column(ROW, identity)


@pytest.fixture(scope="module")
def rows(
    flights: ModuleType, prepare: ModuleType, derived: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> pa.RecordBatch:
    options = pyarrow.csv.ConvertOptions(
        column_types={name: kind.arrow_type for name, kind in flights.COLUMNS.items()},
        null_values=["NA"], strings_can_be_null=True,
    )  # fmt: skip
    text = pa.BufferReader(prepare.read_flights(prepare.find_data()))
    table = pyarrow.csv.read_csv(text, convert_options=options).combine_chunks()
    rows = derived(table.to_batches()[0]).append_column(ROW, pa.array(np.arange(len(table))))
    # Flights of all days and hours; they never see each other here.
    return rows.take(pa.array(np.arange(0, len(rows), 8)))


def test_it_is_the_latest_of_two_hours_that_was_known(
    flights: ModuleType, rows: pa.RecordBatch, weather: pa.RecordBatch
) -> None:
    (group,) = [g for g in window_groups(flights.departure) if g.source == "weather"]
    events, requests = group.events(weather), group.requests(rows)
    found = pa.table(compute(group, pa.table(events), pa.table(requests))).sort_by(ROW)
    left_at = rows["dep_ts"].cast(pa.int64())
    with duckdb.connect() as connection:
        connection.register(
            "flights", pa.table({"row": rows[ROW], "origin": rows["origin"], "left_at": left_at})
        )
        connection.register(
            "weather",
            pa.table(weather).append_column("hour", weather["time_hour"].cast(pa.int64())),
        )
        for value in ("temp", "wind_speed", "precip", "visib"):
            wanted = connection.sql(LATEST.format(value=value)).to_arrow_table()
            latest = found[f"weather_{value}_last_2h_by_origin"]
            assert found[ROW].equals(wanted["row"])
            assert latest.equals(wanted["latest"])
            assert latest.null_count < 0.01 * len(latest)
