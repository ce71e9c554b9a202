"""``preprocess`` and ``predict``, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from forebay.console.tensorflow import start_tensorflow_quietly
from forebay.functions.run import Run
from forebay.functions.signatures import takes
from forebay.pipelines.cost.options import CostOptions
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.predictions.options import PredictFolderOptions, PredictOptions
from forebay.pipelines.sources.frames import Table
from forebay.storage.run.manifest import LookupEntry
from forebay.transforms import html


@takes(PreprocessOptions)
def preprocess(options: PreprocessOptions) -> Run:
    """Makes a run folder of raw rows: read, aggregated, split and transformed.

    Call it inside a function or below ``if __name__ == "__main__":`` in a script: workers may
    import it.

    Returns:
        The run; of a dry run, the one that there would be.

    Raises:
        UserError: the definition, the input or the run folder is not as it must be.
        RunFailed: the pipeline failed.
    """
    start_tensorflow_quietly()
    from forebay.pipelines import preprocess as pipeline
    from forebay.pipelines.dry_run import write_jobs

    if options.dry_run is None:
        pipeline.preprocess(options)
    else:
        write_jobs(options, options.dry_run)
    return Run(options.output)


@dataclass(frozen=True, eq=False)
class Predictions(Table):
    """Predictions, in the order of the rows.

    Attributes:
        arrow: the passthrough columns, the label where the rows have it, and the model's outputs.
        records: how many there were to answer.
        rejected: how many have no prediction, by reason.
        rejects: those records, and those of the history and of sources that became no event, with
            their place and the reason.
        lookups: what the rows found in tables without events, by lookup.
    """

    records: int
    rejected: Mapping[str, int]
    rejects: Table
    lookups: Mapping[str, LookupEntry]

    def __repr__(self) -> str:
        return f"Predictions for {len(self):,} of {self.records:,} records"

    def _repr_html_(self) -> str:
        reasons = html.table(("without a prediction", "records"), self.rejected.items())
        return super()._repr_html_() + (reasons if self.rejected else "")


@takes(PredictOptions)
def predict(options: PredictOptions) -> Predictions:
    """Answers the rows of a table with an exported model.

    Columns are derived and windows computed over the rows themselves, and over those of the
    history; the label may be absent.

    Returns:
        The predictions, in the order of the rows.

    Raises:
        UserError: the model, the definition or a table is not as it must be.
        RunFailed: the pipeline failed.
    """
    start_tensorflow_quietly()
    from forebay.pipelines.predictions.predict import predicted
    from forebay.pipelines.predictions.question import open_question
    from forebay.pipelines.sinks.rejects import REJECT_COLUMNS

    with predicted(open_question(options)) as found:
        answers = pa.Table.from_batches(found.batches(), found.schema)
        rejects = pa.Table.from_batches(found.rejects(), REJECT_COLUMNS)
    counts = found.counts
    lost = counts.rejects | {f"dropped {by}": rows for by, rows in counts.dropped.items()}
    return Predictions(answers, counts.records, lost, Table(rejects), counts.lookups)


@takes(PredictFolderOptions)
def predict_to_folder(options: PredictFolderOptions) -> dict[str, Any]:
    """Answers the rows of a table as `predict`, on any engine; workers write the answers.

    Returns:
        What became of the records, as ``counts.json`` has it; empty where nothing is answered: of a
        dry run, and of a template.

    Raises:
        UserError: the model, the definition, a table or the folder is not as it must be.
        RunFailed: the pipeline failed.
    """
    start_tensorflow_quietly()
    from forebay.pipelines.dry_run import write_predict_job
    from forebay.pipelines.predictions import folder

    if options.dry_run is not None:
        write_predict_job(options, options.dry_run)
        return {}
    counts = folder.predict_to_folder(options)
    return {} if counts is None else asdict(counts)


@takes(CostOptions)
def cost(options: CostOptions) -> dict[str, Any]:
    """Runs preprocess on a part of files, twice, and computes what more rows take.

    Returns:
        The figures, as the command's ``--json`` prints them.

    Raises:
        InputError: the definition or a file is not as it must be, or the parts are too small.
        RunFailed: a run failed.
    """
    from forebay.pipelines.cost.estimate import bounds
    from forebay.pipelines.cost.measured import estimate

    found = estimate(options)
    return {**asdict(found), "bounds": list(bounds(found))}
