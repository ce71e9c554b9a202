"""Embeddings for TensorBoard's projector, with a name for every point."""

import posixpath
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from tensorboard.plugins import projector

from forebay.storage.run import files

# The projector draws no more than 100,000 points; reading twice as many would make it slow.
MOST_POINTS = 100_000


def write_projector(
    folder: str, embeddings: Mapping[str, tuple[npt.NDArray[np.float32], Sequence[str]]]
) -> None:
    """Writes embeddings so that TensorBoard's projector finds them.

    Args:
        folder: the folder of the event files.
        embeddings: the embedding of each input by its name: float32 (ids, dimensions), and what
            each id means.
    """
    config = projector.ProjectorConfig()
    for name, (table, names) in embeddings.items():
        if table.shape[1] < 2:  # the projector draws in two dimensions or three
            continue
        own = posixpath.join("projector", name)
        vectors, labels = posixpath.join(own, "tensor.tsv"), posixpath.join(own, "metadata.tsv")
        rows = ("\t".join(f"{x:.7g}" for x in row) for row in table[:MOST_POINTS])
        files.write_bytes(posixpath.join(folder, vectors), "\n".join(rows).encode())
        lines = (_cell(label) for label in names[:MOST_POINTS])
        # A file of one column has no heading.
        files.write_bytes(posixpath.join(folder, labels), "\n".join(lines).encode())
        config.embeddings.add(tensor_name=name, tensor_path=vectors, metadata_path=labels)
    if config.embeddings:
        projector.visualize_embeddings(folder, config)


def _cell(text: str) -> str:
    """Returns a text that is one cell of one line."""
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") or "(empty)"
