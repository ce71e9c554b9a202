"""Functions of a user's own that call tf.Transform's analyzers."""

from collections.abc import Mapping
from itertools import count

import tensorflow as tf
import tensorflow_transform as tft

Tensors = Mapping[str, tf.Tensor]


def several(columns: Tensors) -> dict[str, tf.Tensor]:
    """Analyzers of several kinds, one that looks at what another one found."""
    distance = tf.where(tf.math.is_finite(columns["distance"]), columns["distance"], 0.0)
    pair = tf.stack([distance, distance * distance], axis=1)
    standard = tft.scale_to_z_score(distance)
    return {
        "own_standard": standard,
        "own_scaled": tft.scale_to_0_1(standard),
        "own_bucket": tft.bucketize(distance, 7),
        "own_principal": tf.matmul(pair, tft.pca(pair, 1, tf.float32)),
        "own_wagons": tft.compute_and_apply_vocabulary(
            columns["wagons"], vocab_filename="own_wagons", num_oov_buckets=1, top_k=4
        ),
        "own_share": tf.cast(tft.size(distance), tf.float32) / (1.0 + tf.abs(distance)),
    }


def covered(columns: Tensors) -> dict[str, tf.Tensor]:
    """A vocabulary with lines for each first letter."""
    ids = tft.compute_and_apply_vocabulary(
        columns["line"], vocab_filename="own_line", num_oov_buckets=1, top_k=1,
        coverage_top_k=1, key_fn=_first,
    )  # fmt: skip
    return {"own_line": ids}


_CALLS = count()


def fickle(columns: Tensors) -> dict[str, tf.Tensor]:
    """Analyzers in another order with each call, which tf.Transform tells apart by their order."""
    names = ["distance", "guess"] if next(_CALLS) % 2 else ["guess", "distance"]
    least = {name: tft.min(columns[name]) for name in names}
    return {"own_distance": columns["distance"] - least["distance"]}


def _first(text: bytes) -> bytes:
    return text[:1]
