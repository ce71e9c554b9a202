"""How a CSV file seems to be written: its encoding, delimiter, quotes, header and numbers."""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forebay.commands.init.texts import Texts
from forebay.pipelines.sources.csv.header import BOM, lines_end, read_header
from forebay.pipelines.sources.files import UTF_8
from forebay.pipelines.sources.text.record_ends import COMMENT, OK
from forebay.pipelines.sources.text.records import ANY_ARITY, scan_records
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
# Records looked at: a dialect shows in the first ones or not at all.
_RECORDS = 1_000
_MOST = 0.8
# Lines above a header that are looked for, and what may begin a comment.
_MOST_ABOVE, _COMMENTS = 20, ("#", "%")
_NUMBER_OR_TIME = re.compile(
    r"\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*)\s*",
    re.ASCII,
)


def encoding_of(head: bytes) -> str:
    """Guesses how a text is written: in UTF-8 if that can be, or else as Windows or Unix did."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:  # no text at all, as its reader will say
        return UTF_8
    for encoding in (UTF_8, "cp1252"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def guess_format(
    head: bytes, delimiter: str | None, names: Sequence[str], source: str
) -> CsvFormat:
    """Chooses the dialect under which most records have as many fields as the first one.

    Where lines stand above the header, a title or comments, those are found that have to be left
    out for that.

    Args:
        head: the start of the text, whole or cut.
        delimiter: what the user says; None: one of `DELIMITERS`.
        names: the columns of a file without a header line; empty: the first line is the header.
        source: the file's name, for errors.

    Raises:
        InputError: no dialect gives the first record as many fields as there are names.
    """
    plain = [
        CsvFormat(delimiter=candidate, quote=quote, names=tuple(names))
        for candidate in ((delimiter,) if delimiter else DELIMITERS)
        for quote in ('"', None)
    ]
    best = _best(head, plain)
    is_good = _agreement(head, best)[:2] >= (True, _MOST)
    for above in _lines_above(head):
        found = _best(head, [replace(format, **above) for format in plain])
        agreement = _agreement(head, found)
        # A title with a comma has two fields, and so have rows with a decimal comma.
        is_better = not is_good or agreement[2] >= 2 * _agreement(head, best)[2]
        if agreement[:2] >= (True, _MOST) and is_better:
            return found
    if is_good:
        return best
    if names and not _agreement(head, best)[1]:
        first = head.removeprefix(BOM).splitlines()[:1]
        shown = first[0][:80].decode("utf-8", "backslashreplace") if first else ""
        raise InputError(
            f"{source}: the first row {shown!r} does not have the {len(names)} fields that --names "
            "gives it; name every column of the file in order, or give its --delimiter"
        )
    return best


def _best(head: bytes, tries: Sequence[CsvFormat]) -> CsvFormat:
    """Returns the first of the best: commas before others, quotes before none."""
    agreements = [_agreement(head, format) for format in tries]
    return tries[max(range(len(tries)), key=lambda i: agreements[i][:2])]


def _lines_above(head: bytes) -> Iterator[dict[str, Any]]:
    """Yields what may stand above a header: comments, then more and more lines."""
    first = head.removeprefix(BOM).lstrip()[:1].decode("ascii", "ignore")
    if first in _COMMENTS:
        yield {"comment": first}
    most = min(_MOST_ABOVE, head.count(b"\n") - 2)
    yield from ({"skip_lines": count} for count in range(1, most + 1))


def _agreement(head: bytes, format: CsvFormat) -> tuple[bool, float, int]:
    """Returns whether there are several fields, how many of the records have as many, and how many.

    The share is 0 where the first record has not the number of fields that the names ask for.
    """
    text = below(head, format)
    records = scan_records(text, format, ANY_ARITY, len(text), is_last=False, most=_RECORDS)
    if not len(records.starts):  # one record, perhaps without a line end
        records = scan_records(text, format, ANY_ARITY, len(text) + 1, is_last=True, most=1)
    kept = records.statuses != COMMENT
    statuses, counts = records.statuses[kept], records.fields[kept]
    if not len(statuses) or statuses[0] != OK:
        return False, 0.0, 0
    fields = int(counts[0])
    if format.names and fields != len(format.names):
        return False, 0.0, 0
    agree = (counts == fields) & (statuses == OK)
    return fields > 1, round(float(np.mean(agree)), 2), fields


def below(head: bytes, format: CsvFormat) -> bytes:
    """Returns the text below the lines that a dialect leaves out at the start."""
    text = head.removeprefix(BOM)
    return text[lines_end(text, format.skip_lines, "") :]


def with_numbers(format: CsvFormat, columns: Mapping[str, Texts]) -> CsvFormat:
    """Adds to a dialect how its numbers are written: with a decimal comma, or in groups of three.

    A column shows it where almost all its texts are such numbers, and some are no others.
    """
    written = [_written(texts) for texts in columns.values()]
    by_comma = [thousands for decimal, thousands in written if decimal == ","]
    if by_comma and "." not in {decimal for decimal, _ in written}:
        return replace(format, decimal=",", thousands="." if "." in by_comma else None)
    grouped = any(thousands == "," for _, thousands in written)
    return replace(format, thousands=",") if grouped else format


_NUMBERS = {
    ".": re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d*)(\.\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?", re.ASCII),
}
_LOOKED_AT = 400


def _written(texts: Texts) -> tuple[str | None, str | None]:
    """Returns what stands before fractions and between thousands of a column; None: nothing seen.

    Commas before three digits each are taken for thousands.
    """
    words = [word.strip() for word in texts.distinct.to_pylist()[:_LOOKED_AT] if word.strip()]
    for decimal, thousands in ((".", ","), (",", ".")):
        numbers = [word for word in words if _NUMBERS[decimal].fullmatch(word)]
        if numbers and len(numbers) >= _MOST * len(words):
            return tuple(
                sign if any(sign in word for word in numbers) else None
                for sign in (decimal, thousands)
            )  # type: ignore[return-value]
    return None, None


def refuse_title(head: bytes, format: CsvFormat, source: str) -> None:
    """Refuses a file whose first line is not a record of its table: a title, a comment.

    Raises:
        InputError: most lines have several cells, and the first has another number of them.
    """
    text = below(head, format)
    found = []
    for delimiter in dict.fromkeys((format.delimiter, *DELIMITERS)):
        tried = CsvFormat(delimiter=delimiter, comment=format.comment)
        records = scan_records(text, tried, ANY_ARITY, len(text) + 1, is_last=True, most=_RECORDS)
        first, *others = records.fields[records.statuses != COMMENT].tolist() or [0]
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
    names, _ = read_header(head, format, source)
    if list(names) == [str(i) for i in range(len(names))]:
        return
    odd = [name for name in names if _NUMBER_OR_TIME.fullmatch(name)]
    if 2 * len(odd) >= len(names):
        raise InputError(
            f"{source}: the first line looks like a row, not like a header ({', '.join(odd[:3])}); "
            "name the columns with --names a,b,c, in the order of the file"
        )
