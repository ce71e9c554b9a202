"""The readings with bounded windows only: what a run of one period can do without."""

from dataclasses import replace

import readings

windows = [
    replace(windowed, over=[window for window in windowed.over if window != "unbounded"])
    for windowed in readings.readings.windows
]
names = {name for windowed in windows for name in windowed.names}

recent_readings = replace(
    readings.readings,
    name="recent-readings",
    windows=windows,
    passthrough=[
        name
        for name in readings.readings.passthrough
        if name in names or name not in readings.readings.windowed_columns
    ],
)
