"""Where a run's rows and rejects go beside its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from apache_beam.io.filesystems import FileSystems

from forebay.console.terminal import note
from forebay.pipelines.options import PARQUET, PreprocessOptions
from forebay.pipelines.sinks.bigquery.output import open_table
from forebay.pipelines.sinks.kinds import open_output
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
    """Opens a run's sinks, and checks that they take its rows.

    Raises:
        InputError: one does not.
    """
    rejects = None
    if options.rejects is not None:
        rejects = open_output(options.rejects, "--rejects", inputs, sparse=True)
        rejects.check(REJECT_COLUMNS)
    rows = []
    for given in dict.fromkeys(options.also):
        if given != PARQUET:
            sink = open_table(
                BigQuery(given) if isinstance(given, str) else given, "--also", inputs
            )
            sink.check(row_schema(dataset))
            rows.append(sink)
    return RunSinks(tuple(rows), rejects)
