"""Parquet: a row group for each batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from forebay.pipelines.sinks.files import FileOutput


class Parquet(FileOutput):
    """A Parquet file."""

    def write_to(  # noqa: D102
        self, stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        with pa_parquet.ParquetWriter(stream, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
