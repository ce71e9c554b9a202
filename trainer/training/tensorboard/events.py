"""Event files as TensorBoard reads them, written by its own writer in a thread of its own.

Values are computed outside TensorFlow's graphs, so that writing them changes nothing in a training.
"""

import os
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

from forebay.storage.names import is_remote
from forebay.storage.plain_paths import plain_path
from forebay.storage.run.layout import EVENTS_ENDING

BUCKETS = 30


class EventFile:
    """Writes one event file, and changes no other.

    Args:
        folder: the folder to write to. TensorBoard reads all event files of one folder as one
            training.
        goes_on_at: the step at which a training goes on whose earlier files are there; 0: it
            begins. TensorBoard passes over what they have of later steps: they were lost with the
            process that wrote them.
    """

    def __init__(self, folder: str, goes_on_at: int) -> None:
        if not is_remote(folder):
            os.makedirs(folder, exist_ok=True)
            folder = plain_path(folder)
        self._writer = EventFileWriter(folder, filename_suffix=EVENTS_ENDING)
        started = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        # Of the step that is the first to be forgotten: what describes the training is of step 0.
        self._add(goes_on_at + 1 if goes_on_at else 0, session_log=started)

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
