"""How long the examples of a definition are, before its transform graph is there."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from forebay.pipelines.sinks.tfrecords.encode import encode_examples
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Feature,
    Grid,
    Image,
    MultiHot,
    NumberList,
    Text,
)
from forebay.transforms.graph.fed import ARROW, marked_column

_OF_IDS = Bucketized | Calendar | Categorical | Crossed | Grid | MultiHot | Text


def example_bytes(dataset: Dataset, rows: pa.RecordBatch | None = None) -> float:
    """Returns about how many bytes an example takes in a TFRecord file, its frame included.

    Names make most of it, and those are known; numbers take four bytes, and ids are taken for
    small ones.

    Args:
        dataset: the definition. What its custom functions return is not known, and not counted.
        rows: some rows, for the texts and whole numbers among the columns that travel untouched;
            None: those are empty or 0, so that no example is shorter.
    """
    if rows is not None and not len(rows):
        rows = None
    n = 1 if rows is None else len(rows)
    columns = _carried(dataset, rows, n)
    for feature in dataset.features:
        columns |= {name: _zeros(kind, width, n) for name, kind, width in _outputs(feature)}
    encoded = encode_examples(pa.RecordBatch.from_pydict(columns), n)
    return sum(part.nbytes for part in encoded) / n


def _carried(dataset: Dataset, rows: pa.RecordBatch | None, n: int) -> dict[str, pa.Array]:
    """Returns the columns that travel untouched, as examples hold them."""
    found = {}
    for name in dataset.carried_columns:
        dtype = dataset.graph_dtypes[name]
        dtype = "float32" if dtype == "float64" else dtype
        if rows is None or name not in rows.schema.names:
            found[name] = _zeros(ARROW[dtype], 1, n)
        else:
            found[name] = _lists(marked_column(rows[name], dtype), 1)
    return found


def _outputs(feature: Feature) -> Iterator[tuple[str, pa.DataType, int]]:
    """Yields name, type and width of a feature's outputs."""
    width = 1
    if isinstance(feature, Text | MultiHot) or (
        isinstance(feature, NumberList) and not feature.pool
    ):
        width = feature.width
    elif isinstance(feature, Image):
        width = feature.height * feature.width * feature.channels
    for place, name in enumerate(feature.outputs):
        is_single = name == getattr(feature, "indicator_output", None)
        is_id = isinstance(feature, _OF_IDS) and place == 0
        yield name, pa.int64() if is_id else pa.float32(), 1 if is_single else width


def _zeros(kind: pa.DataType, width: int, n: int) -> pa.Array:
    if kind == pa.large_binary():
        return _lists(pa.array([b""] * n, kind), 1)
    return _lists(pa.array(np.zeros(n * width), kind), width)


def _lists(values: pa.Array, width: int) -> pa.Array:
    return pa.LargeListArray.from_arrays(np.arange(0, len(values) + 1, width), values)
