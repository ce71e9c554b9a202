"""Where a run's rows and rejects go beside its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from forebay.console.terminal import note
from forebay.pipelines.options import PARQUET, PreprocessOptions
from forebay.pipelines.sinks.bigquery.output import open_table
from forebay.pipelines.sinks.kinds import check_all, check_apart, open_output
from forebay.pipelines.sinks.outputs import PartsOutput, TableOutput
from forebay.pipelines.sinks.rejects import REJECT_COLUMNS, read_rejects, reject_files
from forebay.pipelines.sinks.rows import row_schema
from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.pipelines.tallies.tallies import Tallies
from forebay.storage.run.layout import REJECTS_FOLDER
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import ForebayError


@dataclass(frozen=True)
class RunSinks:
    """Where a run's rows and rejects go beside its folder.

    What is shown there is the last thing that a run does: one that fails, or is killed, shows no
    row, and made again shows none twice.

    Attributes:
        rows: where the rows after the windows go.
        rejects: where the rejects go; None: nowhere.
    """

    rows: tuple[PartsOutput, ...]
    rejects: TableOutput | None

    def with_schemas(self, dataset: Dataset) -> list[tuple[TableOutput, pa.Schema]]:
        """Returns each sink with the columns of what goes there."""
        rows: list[tuple[TableOutput, pa.Schema]] = [
            (one, row_schema(dataset)) for one in self.rows
        ]
        return rows if self.rejects is None else [*rows, (self.rejects, REJECT_COLUMNS)]

    def make_ready(self, dataset: Dataset) -> None:
        """Makes the tables that are not there yet; see `TableOutput.make_ready`."""
        for sink, schema in self.with_schemas(dataset):
            sink.make_ready(schema)

    @contextmanager
    def rejects_kept(self, folder: str) -> Iterator[None]:
        """Writes the rejects in a folder where a run ends for what was read."""
        try:
            yield
        except ForebayError:
            self._write_rejects(folder)
            raise

    def finish(self, run: str, transformed: Tallies, rows: int) -> None:
        """Shows the rows and the rejects of a run that is published, and says how many rows."""
        try:
            self._write_rejects(FileSystems.join(run, REJECTS_FOLDER))
            for sink in self.rows:
                sink.commit([k for k, v in transformed["parts"].items() if v == sink.name])
                note(f"{sink.name}: {rows:,} rows")
        except ForebayError:
            note(f"{run} is written, and whole; what failed came after it")
            raise

    def _write_rejects(self, folder: str) -> None:
        if self.rejects is not None:
            self.rejects.write(REJECT_COLUMNS, read_rejects(reject_files(folder)))


def open_sinks(options: PreprocessOptions, dataset: Dataset, inputs: Sequence[str]) -> RunSinks:
    """Opens a run's sinks, and checks that they take its rows; nothing is made yet.

    Args:
        options: what is asked for.
        dataset: the definition.
        inputs: the names of files and tables that are read, which are not written to.

    Raises:
        InputError: one does not, two are one, or one would lie within a run.
    """
    also = [one for one in options.also if one != PARQUET]
    rows = [
        open_table(BigQuery(one) if isinstance(one, str) else one, "--also", inputs) for one in also
    ]
    given: list[tuple[str, str | BigQuery]] = [("--output", options.output)]
    if options.transform_fn is not None:
        given.append(("--transform-fn", options.transform_fn))
    given += [("--also", one) for one in also]
    rejects = None
    if options.rejects is not None:
        rejects = open_output(options.rejects, "--rejects", inputs, sparse=True)
        given.append(("--rejects", options.rejects))
    check_apart(given)
    sinks = RunSinks(tuple(rows), rejects)
    check_all(sinks.with_schemas(dataset))
    return sinks
