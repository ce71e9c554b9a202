"""Cells of several numbers: what ingest takes and what the graph reads, against plain Python."""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forebay.transforms.definition.columns import Numbers
from forebay.transforms.graph.lists import parsed_numbers
from forebay.transforms.parsing.cells import read_cells

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**25), 10**25).map(str),
    st.text("0123456789.+-eE \tx", max_size=6),
)


def items(cell: str, separator: str) -> list[str]:
    return [item.strip(" \t") for item in cell.split(separator)]


@example(["1e-40", "-1.1754942e-38", "1.1754944e-38"], ";")
@settings(max_examples=300, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=5), st.sampled_from([";", "|", "||"]))
def test_a_list_is_read_as_python_reads_it(numbers: list[str], separator: str) -> None:
    cell = separator.join(numbers)
    column = Numbers(separator=separator, nulls=())
    read = read_cells(pa.array([cell.encode()]), column)
    parts = items(cell, separator)
    values = [float(item) if NUMBER.fullmatch(item) else math.nan for item in parts]
    is_list = all(not item or NUMBER.fullmatch(item) for item in parts)
    assert bool(read.problems) != is_list
    found = parsed_numbers(tf.constant([cell.encode()]), separator).to_tensor()[0].numpy()
    with np.errstate(over="ignore"):
        expected = np.array(values, np.float32)
    expected[~np.isfinite(expected)] = np.nan
    expected[np.abs(expected) < np.finfo(np.float32).tiny] = 0  # as TensorFlow computes
    np.testing.assert_array_equal(found, expected)
