"""JSON lines: an object a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import pyarrow as pa

from forebay.pipelines.sinks.files import FileOutput
from forebay.transforms.json_text import json_text
from forebay.transforms.plain_values import plain_values


class JsonLines(FileOutput):
    """A file of JSON lines, or standard output."""

    def write_to(  # noqa: D102
        self, stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        for batch in batches:
            columns = [plain_values(column) for column in batch.columns]
            for row in zip(*columns, strict=True):
                told = zip(schema.names, row, strict=True)
                found = {k: v for k, v in told if not (self.sparse and v is None)}
                stream.write(json_text(found).encode() + b"\n")
