"""What kind of sink a name means."""

from __future__ import annotations

from collections.abc import Sequence

from forebay.pipelines.sinks.csv import Csv
from forebay.pipelines.sinks.files import FileOutput
from forebay.pipelines.sinks.json_lines import JsonLines
from forebay.pipelines.sinks.outputs import TableOutput
from forebay.pipelines.sinks.parquet_file import Parquet
from forebay.pipelines.sources.bigquery.address import BigQuery, as_bigquery

_FILES: dict[str, type[FileOutput]] = {".csv": Csv, ".parquet": Parquet}


def open_output(
    given: str | BigQuery, option: str, inputs: Sequence[str] = (), *, sparse: bool = False
) -> TableOutput:
    """Opens a sink by its name: a table of BigQuery, CSV or Parquet by its ending, or JSON lines.

    Args:
        given: the name.
        option: what it was given by, for errors.
        inputs: what is read, by whatever names: it is not written to.
        sparse: whether what is missing is left out, where a row names its values.

    Raises:
        InputError: the name is none.
    """
    bigquery = as_bigquery(given)
    if bigquery is not None:
        from forebay.pipelines.sinks.bigquery.output import open_table

        return open_table(bigquery, option, inputs)
    path = str(given)
    kind = next((kind for suffix, kind in _FILES.items() if path.endswith(suffix)), JsonLines)
    return kind(path, option, tuple(inputs), sparse)
