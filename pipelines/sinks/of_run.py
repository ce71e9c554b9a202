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
        InputError: one does not, or two are one.
    """
    also = [one for one in options.also if one != PARQUET]
    rows = [
        open_table(BigQuery(one) if isinstance(one, str) else one, "--also", inputs) for one in also
    ]
    given: list[tuple[str, str | BigQuery]] = [("--output", options.output)]
    given += [("--also", one) for one in also]
    checked: list[tuple[TableOutput, pa.Schema]] = [(one, row_schema(dataset)) for one in rows]
    rejects = None
    if options.rejects is not None:
        rejects = open_output(options.rejects, "--rejects", inputs, sparse=True)
        given.append(("--rejects", options.rejects))
        checked.append((rejects, REJECT_COLUMNS))
    check_apart(given)
    check_all(checked)
    return RunSinks(tuple(rows), rejects)
