"""All rows of a table as one batch, or none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from forebay.transforms.errors import InputError
from forebay.transforms.one_batch import one_batch


def test_rows_that_no_batch_holds_are_not_lost() -> None:
    """Each text is the same 1.5 GiB, which nobody touches."""
    size = 3 << 29
    offsets, data = np.array([0, size], np.int32), np.zeros(size, np.uint8)
    text = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))

    assert len(one_batch(pa.table({"text": text}), "")) == 1
    with pytest.raises(InputError, match=r"2 rows of text have more than 2 GiB .*; cut it$"):
        one_batch(pa.table({"text": pa.chunked_array([text, text])}), "cut it")
    assert len(one_batch(pa.table({"text": pa.array([], pa.string())}), "")) == 0
