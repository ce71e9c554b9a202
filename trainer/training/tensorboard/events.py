"""Event files as TensorBoard reads them, written by its own writer in a thread of its own.

Values are computed outside TensorFlow's graphs, so that writing them changes nothing in a training.
"""

import os
import posixpath
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

from forebay.storage.names import is_remote, temporary_name
from forebay.storage.plain_paths import plain_path
from forebay.storage.run import files

BUCKETS = 30


class EventFile:
    """Writes one event file.

    Args:
        folder: the folder to write to. TensorBoard reads all event files of one folder as one
            training.
        goes_on_at: the step at which an earlier training goes on. What its files have of later
            steps is removed: it was written after the checkpoint. None: a training that has
            nothing to do with what is there.
    """

    def __init__(self, folder: str, goes_on_at: int | None) -> None:
        if not is_remote(folder):
            os.makedirs(folder, exist_ok=True)
            folder = plain_path(folder)
        if goes_on_at is not None:
            for name in files.names_in(folder):
                if name.startswith("events.out.tfevents."):
                    _forget_later(posixpath.join(folder, name), goes_on_at)
        self._writer = EventFileWriter(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by tag."""
        for tag, value in values.items():
            self._add(step, summary=scalar_pb(tag, value))

    def histograms(self, step: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Writes the distribution of arrays' values by tag; arrays that hold none are left out."""
        for tag, array in arrays.items():
            finite = array[np.isfinite(array)]
            if finite.size:
                self._add(step, summary=_histogram(tag, finite))

    def images(self, step: int, tag: str, pixels: npt.NDArray[np.float32]) -> None:
        """Writes images, float32 (images, height, width, channels) from 0 to 1."""
        _, height, width, _ = pixels.shape
        pngs = [tf.io.encode_png(np.rint(255 * one).astype(np.uint8)).numpy() for one in pixels]
        summary = summary_pb2.Summary()
        summary.value.add(
            tag=tag,
            metadata=image_metadata.create_summary_metadata(display_name=None, description=None),
            tensor=tensor_util.make_tensor_proto(
                [str(width).encode(), str(height).encode(), *pngs], dtype=np.object_
            ),
        )
        self._add(step, summary=summary)

    def text(self, step: int, tag: str, markdown: str) -> None:
        """Writes a text, shown as Markdown."""
        self._add(step, summary=text_pb(tag, markdown))

    def graph(self, graph_def: bytes) -> None:
        """Writes a serialized GraphDef."""
        self._add(0, graph_def=graph_def)

    def flush(self) -> None:
        """Makes what was written visible."""
        self._writer.flush()

    def _add(self, step: int, **content: Any) -> None:
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, **content))


def _histogram(tag: str, values: npt.NDArray[Any]) -> summary_pb2.Summary:
    """Counts values in equal buckets: left edge, right edge and count of each.

    TensorBoard's own function makes a table of values × buckets first.
    """
    counts, edges = np.histogram(values, BUCKETS)
    table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    summary = summary_pb2.Summary()
    summary.value.add(
        tag=tag,
        metadata=histogram_metadata.create_summary_metadata(display_name=None, description=None),
        tensor=tensor_util.make_tensor_proto(table, dtype=np.float64),
    )
    return summary


def _forget_later(path: str, step: int) -> None:
    """Removes an event file's events of later steps, and what a kill left of its last one."""
    kept = []
    try:
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            if event_pb2.Event.FromString(record).step <= step:
                kept.append(record)
    except tf.errors.DataLossError:
        pass
    # Not a name that TensorBoard would read.
    temporary = posixpath.join(posixpath.dirname(path), temporary_name())
    with tf.io.TFRecordWriter(temporary) as writer:
        for record in kept:
            writer.write(record)
    tf.io.gfile.rename(temporary, path, overwrite=True)
