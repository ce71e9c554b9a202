"""Images inside the transform graph."""

import tensorflow as tf

from forebay.transforms.definition.features import Image
from forebay.transforms.graph.missing import is_missing
from forebay.transforms.parsing.images import JPEG, PNG

_GREATEST = 255.0


def image_outputs(feature: Image, column: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the pixels of encoded images, string (batch,), by output name.

    An image that cannot be decoded is an error of the whole batch: those who read rows keep such
    images out (`transforms.parsing.images.is_image`).
    """
    missing = is_missing(column)
    with tf.control_dependencies([_refuse_others(feature, column, missing)]):
        black = tf.io.encode_png(tf.zeros([1, 1, 1], tf.uint8))
        content = tf.where(missing, black, column)
    pixels = tf.map_fn(
        lambda one: _decoded(feature, one),
        content,
        fn_output_signature=tf.TensorSpec(
            [feature.height, feature.width, feature.channels], tf.float32
        ),
    )
    size = feature.height * feature.width * feature.channels
    outputs = {feature.output: tf.reshape(pixels, [-1, size])}
    if feature.indicator:
        outputs[feature.indicator_output] = tf.cast(missing, tf.float32)
    return outputs


def _refuse_others(feature: Image, column: tf.Tensor, missing: tf.Tensor) -> tf.Operation:
    starts = [tf.equal(tf.strings.substr(column, 0, len(mark)), mark) for mark in (JPEG, PNG)]
    are_known = tf.reduce_all(missing | starts[0] | starts[1])
    message = f"{feature.column} holds bytes that are neither a JPEG nor a PNG image"
    return tf.debugging.Assert(are_known, [message])


def _decoded(feature: Image, content: tf.Tensor) -> tf.Tensor:
    image = tf.io.decode_image(content, feature.channels, expand_animations=False)
    image = tf.ensure_shape(image, [None, None, feature.channels])
    resized = tf.image.resize(tf.cast(image, tf.float32), [feature.height, feature.width])
    return resized / _GREATEST
