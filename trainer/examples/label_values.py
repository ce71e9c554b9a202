"""Labels as the numbers that a model is trained on."""

import tensorflow as tf

from forebay.transforms.definition.labels import Classification, Label


def label_values(label: Label, column: tf.Tensor) -> tf.Tensor:
    """Returns a label's column as numbers.

    Args:
        label: what is predicted.
        column: its values, (n,), as the examples hold them.

    Returns:
        float32 (n,): in the label's own units; 0 or 1 for binary labels; the place among the
        classes from 0 for several, NaN where it is not one of them.
    """
    if not isinstance(label, Classification):
        return tf.cast(column, tf.float32)
    same = tf.equal(column[:, None], tf.constant(label.classes, column.dtype)[None])
    place = tf.cast(tf.argmax(same, axis=1), tf.float32)
    return tf.where(tf.reduce_any(same, axis=1), place, float("nan"))
