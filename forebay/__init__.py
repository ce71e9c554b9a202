"""The front door: the command line and the names users import; nothing else.

Names are loaded when first used, so that ``forebay --help`` loads nothing heavy.
"""

from __future__ import annotations

import importlib

# As `typing` has it, which takes longer to load than all that is here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    __version__: str

    from forebay.functions.definitions import check as check
    from forebay.functions.definitions import explain as explain
    from forebay.functions.definitions import init as init
    from forebay.functions.definitions import report as report
    from forebay.functions.pipelines import cost as cost
    from forebay.functions.pipelines import predict as predict
    from forebay.functions.pipelines import predict_to_folder as predict_to_folder
    from forebay.functions.pipelines import preprocess as preprocess
    from forebay.functions.run import Run as Run
    from forebay.functions.services import jobs as jobs
    from forebay.functions.services import vertex as vertex
    from forebay.functions.training import evaluate as evaluate
    from forebay.functions.training import lr_find as lr_find
    from forebay.functions.training import sweep as sweep
    from forebay.functions.training import train as train
    from forebay.pipelines.prepare import repeated as repeated
    from forebay.pipelines.runners.dataflow.engine import Dataflow as Dataflow
    from forebay.pipelines.runners.flink.engine import Flink as Flink
    from forebay.pipelines.runners.prism import Prism as Prism
    from forebay.pipelines.runners.spark.engine import Spark as Spark
    from forebay.pipelines.sources.read import ReadTable as ReadTable
    from forebay.pipelines.transform.shards import AnalyzeAndTransform as AnalyzeAndTransform
    from forebay.pipelines.windows.of_frames import windows as windows
    from forebay.pipelines.windows.step import WindowedAggregates as WindowedAggregates
    from forebay.transforms.definition.columns import Boolean as Boolean
    from forebay.transforms.definition.columns import Bytes as Bytes
    from forebay.transforms.definition.columns import Date as Date
    from forebay.transforms.definition.columns import Integer as Integer
    from forebay.transforms.definition.columns import Number as Number
    from forebay.transforms.definition.columns import Numbers as Numbers
    from forebay.transforms.definition.columns import String as String
    from forebay.transforms.definition.columns import Timestamp as Timestamp
    from forebay.transforms.definition.dataset import Dataset as Dataset
    from forebay.transforms.definition.derived_numbers import Difference as Difference
    from forebay.transforms.definition.derived_numbers import Elapsed as Elapsed
    from forebay.transforms.definition.derived_numbers import Euclidean as Euclidean
    from forebay.transforms.definition.derived_numbers import Haversine as Haversine
    from forebay.transforms.definition.derived_numbers import Ratio as Ratio
    from forebay.transforms.definition.features import Bucketized as Bucketized
    from forebay.transforms.definition.features import Calendar as Calendar
    from forebay.transforms.definition.features import Categorical as Categorical
    from forebay.transforms.definition.features import Crossed as Crossed
    from forebay.transforms.definition.features import Custom as Custom
    from forebay.transforms.definition.features import Cyclic as Cyclic
    from forebay.transforms.definition.features import Frequency as Frequency
    from forebay.transforms.definition.features import Frequent as Frequent
    from forebay.transforms.definition.features import Grid as Grid
    from forebay.transforms.definition.features import Hashed as Hashed
    from forebay.transforms.definition.features import Identity as Identity
    from forebay.transforms.definition.features import Image as Image
    from forebay.transforms.definition.features import Informative as Informative
    from forebay.transforms.definition.features import Listed as Listed
    from forebay.transforms.definition.features import MultiHot as MultiHot
    from forebay.transforms.definition.features import NumberList as NumberList
    from forebay.transforms.definition.features import Numeric as Numeric
    from forebay.transforms.definition.features import Text as Text
    from forebay.transforms.definition.features import cross_buckets as cross_buckets
    from forebay.transforms.definition.labels import BinaryClassification as BinaryClassification
    from forebay.transforms.definition.labels import Classification as Classification
    from forebay.transforms.definition.labels import Regression as Regression
    from forebay.transforms.definition.lookups import Lookup as Lookup
    from forebay.transforms.definition.prepare import Prepare as Prepare
    from forebay.transforms.definition.sources import Derive as Derive
    from forebay.transforms.definition.sources import Source as Source
    from forebay.transforms.definition.splits import ColumnSplit as ColumnSplit
    from forebay.transforms.definition.splits import HashSplit as HashSplit
    from forebay.transforms.definition.splits import InputSplit as InputSplit
    from forebay.transforms.definition.splits import RandomSplit as RandomSplit
    from forebay.transforms.definition.splits import TimeSplit as TimeSplit
    from forebay.transforms.definition.table_formats import CsvFormat as CsvFormat
    from forebay.transforms.definition.windows.operators import count as count
    from forebay.transforms.definition.windows.operators import count_nulls as count_nulls
    from forebay.transforms.definition.windows.operators import decayed_mean as decayed_mean
    from forebay.transforms.definition.windows.operators import distinct as distinct
    from forebay.transforms.definition.windows.operators import first as first
    from forebay.transforms.definition.windows.operators import last as last
    from forebay.transforms.definition.windows.operators import last_k as last_k
    from forebay.transforms.definition.windows.operators import max as max
    from forebay.transforms.definition.windows.operators import mean as mean
    from forebay.transforms.definition.windows.operators import min as min
    from forebay.transforms.definition.windows.operators import most_frequent as most_frequent
    from forebay.transforms.definition.windows.operators import quantile as quantile
    from forebay.transforms.definition.windows.operators import rate as rate
    from forebay.transforms.definition.windows.operators import (
        seconds_since_last as seconds_since_last,
    )
    from forebay.transforms.definition.windows.operators import skew as skew
    from forebay.transforms.definition.windows.operators import std as std
    from forebay.transforms.definition.windows.operators import sum as sum
    from forebay.transforms.definition.windows.operators import var as var
    from forebay.transforms.definition.windows.table import WindowedTable as WindowedTable
    from forebay.transforms.definition.windows.windowed import Where as Where
    from forebay.transforms.definition.windows.windowed import Windowed as Windowed
    from forebay.transforms.windows.period import history_needed as history_needed
    from forebay.transforms.zones import local_to_utc as local_to_utc
    from forebay.transforms.zones import utc_to_local as utc_to_local

