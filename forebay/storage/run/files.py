"""Files of a run, on a local disk or an object store, through TensorFlow's file systems."""

import posixpath
from typing import Any, TypeVar

import tensorflow as tf

from forebay.storage import json_records
from forebay.transforms.errors import RunFolderError
from forebay.transforms.json_text import json_text

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
