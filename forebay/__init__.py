"""The front door: the command line and the names users import; nothing else.

Names are loaded when first used, so that ``forebay --help`` loads nothing heavy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.csv_source import ReadCsv as ReadCsv
    from pipelines.preprocess import preprocess as preprocess
    from pipelines.transform import AnalyzeAndTransform as AnalyzeAndTransform
    from pipelines.windowed import WindowedAggregates as WindowedAggregates
    from transforms.columns import Boolean as Boolean
    from transforms.columns import Bytes as Bytes
    from transforms.columns import CsvFormat as CsvFormat
    from transforms.columns import Date as Date
    from transforms.columns import Integer as Integer
    from transforms.columns import Number as Number
    from transforms.columns import Numbers as Numbers
    from transforms.columns import String as String
    from transforms.columns import Timestamp as Timestamp
    from transforms.dataset import Dataset as Dataset
    from transforms.features import Bucketized as Bucketized
    from transforms.features import Calendar as Calendar
    from transforms.features import Categorical as Categorical
    from transforms.features import Crossed as Crossed
    from transforms.features import Custom as Custom
    from transforms.features import Cyclic as Cyclic
    from transforms.features import Frequency as Frequency
    from transforms.features import Frequent as Frequent
    from transforms.features import Grid as Grid
    from transforms.features import Hashed as Hashed
    from transforms.features import Identity as Identity
    from transforms.features import Image as Image
    from transforms.features import Informative as Informative
    from transforms.features import Listed as Listed
    from transforms.features import MultiHot as MultiHot
    from transforms.features import NumberList as NumberList
    from transforms.features import Numeric as Numeric
    from transforms.features import Text as Text
    from transforms.features import cross_buckets as cross_buckets
    from transforms.labels import BinaryClassification as BinaryClassification
    from transforms.labels import Classification as Classification
    from transforms.labels import Regression as Regression
    from transforms.operators import count as count
    from transforms.operators import count_nulls as count_nulls
    from transforms.operators import decayed_mean as decayed_mean
    from transforms.operators import distinct as distinct
    from transforms.operators import first as first
    from transforms.operators import last as last
    from transforms.operators import last_k as last_k
    from transforms.operators import max as max
    from transforms.operators import mean as mean
    from transforms.operators import min as min
    from transforms.operators import most_frequent as most_frequent
    from transforms.operators import quantile as quantile
    from transforms.operators import rate as rate
    from transforms.operators import seconds_since_last as seconds_since_last
    from transforms.operators import skew as skew
    from transforms.operators import std as std
    from transforms.operators import sum as sum
    from transforms.operators import var as var
    from transforms.pairs import Difference as Difference
    from transforms.pairs import Elapsed as Elapsed
    from transforms.pairs import Euclidean as Euclidean
    from transforms.pairs import Haversine as Haversine
    from transforms.pairs import Ratio as Ratio
    from transforms.period import history_needed as history_needed
    from transforms.sources import Derive as Derive
    from transforms.sources import Source as Source
    from transforms.split import HashSplit as HashSplit
    from transforms.split import TimeSplit as TimeSplit
    from transforms.windows import Where as Where
    from transforms.windows import Windowed as Windowed
    from transforms.zones import local_to_utc as local_to_utc
    from transforms.zones import utc_to_local as utc_to_local

_NAMES = {
    "pipelines.csv_source": ("ReadCsv",),
    "pipelines.preprocess": ("preprocess",),
    "pipelines.transform": ("AnalyzeAndTransform",),
    "pipelines.windowed": ("WindowedAggregates",),
    "transforms.columns": (
        "Boolean", "Bytes", "CsvFormat", "Date", "Integer", "Number", "Numbers", "String",
        "Timestamp",
    ),
    "transforms.dataset": ("Dataset",),
    "transforms.features": (
        "Bucketized", "Calendar", "Categorical", "Crossed", "Custom", "Cyclic", "Frequency",
        "Frequent", "Grid", "Hashed", "Identity", "Image", "Informative", "Listed", "MultiHot",
        "NumberList", "Numeric", "Text", "cross_buckets",
    ),
    "transforms.labels": ("BinaryClassification", "Classification", "Regression"),
    "transforms.operators": (
        "count", "count_nulls", "decayed_mean", "distinct", "first", "last", "last_k", "max",
        "mean", "min", "most_frequent", "quantile", "rate", "seconds_since_last", "skew", "std",
        "sum", "var",
    ),
    "transforms.pairs": ("Difference", "Elapsed", "Euclidean", "Haversine", "Ratio"),
    "transforms.period": ("history_needed",),
    "transforms.sources": ("Derive", "Source"),
    "transforms.split": ("HashSplit", "TimeSplit"),
    "transforms.windows": ("Where", "Windowed"),
    "transforms.zones": ("local_to_utc", "utc_to_local"),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forebay' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
