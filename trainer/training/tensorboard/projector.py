"""Embeddings for TensorBoard's projector, with a name for every point."""

import posixpath
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from google.protobuf import text_format
from tensorboard.plugins import projector
from tensorboard.plugins.projector.metadata import PROJECTOR_FILENAME

from forebay.storage.run import files

# The projector draws no more than 100,000 points; reading twice as many would make it slow.
MOST_POINTS = 100_000


def write_projector(
    folder: str, logs: str, embeddings: Mapping[str, tuple[npt.NDArray[np.float32], Sequence[str]]]
) -> None:
    """Writes embeddings so that TensorBoard's projector finds them.

    Args:
        folder: the run folder, or another that is ours.
        logs: the folder of the event files below it.
        embeddings: the embedding of each input by its name: float32 (ids, dimensions), and what
            each id means.
    """
    config = projector.ProjectorConfig()
    for place, (name, (table, names)) in enumerate(embeddings.items()):
        if table.shape[1] < 2:  # the projector draws in two dimensions or three
            continue
        own = posixpath.join("projector", f"{place:03d}")  # a name may be what no folder's can
        vectors, labels = posixpath.join(own, "tensor.tsv"), posixpath.join(own, "metadata.tsv")
        rows = ("\t".join(f"{x:.7g}" for x in row) for row in table[:MOST_POINTS])
        files.write_bytes(folder, posixpath.join(logs, vectors), "\n".join(rows).encode())
        lines = (_cell(label) for label in names[:MOST_POINTS])
        # A file of one column has no heading.
        files.write_bytes(folder, posixpath.join(logs, labels), "\n".join(lines).encode())
        config.embeddings.add(tensor_name=name, tensor_path=vectors, metadata_path=labels)
    if config.embeddings:
        content = text_format.MessageToString(config).encode()
        files.write_bytes(folder, posixpath.join(logs, PROJECTOR_FILENAME), content)


def _cell(text: str) -> str:
    """Returns a text that is one cell of one line."""
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") or "(empty)"
