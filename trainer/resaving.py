"""Saving a loaded transform graph once more, vocabularies in TFRecord files included.

TensorFlow 2.21 cannot save a dataset that was itself loaded from a SavedModel: the function that
makes it anew holds the file's path as an eager tensor, and the exported graph refuses to capture
one ("Attempting to capture an EagerTensor without building a function"). tf.Transform's lookup
tables read such datasets. Here the path is replaced by the asset of the exported graph.
"""

import functools
from typing import Any

import tensorflow as tf

from transforms.errors import RunFailed


def make_savable(loaded: Any) -> None:
    """Lets datasets of a loaded SavedModel be saved again.

    Args:
        loaded: what ``tf.saved_model.load`` returned for a ``transform_fn/`` folder.
    """
    for owner in getattr(loaded, "trackable_objects", ()):
        tracker = getattr(owner, "_variant_tracker", None)
        if tracker is not None:
            # TensorFlow looks this method up on the instance.
            tracker._export_to_saved_model_graph = functools.partial(_export, tracker)


def _export(tracker: Any, object_map: Any, tensor_map: Any, **_: Any) -> list[tf.Tensor]:
    """Makes the dataset in the graph being exported, from that graph's own assets.

    Args:
        tracker: of the dataset.
        object_map: from objects to their likes in the exported graph; added to.
        tensor_map: from eager tensors to the exported graph's; added to.

    Returns:
        The dataset's eager tensor, which functions of the graph capture.
    """
    (function,) = tracker._create_resource.concrete_functions
    missing = [path for path in function.captured_inputs if path not in tensor_map]
    if missing:
        raise RunFailed(
            f"the transform graph reads {missing[0].numpy()!r}, which is no asset of it; "
            "make the run anew"
        )
    paths = [tensor_map[path] for path in function.captured_inputs]
    function.add_to_graph(tf.compat.v1.get_default_graph())
    with tf.device(tracker._resource_device):
        (made,) = tf.raw_ops.StatefulPartitionedCall(args=paths, Tout=[tf.variant], f=function)
    object_map[tracker] = tracker
    tensor_map[tracker.resource_handle] = made
    return [tracker.resource_handle]
