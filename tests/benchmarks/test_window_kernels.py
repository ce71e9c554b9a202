"""The window kernels are measured on rows whose windows hold some."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.operations import Aggregate


def test_an_hour_of_a_key_holds_several_events(window_kernels: ModuleType) -> None:
    events, requests = window_kernels.make_tables(1_000_000)

    (count,) = aggregate(events, requests, [Aggregate("count", None, window_kernels.HOUR_US)])

    each = 1_000_000 / window_kernels.KEYS * 3_600 / window_kernels.SPAN_S
    assert abs(np.mean(count.data) - each) < 0.1


def test_every_operation_is_measured(window_kernels: ModuleType) -> None:
    found = window_kernels.measure(500)

    assert found.keys() == window_kernels.OPERATIONS.keys()
    assert sum(found.values()) > 0
