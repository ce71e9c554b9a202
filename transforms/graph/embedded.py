"""Tables inside the transform graph: what a served model looks up itself, by a row's key.

What a row finds is what the pipeline finds for it, to the bit: the values are those that the graph
would be fed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.lookups import MOST_EMBEDDED, Lookup
from forebay.transforms.errors import InputError
from forebay.transforms.graph.fed import fed_column
from forebay.transforms.graph.missing import is_missing
from forebay.transforms.lookup_tables import LookupTable, empty_table

Tensors = Mapping[str, tf.Tensor]

_BUCKETS = 2**63 - 1


@dataclass(frozen=True)
class EmbeddedTable:
    """A lookup's table as constants of the graph.

    The first row is what rows find that find nothing.

    Attributes:
        hashes: of the keys, ascending, int64 (m + 1,); -1 first, which no key has.
        keys: the keys as `_tokens` writes them, (m + 1,).
        columns: what is found, as the graph is fed it, (m + 1,) each, by the column's name.
    """

    hashes: npt.NDArray[np.int64]
    keys: npt.NDArray[Any]
    columns: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, table: LookupTable, dataset: Dataset) -> "EmbeddedTable":
        """Makes constants of a table.

        Raises:
            InputError: it has too many rows, or two keys that the graph cannot tell apart.
        """
        lookup, rows = table.lookup, len(table.rows)
        if rows > MOST_EMBEDDED:
            raise InputError(
                f"the source {lookup.source} has {rows:,} rows, more than the {MOST_EMBEDDED:,} "
                f"that a model can have inside; leave embed out of the lookup {lookup.name}"
            )
        kinds = lookup.kinds(dataset.sources[lookup.source].row_columns)
        key_dtypes = [dataset.graph_dtypes[name] for name in lookup.row_keys]
        pairs = zip(lookup.key, key_dtypes, strict=True)
        keys = [(_values(fed_column(table.rows[name], dtype)), dtype) for name, dtype in pairs]
        with tf.init_scope():  # at once, though a graph be traced
            texts = _tokens([tf.constant(values, dtype) for values, dtype in keys])
            tokens, hashes = texts.numpy(), _hashes(texts).numpy()
        order = np.argsort(hashes, kind="stable")
        if (np.diff(hashes[order]) == 0).any():
            raise InputError(
                f"two keys of the source {lookup.source} have one hash in a model; leave embed out "
                f"of the lookup {lookup.name}"
            )
        found = table.columns(np.append(-1, order), kinds)
        return cls(
            np.append(np.int64(-1), hashes[order]),
            np.append(np.array([b""], object), tokens[order]),
            {name: _values(fed_column(c, dataset.graph_dtypes[name])) for name, c in found.items()},
        )

    def find(self, keys: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns what rows find, (batch,) each, by name, given their keys, (batch,) each."""
        tokens = _tokens(keys)
        wanted = _hashes(tokens)
        place = tf.searchsorted(tf.constant(self.hashes), wanted, out_type=tf.int64)
        place = tf.minimum(place, len(self.hashes) - 1)
        found = tf.equal(tf.gather(tf.constant(self.hashes), place), wanted)
        found &= tf.equal(tf.gather(tf.constant(self.keys, tf.string), place), tokens)
        for key in keys:
            found &= tf.logical_not(is_missing(key))
        place = tf.where(found, place, tf.zeros_like(place))
        return {name: tf.gather(tf.constant(c), place) for name, c in self.columns.items()}


def embedded_columns(
    fed: Tensors, dataset: Dataset, tables: Mapping[str, EmbeddedTable] | None
) -> dict[str, tf.Tensor]:
    """Returns the columns that the graph looks up itself, as if they were fed.

    Args:
        fed: what the graph is fed.
        dataset: the definition.
        tables: the table of each embedded lookup, by the lookup's name; None: nothing is found.
    """
    columns: dict[str, tf.Tensor] = {}
    for lookup in dataset.lookups:
        if is_embedded(lookup, dataset):
            table = (tables or {}).get(lookup.name) or EmbeddedTable.of(
                empty_table(lookup, dataset), dataset
            )
            columns |= table.find([fed[name] for name in lookup.row_keys])
    return columns


def is_embedded(lookup: Lookup, dataset: Dataset) -> bool:
    """Tells whether the graph looks something up in a table."""
    return lookup.embed and any(name in dataset.model_columns for name in lookup.names)


def _tokens(keys: Sequence[tf.Tensor]) -> tf.Tensor:
    """Writes keys as one text each, string (n,): no two keys have one."""
    texts = [key if key.dtype == tf.string else tf.strings.as_string(key) for key in keys]
    if len(texts) == 1:
        return texts[0]
    lengths = [tf.strings.as_string(tf.strings.length(text)) for text in texts]
    return tf.strings.join(
        [part for pair in zip(lengths, texts, strict=True) for part in pair], separator=":"
    )


def _hashes(tokens: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(tokens, _BUCKETS)


def _values(column: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_large_binary(column.type):
        return np.array(column.to_pylist(), object)
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
