"""The label as classes, for analyzers that ask what tells about it."""

import tensorflow as tf

from forebay.transforms.definition.labels import Classification, Label
from forebay.transforms.graph.cuts import parts_of


def label_classes(label: Label, column: tf.Tensor, boundaries: tuple[float, ...]) -> tf.Tensor:
    """Returns each row's class, int64 (batch,) from 0.

    Args:
        label: the definition's label.
        column: its column, (batch,), without missing values.
        boundaries: the bounds of a regression's classes: class i is from boundary i-1, included, to
            boundary i.
    """
    if label.task == "regression":
        return parts_of(column, boundaries)
    if isinstance(label, Classification):
        same = tf.equal(column[:, tf.newaxis], tf.constant(label.classes, column.dtype))
        return tf.argmax(tf.cast(same, tf.int64), axis=1)
    return tf.cast(column, tf.int64)
