"""What serving derives of a row of the table: the same values as training, held to the same."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from forebay.pipelines.sources.derive import derive
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.serving.instances import InstanceReader
from forebay.transforms.definition.columns import Column, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Calendar, Numeric
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Derive
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InstanceError

ROWS = [{"fare": fare, "distance": 2.0} for fare in (0.0, 1.0, 2.0, 3.4, -1.0, None)]
# 1.7 is more than a whole, and -0.5 is less than none of it.
LIMITS: list[tuple[Column, list[int]]] = [
    (Number(), []), (Number(range=(0, 1)), [3, 4]), (Number(range=(None, 1.5)), [3]),
    (Number(required=True), [5]), (Number(range=(0, 1), required=True), [3, 4, 5]),
]  # fmt: skip


def dataset(kind: Column, *later: Derive, feature: str = "per_mile") -> Dataset:
    return Dataset(
        name="trips",
        columns={"fare": Number(), "distance": Number(), "id": String(), "y": Number()},
        derive=[Derive("trips:per_mile", ["fare", "distance"], {"per_mile": kind}), *later],
        features=[Numeric(feature)], label=Regression("y"), split=HashSplit("id"),
    )  # fmt: skip


def refused(reader: InstanceReader, row: dict[str, Any]) -> bool:
    try:
        reader.read(row)
    except InstanceError:
        return True
    return False


@pytest.mark.parametrize(("kind", "expected"), LIMITS)
def test_a_row_is_refused_where_training_rejects_it(kind: Column, expected: list[int]) -> None:
    definition = dataset(kind)
    (step,) = definition.derive
    batch = pa.RecordBatch.from_pylist(
        [{**row, ROW_OFFSET: place} for place, row in enumerate(ROWS)]
    )
    rows, rejects = derive(batch, step, resolve(str(step.function)))

    assert [reject.offset for reject in rejects] == expected
    kept = [place for place in range(len(ROWS)) if place not in expected]
    assert rows[ROW_OFFSET].to_pylist() == kept
    reader = InstanceReader(definition)
    assert [place for place, row in enumerate(ROWS) if refused(reader, row)] == expected
    # And so is the derived value itself, where a row is given with it.
    values = [None if row["fare"] is None else row["fare"] / 2 for row in ROWS]
    given = [place for place, value in enumerate(values) if refused(reader, {"per_mile": value})]
    assert given == expected


def test_a_derived_column_comes_back_as_its_row_was_given_it_or_as_it_was_derived() -> None:
    reader = InstanceReader(dataset(Number()))
    names = ["id", "per_mile", "y"]
    assert reader.carried(ROWS[3], names) == {"per_mile": 1.7}
    assert reader.carried({**ROWS[3], "per_mile": 5, "y": 1.0}, names) == {"per_mile": 5, "y": 1.0}
    assert reader.carried(ROWS[5], names) == {"per_mile": None}


def test_the_value_the_function_and_the_limit_are_named() -> None:
    with pytest.raises(InstanceError) as error:
        InstanceReader(dataset(Number(range=(0, 1)))).read(ROWS[3])
    assert str(error.value) == (
        "'per_mile' is 1.7 by 'trips:per_mile', not between 0 and 1; rows with other values are "
        "rejected from training too; correct 'fare', 'distance'"
    )


def test_what_others_are_derived_of_is_held_to_its_limits_too() -> None:
    later = Derive("trips:same_distance", ["per_mile", "distance"], {"same": Number()})
    reader = InstanceReader(dataset(Number(range=(0, 1)), later, feature="same"))
    assert reader.read(ROWS[2])["same"] == 2.0
    with pytest.raises(InstanceError, match=r"'per_mile' is 1\.7 by 'trips:per_mile'"):
        reader.read(ROWS[3])


def test_a_derived_time_beyond_all_years_is_told() -> None:
    step = Derive("trips:same_distance", ["distance"], {"same": Timestamp()})
    definition = Dataset(
        name="trips", columns={"distance": Integer(), "id": String(), "y": Number()}, derive=[step],
        features=[Calendar("same", part="hour_of_day")], label=Regression("y"),
        split=HashSplit("id"),
    )  # fmt: skip
    with pytest.raises(
        InstanceError, match=r"'same' is \"4611686018427387904 .*the years 1 to 9999"
    ):
        InstanceReader(definition).read({"distance": 2**62})
