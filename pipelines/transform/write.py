"""The transform graph and its metadata, written to where a run has them."""

import json
import posixpath
import uuid
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.impl_helper import METADATA_DIR_NAME
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io

_METADATA = tft.TFTransformOutput.TRANSFORMED_METADATA_DIR


class WriteTransformFn(beam.PTransform):
    """Writes what ``tft_beam.WriteTransformFn`` does, in one step.

    Input: a transform function: a PCollection of the graph's folder, and its metadata.

    Args:
        folder: gets the folders ``transform_fn`` and ``transformed_metadata``, all at once. What an
            attempt before left of them is replaced, so nobody else may write there.
        temporary: a folder beside them for what is not whole yet.
    """

    def __init__(self, folder: str, temporary: str) -> None:
        super().__init__()
        self._folder = folder
        self._temporary = temporary

    def expand(self, transform_fn: Any) -> beam.PCollection:  # noqa: D102
        graph, metadata = transform_fn
        deferred = beam.pvalue.AsSingleton(metadata.deferred_metadata)
        return graph | "Write" >> beam.Map(
            _write, deferred, metadata.asset_map, self._folder, self._temporary
        )

    def _extract_input_pvalues(self, transform_fn: Any) -> tuple[Any, tuple[Any, ...]]:
        graph, metadata = transform_fn
        return transform_fn, (graph, metadata.deferred_metadata)


def _write(
    graph: str,
    metadata: dataset_metadata.DatasetMetadata,
    asset_map: Mapping[str, str],
    folder: str,
    temporary: str,
) -> None:
    own = posixpath.join(temporary, f"transform-{uuid.uuid4().hex}")  # a retry has another
    for name in (tft.TFTransformOutput.TRANSFORM_FN_DIR, _METADATA):
        tf.io.gfile.makedirs(posixpath.join(own, name))
    _copy(graph, posixpath.join(own, tft.TFTransformOutput.TRANSFORM_FN_DIR))
    metadata_io.write_metadata(metadata, posixpath.join(own, _METADATA))
    if asset_map:
        path = posixpath.join(own, _METADATA, tft.TFTransformOutput.ASSET_MAP)
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(json.dumps(dict(asset_map)))
    for name in (tft.TFTransformOutput.TRANSFORM_FN_DIR, _METADATA):
        target = posixpath.join(folder, name)
        if tf.io.gfile.exists(target):
            tf.io.gfile.rmtree(target)
        tf.io.gfile.rename(posixpath.join(own, name), target)
    tf.io.gfile.rmtree(own)


def _copy(source: str, target: str) -> None:
    for folder, _, names in tf.io.gfile.walk(source):
        inside = posixpath.relpath(folder, source)
        if METADATA_DIR_NAME in inside.split("/"):
            continue
        # An object store would make an object of the name ./, which it then cannot rename.
        into = target if inside == "." else posixpath.join(target, inside)
        tf.io.gfile.makedirs(into)
        for name in filter(None, names):  # the mark of the folder itself
            tf.io.gfile.copy(posixpath.join(folder, name), posixpath.join(into, name))
