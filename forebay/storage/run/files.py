"""Files of a run, on a local disk or an object store, through TensorFlow's file systems."""

import os
import posixpath
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.sinks.tfrecords.frames import crc32c
from forebay.storage import json_records
from forebay.storage.run.manifest import FileEntry
from forebay.transforms.errors import RunFolderError
from forebay.transforms.json_text import json_text

_EMPTY = FileEntry(0, "00000000")

T = TypeVar("T")


def exists(path: str) -> bool:
    """Tells whether there is a file or folder."""
    return bool(tf.io.gfile.exists(path))


def read_bytes(path: str) -> bytes:
    """Returns a file's content.

    Raises:
        RunFolderError: it cannot be read.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as stream:
            return bytes(stream.read())
    except tf.errors.OpError as error:
        raise RunFolderError(
            f"{path} cannot be read ({type(error).__name__}); check the path and its permissions"
        ) from error


def read_record(kind: type[T], path: str) -> T:
    """Returns what a JSON file of ours holds, of the type that it was written from.

    Raises:
        RunFolderError: it cannot be read, or holds something else.
    """
    return json_records.read_record(kind, read_bytes(path), path, "train or export anew")


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file whole: to a temporary name beside it, then renamed."""
    tf.io.gfile.makedirs(posixpath.dirname(path))
    temporary = f"{path}.tmp"
    with tf.io.gfile.GFile(temporary, "wb") as stream:
        stream.write(content)
    tf.io.gfile.rename(temporary, path, overwrite=True)


def write_json(path: str, value: Any) -> None:
    """Writes a value as indented JSON; a NaN in it is an error, as JSON has none."""
    write_bytes(path, f"{json_text(value, indent=2)}\n".encode())


def remove_folder(path: str) -> None:
    """Removes a folder and what is in it, if it is there."""
    if exists(path):
        tf.io.gfile.rmtree(path)


def size(path: str) -> int:
    """Returns a file's length in bytes."""
    return int(tf.io.gfile.stat(path).length)


def list_files(folder: str, names: Iterable[str]) -> dict[str, FileEntry]:
    """Returns size and checksum of every file below the given entries of a folder.

    Args:
        folder: the staged run.
        names: entries of the folder, files or folders.
    """
    base = folder.rstrip("/") + "/"
    entries = {}
    for name in names:
        path = base + name
        matches = FileSystems.match([path, path + "/**"])
        for metadata in (found for match in matches for found in match.metadata_list):
            if "://" in folder or os.path.isfile(metadata.path):
                entries[metadata.path.removeprefix(base)] = _read_entry(metadata.path)
    return entries


def write_file(path: str, pieces: Iterable[bytes | memoryview]) -> FileEntry:
    """Writes a file piece by piece, as it is whatever its name, and the folder it lies in."""
    if "://" not in path:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as sink:
        entry = _EMPTY
        for piece in pieces:
            sink.write(piece)
            entry = file_entry(piece, behind=entry)
    return entry


def file_entry(content: bytes | memoryview, behind: FileEntry = _EMPTY) -> FileEntry:
    """Describes a file of that content, behind what is in it already."""
    crc = crc32c(np.frombuffer(content, np.uint8), 0, len(content), int(behind.crc32c, 16))
    return FileEntry(behind.size + len(content), f"{int(crc):08x}")


def _read_entry(path: str) -> FileEntry:
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        return file_entry(source.read())
