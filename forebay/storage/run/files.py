"""Files of a run, on a local disk or an object store, through TensorFlow's file systems."""

import json
import posixpath
from typing import Any

import tensorflow as tf

from forebay.transforms.errors import RunFolderError


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


def read_json(path: str) -> Any:
    """Returns the value of a JSON file.

    Raises:
        RunFolderError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise RunFolderError(f"{path} is not JSON ({error}); write it anew") from error


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file whole: to a temporary name beside it, then renamed."""
    tf.io.gfile.makedirs(posixpath.dirname(path))
    temporary = f"{path}.tmp"
    with tf.io.gfile.GFile(temporary, "wb") as stream:
        stream.write(content)
    tf.io.gfile.rename(temporary, path, overwrite=True)


def write_json(path: str, value: Any) -> None:
    """Writes a value as indented JSON; a NaN in it is an error, as JSON has none."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def remove_folder(path: str) -> None:
    """Removes a folder and what is in it, if it is there."""
    if exists(path):
        tf.io.gfile.rmtree(path)


def size(path: str) -> int:
    """Returns a file's length in bytes."""
    return int(tf.io.gfile.stat(path).length)
