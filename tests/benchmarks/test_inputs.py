"""A table of a million rows from every kind of input, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

ROWS = 1_000_000
# What is read together, by all threads, and the code that is loaded for it; MiB.
MOST = 300


@pytest.mark.full_table
def test_a_million_rows_of_every_kind_take_bounded_memory(
    read_inputs: ModuleType, tmp_path: Path
) -> None:
    took = {one.kind: one.peak - one.rest for one in read_inputs.measured(tmp_path, ROWS)}

    print({kind: round(mib) for kind, mib in took.items()})
    assert {*read_inputs.WRITERS, *read_inputs.HANDED} <= took.keys()
    assert {kind: mib for kind, mib in took.items() if mib > MOST} == {}