_NAMES = {
    "forebay.pipelines.sources.read": ("ReadTable",),
    "forebay.functions.definitions": ("check", "explain", "init", "report"),
    "forebay.functions.pipelines": ("cost", "predict", "predict_to_folder", "preprocess"),
    "forebay.functions.run": ("Run",),
    "forebay.functions.services": ("jobs", "vertex"),
    "forebay.functions.training": ("evaluate", "lr_find", "sweep", "train"),
    "forebay.pipelines.prepare": ("repeated",),
    "forebay.pipelines.runners.dataflow.engine": ("Dataflow",),
    "forebay.pipelines.runners.flink.engine": ("Flink",),
    "forebay.pipelines.runners.spark.engine": ("Spark",),
    "forebay.pipelines.runners.prism": ("Prism",),
    "forebay.pipelines.transform.shards": ("AnalyzeAndTransform",),
    "forebay.pipelines.windows.step": ("WindowedAggregates",),
    "forebay.pipelines.windows.of_frames": ("windows",),
    "forebay.transforms.definition.columns": (
        "Boolean", "Bytes", "Date", "Integer", "Number", "Numbers", "String",
        "Timestamp",
    ),
    "forebay.transforms.definition.dataset": ("Dataset",),
    "forebay.transforms.definition.features": (
        "Bucketized", "Calendar", "Categorical", "Crossed", "Custom", "Cyclic", "Frequency",
        "Frequent", "Grid", "Hashed", "Identity", "Image", "Informative", "Listed", "MultiHot",
        "NumberList", "Numeric", "Text", "cross_buckets",
    ),
    "forebay.transforms.definition.labels": (
        "BinaryClassification", "Classification", "Regression",
    ),
    "forebay.transforms.definition.lookups": ("Lookup",),
    "forebay.transforms.definition.windows.operators": (
        "count", "count_nulls", "decayed_mean", "distinct", "first", "last", "last_k", "max",
        "mean", "min", "most_frequent", "quantile", "rate", "seconds_since_last", "skew", "std",
        "sum", "var",
    ),
    "forebay.transforms.definition.derived_numbers": (
        "Difference", "Elapsed", "Euclidean", "Haversine", "Ratio",
    ),
    "forebay.transforms.windows.period": ("history_needed",),
    "forebay.transforms.definition.prepare": ("Prepare",),
    "forebay.transforms.definition.sources": ("Derive", "Source"),
    "forebay.transforms.definition.splits": (
        "ColumnSplit", "HashSplit", "InputSplit", "RandomSplit", "TimeSplit",
    ),
    "forebay.transforms.definition.table_formats": ("CsvFormat",),
    "forebay.transforms.definition.windows.table": ("WindowedTable",),
    "forebay.transforms.definition.windows.windowed": ("Where", "Windowed"),
    "forebay.transforms.zones": ("local_to_utc", "utc_to_local"),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata  # it takes as long as Python itself

        return metadata.version("forebay")
    if name not in _HOMES:
        raise AttributeError(f"module 'forebay' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])
