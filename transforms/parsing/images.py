"""Encoded images: which ones the transform graph can decode."""

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"


def is_image(content: bytes) -> bool:
    """Tells whether the graph can decode an image, by decoding it."""
    if not content.startswith((JPEG, PNG)):
        return False
    import tensorflow as tf  # takes seconds to load: only where there are images

    try:
        tf.io.decode_image(content, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return False
    return True
