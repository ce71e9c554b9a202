"""What is derived once something was looked up."""

import pyarrow as pa

from forebay.pipelines.sources.derive import derive
from forebay.pipelines.sources.rejects import Reject
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.identity import ROW


class LaterColumns:
    """Takes the steps of a definition that read what is looked up.

    Args:
        dataset: the definition.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._steps = [(step, resolve(str(step.function))) for step in dataset.later_steps]

    def derive(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Reject]]:
        """Returns rows with all of the definition's row columns and `ROW`, in their order.

        Returns:
            Those with values that their columns allow, and the others as rejects, with the row's
            identity for an offset.

        Raises:
            InputError: a function failed.
        """
        rejects: list[Reject] = []
        for step, function in self._steps:
            batch, more = derive(batch, step, function, place=ROW)
            rejects += more
        return batch.select([*self._dataset.row_columns, ROW]), rejects
