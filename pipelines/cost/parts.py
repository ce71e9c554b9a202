"""The first part of a file, as a file of its own."""

from __future__ import annotations

import gzip
import os
from typing import IO

from forebay.transforms.errors import InputError, reason

_PARQUET, _GZIP = (".parquet", ".pq"), ".gz"
_TEXT = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".ndjson")


def first_part(path: str, share: float, folder: str, number: int) -> str:
    """Writes the first part of a file.

    Args:
        path: CSV, JSON lines, either as gzip, or Parquet, on a local disk.
        share: how much of it, in (0, 1].
        folder: where the part is written.
        number: what tells it from others there.

    Returns:
        The part's path; the file itself where all of it is wanted.

    Raises:
        InputError: it is of another kind, or cannot be read.
    """
    plain = path.removesuffix(_GZIP)
    if "://" in path or not plain.endswith((*_PARQUET, *_TEXT)):
        raise InputError(
            f"{path}: no part of it can be taken; give CSV, JSON lines or Parquet on a local disk"
        )
    if share >= 1:
        return path
    part = os.path.join(folder, f"{number}-{os.path.basename(plain)}")
    try:
        if plain.endswith(_PARQUET):
            _of_parquet(path, share, part)
        elif path.endswith(_GZIP):
            with open(path, "rb") as raw, gzip.open(raw, "rb") as source:
                _of_text(source, raw, share * os.path.getsize(path), part)
        else:
            with open(path, "rb") as raw:
                _of_text(raw, raw, share * os.path.getsize(path), part)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the path") from error
    return part


def _of_text(source: IO[bytes] | gzip.GzipFile, raw: IO[bytes], most: float, part: str) -> None:
    """Copies lines until so many bytes of the file were read; the first one always."""
    with open(part, "wb") as sink:
        sink.write(source.readline())
        while raw.tell() < most and (line := source.readline()):
            sink.write(line)


def _of_parquet(path: str, share: float, part: str) -> None:
    import pyarrow.parquet as pq

    from forebay.pipelines.sources.typed.input import parquet_reader

    with parquet_reader(path) as source:
        left = max(1, round(share * source.metadata.num_rows))
        with pq.ParquetWriter(part, source.schema_arrow) as sink:
            for batch in source.iter_batches():
                sink.write_batch(batch.slice(0, left))
                left -= len(batch)
                if left <= 0:
                    break
