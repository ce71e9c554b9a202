"""CSV: numbers and truth values as they are, NaN as missing, the rest as texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from forebay.pipelines.sinks.files import FileOutput
from forebay.transforms.json_text import json_text
from forebay.transforms.plain_values import plain_values


class Csv(FileOutput):
    """A CSV file."""

    def write_to(  # noqa: D102
        self, stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        kinds = pa.schema([(field.name, _kind_of_cells(field.type)) for field in schema])
        with pa_csv.CSVWriter(stream, kinds) as writer:
            for batch in batches:
                columns = [_cells(column) for column in batch.columns]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=kinds))


def _kind_of_cells(kind: pa.DataType) -> pa.DataType:
    is_plain = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return kind if is_plain else pa.string()


def _cells(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if _kind_of_cells(column.type) == column.type:
        return column
    values = plain_values(column)
    is_text = pa.types.is_string(column.type)
    cells = (
        values if is_text else [v if isinstance(v, str | None) else json_text(v) for v in values]
    )
    return pa.array(cells, pa.string())
