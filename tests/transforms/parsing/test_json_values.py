"""Values of JSON as a served model takes them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forebay.transforms.definition.columns import MISSING_INT, Column, Integer, Number
from forebay.transforms.errors import InstanceError
from forebay.transforms.parsing.json_values import read_value

NULLS = ("", "-200", "1e3", "NA", "NaN")


@pytest.mark.parametrize("value", [None, -200, -200.0, 1000, math.nan])
def test_numbers_that_mean_missing_in_the_table_do_so_here(value: Any) -> None:
    assert math.isnan(float(read_value("x", Number(nulls=NULLS), value, "float32")))
    assert math.isnan(float(read_value("x", Number(nulls=NULLS), value, "float64")))
    assert read_value("x", Integer(nulls=NULLS), value, "int64") == MISSING_INT


@pytest.mark.parametrize("value", [-199, 0, 200])
@pytest.mark.parametrize("column", [Number(nulls=NULLS), Number(), Integer(nulls=NULLS)])
def test_others_are_values(value: int, column: Column) -> None:
    dtype = column.graph_dtype
    assert read_value("x", column, value, dtype) == value


def test_a_required_one_is_told_as_it_was_given() -> None:
    with pytest.raises(InstanceError, match="'x' is -200, and it is required"):
        read_value("x", Number(nulls=NULLS, required=True), -200, "float32")
