"""What features make of rows, computed without the graph: enough to tell values apart.

The graph itself would have to be learned first, by a pipeline of many seconds. What is more than
telling apart is not done here: numbers made of several columns are computed by the definition's
own formulas, and clocks are read by Arrow.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.label_evidence import numeric
from forebay.commands.check.subject import is_valid
from forebay.transforms.definition.derived_numbers import (
    UNITS_US,
    DerivedNumber,
    Elapsed,
    of_numbers,
)
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Cyclic,
    Feature,
    Grid,
    Identity,
    Listed,
    Numeric,
)
from forebay.transforms.definition.features.calendar import CLOCK_PARTS
from forebay.transforms.definition.features.categorical import MOST_FREQUENT
from forebay.transforms.durations import DAY_US, duration_us
from forebay.transforms.zones import utc_to_local

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

_HOUR_US = duration_us("1h")
# Arrow reads the clock.
_PARTS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "minute_of_hour": pc.minute,
    "minute_of_day": lambda clock: pc.add(pc.multiply(pc.hour(clock), 60), pc.minute(clock)),
    "hour_of_day": pc.hour,
    "hour_of_week": lambda clock: pc.add(pc.multiply(pc.day_of_week(clock), 24), pc.hour(clock)),
    "day_of_week": pc.day_of_week,
    "day_of_month": pc.day,
    "day_of_year": pc.day_of_year,
    "week_of_year": pc.iso_week,
    "month": pc.month,
    "quarter": pc.quarter,
    "is_weekend": lambda clock: pc.greater_equal(pc.day_of_week(clock), 5),
}


def ids_of_features(features: Sequence[Feature], rows: pa.RecordBatch) -> dict[str, Ints]:
    """Returns a number for each distinct value of each feature's first output, (n,) by name."""
    found: dict[str, Ints] = {}
    for feature in features:
        if isinstance(feature, Crossed):
            parts = [found[name] for name in feature.of if name in found]
            if len(parts) == len(feature.of):
                found[feature.output] = np.unique(np.stack(parts), axis=1, return_inverse=True)[1]
        else:
            values = _values_of(feature, rows)
            if values is not None:
                found[feature.outputs[0]] = np.unique(values, return_inverse=True)[1]
    return found


def _values_of(feature: Feature, rows: pa.RecordBatch) -> Numbers | Ints | None:
    match feature:
        case Categorical():
            return _category_ids(feature, rows[feature.inputs[0]])
        case Calendar() | Cyclic():
            return _on_calendar(feature, rows[feature.inputs[0]])
        case Numeric():
            return _imputed(feature, _operand(feature.column, rows))
        case Bucketized():
            x = _operand(feature.column, rows)
            return _cut(x, feature.quantiles, feature.given_boundaries)
        case Grid():
            return _cells(feature, rows)
    return None


def _category_ids(feature: Categorical, column: pa.Array) -> np.ndarray:
    """A number for each value that the feature tells apart, another where it is missing."""
    if feature.impute not in (None, MOST_FREQUENT):
        column = pc.fill_null(column, feature.impute)
    there = is_valid(column)
    if isinstance(feature.ids, Listed):
        column = pc.fill_null(pc.index_in(column, pa.array(feature.ids.values, column.type)), -1)
    elif isinstance(feature.ids, Identity):
        column = column.cast(pa.int64())
        known = pc.and_(pc.greater_equal(column, 0), pc.less(column, feature.ids.size))
        column = pc.if_else(known, column, -1)
    found = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
    if there.all() or not there.any():
        return found  # type: ignore[no-any-return]
    missing = found.max() + 1 if feature.impute is None else np.bincount(found[there]).argmax()
    return np.where(there, found, missing)


def _operand(source: str | DerivedNumber, rows: pa.RecordBatch) -> Numbers:
    """What a feature of numbers is computed from, float64 (n,), NaN where it is missing."""
    if isinstance(source, str):
        return numeric(rows[source])
    columns: list[Numbers] = [numeric(rows[name]) for name in source.inputs]
    if isinstance(source, Elapsed):
        dates = [pa.types.is_date32(rows[name].type) for name in source.inputs]
        since, until = (
            column * (DAY_US if is_date else 1)
            for column, is_date in zip(columns, dates, strict=True)
        )
        return (until - since) / UNITS_US[source.unit]
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Numbers = of_numbers(source, columns, np)
    return value


def _imputed(feature: Numeric, x: Numbers) -> Numbers:
    """Numbers clipped and imputed; scaling them keeps apart what is apart."""
    there = np.isfinite(x)
    least, most = feature.clip
    x = np.clip(x, -np.inf if least is None else least, np.inf if most is None else most)
    fill = 0.0
    if not isinstance(feature.impute, str):
        fill = feature.impute
    elif there.any():
        values, counts = np.unique(x[there], return_counts=True)
        fills = {
            "mean": x[there].mean(), "median": np.median(x[there]),
            "most_frequent": values[counts.argmax()],
        }  # fmt: skip
        fill = float(fills[feature.impute])
    return np.where(there, x, fill)


def _cut(x: Numbers, quantiles: int | None, given: tuple[float, ...]) -> Ints:
    there = np.isfinite(x)
    bounds = list(given)
    if quantiles is not None and there.any():
        shares = np.linspace(0, 1, quantiles + 1)[1:-1]
        bounds = np.unique(np.quantile(x[there], shares)).tolist()
    return np.where(there, np.digitize(x, bounds), len(bounds) + 1)


def _cells(feature: Grid, rows: pa.RecordBatch) -> Ints:
    """The cell; places outside in some cell of their own, more than one of them perhaps."""
    sides = []
    bounds = (feature.latitudes, feature.longitudes)
    for name, parts, ends in zip(feature.inputs, feature.cells, bounds, strict=True):
        given = tuple(np.linspace(*ends, parts + 1).tolist()) if ends else ()
        sides.append(_cut(numeric(rows[name]), None if ends else parts, given))
    return sides[0] * (feature.cells[1] + 3) + sides[1]


def _on_calendar(feature: Calendar | Cyclic, column: pa.Array) -> Ints:
    """The part of the local clock, or the place on its circle; -1 where it is missing."""
    if pa.types.is_date32(column.type):
        local = pc.multiply(column.cast(pa.int32()).cast(pa.int64()), DAY_US)
    else:
        instants = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
        local = pa.array(utc_to_local(instants, feature.tz), mask=~is_valid(column))
    part = _PARTS[feature.part](local.cast(pa.timestamp("us"))).cast(pa.int64())
    ids: Ints = pc.fill_null(part, -1).to_numpy()
    if isinstance(feature, Cyclic) and feature.part in CLOCK_PARTS:
        ids = ids * _HOUR_US + pc.fill_null(local, 0).to_numpy() % _HOUR_US
    return ids
