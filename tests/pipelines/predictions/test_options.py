"""Options that only Python can get wrong: the command line reads numbers."""

from __future__ import annotations

from typing import Any

import pytest

from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.predictions.options import PredictOptions
from forebay.transforms.errors import InputError


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "9"])
@pytest.mark.parametrize("name", ["batch_size", "max_record_bytes", "window_memory_mb"])
def test_counts_are_whole_numbers_from_1(name: str, wrong: Any) -> None:
    with pytest.raises(InputError, match=r"--[a-z-]+ .* is not a whole number from 1"):
        PredictOptions("model", ("rows.csv",), **{name: wrong})


@pytest.mark.parametrize("wrong", [-0.1, 7, float("nan"), "1"])
def test_shares_are_between_0_and_1(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"--max-reject-fraction .* is not a share"):
        PreprocessOptions("d.py", ("rows.csv",), output="run", max_reject_fraction=wrong)
    with pytest.raises(InputError, match="--shards 0 is not a whole number"):
        PreprocessOptions("d.py", ("rows.csv",), output="run", shards=0)
