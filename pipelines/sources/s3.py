"""Files on S3, by Arrow's own file system: it needs no package beside pyarrow.

Credentials and region are found as Amazon's own programs find them.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from typing import IO, Any

SCHEME = "s3://"
# The address of a server that speaks S3's language, as Amazon's own programs name it.
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
_WILD = re.compile(r"[*?\[]")


def find(path: str) -> tuple[int, str] | None:
    """Returns the size and version of one file, whatever characters its name has; None: none is so.

    Raises:
        OSError: nobody can tell.
    """
    from pyarrow import fs

    bucket, key = _parts(path)
    one = _system(bucket).get_file_info(f"{bucket}/{key}")
    return (one.size, str(one.mtime_ns)) if one.type == fs.FileType.File else None


def match(pattern: str) -> Iterator[tuple[str, int, str]]:
    """Yields the name, size and version of every file that a pattern means; none if it is none.

    Raises:
        OSError: they cannot be listed.
    """
    from pyarrow import fs

    bucket, key = _parts(pattern)
    wild = _WILD.search(key)
    if wild is None:
        return
    folder = f"{bucket}/{key[: wild.start()]}".rpartition("/")[0]
    selector = fs.FileSelector(folder, allow_not_found=True, recursive=True)
    wanted = re.compile(_translated(f"{bucket}/{key}"))
    for one in _system(bucket).get_file_info(selector):
        if one.type == fs.FileType.File and wanted.fullmatch(one.path):
            yield SCHEME + one.path, one.size, str(one.mtime_ns)


def open_file(path: str) -> IO[bytes]:
    """Opens a file for reading.

    Raises:
        OSError: it cannot be read.
    """
    bucket, key = _parts(path)
    return _system(bucket).open_input_file(f"{bucket}/{key}")  # type: ignore[no-any-return]


def _parts(path: str) -> tuple[str, str]:
    bucket, _, key = path.removeprefix(SCHEME).partition("/")
    return bucket, key


def _system(bucket: str) -> Any:
    return _made_system(bucket, os.environ.get(ENDPOINT_VARIABLE))


@functools.cache
def _made_system(bucket: str, endpoint: str | None) -> Any:
    from pyarrow import fs

    if endpoint:
        scheme, _, place = endpoint.rpartition("://")
        return fs.S3FileSystem(endpoint_override=place.rstrip("/"), scheme=scheme or "https")
    return fs.FileSystem.from_uri(SCHEME + bucket)[0]  # which finds the bucket's region


def _translated(pattern: str) -> str:
    from apache_beam.io.filesystem import FileSystem

    return str(FileSystem.translate_pattern(pattern))
