"""New files in any store."""

import os
from typing import IO, Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.storage.large_files import LargeFile
from forebay.storage.names import is_remote


def create(path: str) -> IO[Any]:
    """Opens a new file, in place of the one before; folders on the way to it are made.

    Its name says nothing about how it is written: nothing is compressed.
    """
    if is_remote(path):
        return FileSystems.create(  # type: ignore[no-any-return]
            path, "application/octet-stream", CompressionTypes.UNCOMPRESSED
        )
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    return LargeFile(path)  # type: ignore[return-value]
