"""How a CSV file seems to be written: its delimiter, its quotes, whether it has a header line."""

import re
from collections.abc import Sequence

import numpy as np

from forebay.pipelines.sources.csv.header import BOM, read_header
from forebay.pipelines.sources.text.record_ends import OK
from forebay.pipelines.sources.text.records import ANY_ARITY, scan_records
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
# Records looked at: a dialect shows in the first ones or not at all.
_RECORDS = 1_000
_MOST = 0.8
_NUMBER_OR_TIME = re.compile(
    r"\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*)\s*",
    re.ASCII,
)


def guess_format(
    head: bytes, delimiter: str | None, names: Sequence[str], source: str
) -> CsvFormat:
    """Chooses the dialect under which most records have as many fields as the first one.

    Args:
        head: the start of the text, whole or cut.
        delimiter: what the user says; None: one of `DELIMITERS`.
        names: the columns of a file without a header line; empty: the first line is the header.
        source: the file's name, for errors.

    Raises:
        InputError: no dialect gives the first record as many fields as there are names.
    """
    tries = [
        CsvFormat(delimiter=candidate, quote=quote, names=tuple(names))
        for candidate in ((delimiter,) if delimiter else DELIMITERS)
        for quote in ('"', None)
    ]
    agreements = [_agreement(head, format) for format in tries]
    # The first of the best: commas before others, quotes before none.
    best = max(range(len(tries)), key=lambda i: agreements[i])
    if names and not agreements[best][1]:
        first = head.removeprefix(BOM).splitlines()[:1]
        shown = first[0][:80].decode("utf-8", "backslashreplace") if first else ""
        raise InputError(
            f"{source}: the first row {shown!r} does not have the {len(names)} fields that --names "
            "gives it; name every column of the file in order, or give its --delimiter"
        )
    return tries[best]


def _agreement(head: bytes, format: CsvFormat) -> tuple[bool, float]:
    """Returns whether there are several fields, and how many of the records have as many.

    The share is 0 where the first record has not the number of fields that the names ask for.
    """
    text = head.removeprefix(BOM)
    records = scan_records(text, format, ANY_ARITY, len(text), is_last=False, most=_RECORDS)
    if not len(records.starts):  # one record, perhaps without a line end
        records = scan_records(text, format, ANY_ARITY, len(text) + 1, is_last=True, most=1)
    if not len(records.starts) or records.statuses[0] != OK:
        return False, 0.0
    fields = int(records.fields[0])
    if format.names and fields != len(format.names):
        return False, 0.0
    agree = (records.fields == fields) & (records.statuses == OK)
    return fields > 1, round(float(np.mean(agree)), 2)


def refuse_title(head: bytes, format: CsvFormat, source: str) -> None:
    """Refuses a file whose first line is not a record of its table: a title, a comment.

    Raises:
        InputError: most lines have several cells, and the first has another number of them.
    """
    text = head.removeprefix(BOM)
    found = []
    for delimiter in dict.fromkeys((format.delimiter, *DELIMITERS)):
        tried = CsvFormat(delimiter=delimiter)
        first, *others = scan_records(
            text, tried, ANY_ARITY, len(text) + 1, is_last=True, most=_RECORDS
        ).fields.tolist() or [0]
        cells = int(np.median(others)) if others else 0
        if cells > 1 and np.mean(np.equal(others, cells)) > _MOST:
            found.append((first, cells))
    if not format.names and found and all(first != cells for first, cells in found):
        first, cells = found[0]
        title = text.splitlines()[0][:80].decode("utf-8", "backslashreplace")
        raise InputError(
            f"{source}: the first line {title!r} has another number of cells ({first}) than most "
            f"({cells}); remove what stands above the header line, or give --names"
        )


def refuse_rows_as_header(head: bytes, format: CsvFormat, source: str) -> None:
    """Refuses a file whose first line looks like a row: most of its cells are numbers or times.

    Whole numbers counted from 0 are the header that tools write for columns without names.

    Raises:
        InputError: the file seems to have no header line.
    """
    if format.names:
        return
    names, _ = read_header(head, CsvFormat(delimiter=format.delimiter, quote=format.quote), source)
    if list(names) == [str(i) for i in range(len(names))]:
        return
    odd = [name for name in names if _NUMBER_OR_TIME.fullmatch(name)]
    if 2 * len(odd) >= len(names):
        raise InputError(
            f"{source}: the first line looks like a row, not like a header ({', '.join(odd[:3])}); "
            "name the columns with --names a,b,c, in the order of the file"
        )
