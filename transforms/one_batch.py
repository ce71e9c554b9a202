"""Tables as one Arrow batch, which holds 2 GiB of text in a column at most."""

import pyarrow as pa

from forebay.transforms.errors import InputError


def one_batch(table: pa.Table, cure: str) -> pa.RecordBatch:
    """Returns all rows of a table as one batch.

    Args:
        table: the rows.
        cure: what to do where they are too many.

    Raises:
        InputError: a column has more text than one batch holds.
    """
    found = table.combine_chunks().to_batches()
    if len(found) > 1:
        raise InputError(
            f"{len(table):,} rows of {', '.join(table.column_names)} have more than 2 GiB of text "
            f"in one column, which is more than Arrow holds in a batch; {cure}"
        )
    return found[0] if found else pa.RecordBatch.from_pylist([], schema=table.schema)
