"""The first bytes of a CSV file: its byte-order mark, its column names, and what is not CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import islice

from forebay.console.words import counted
from forebay.pipelines.sources.missing_columns import refuse_missing
from forebay.pipelines.sources.text.record_ends import MALFORMED_QUOTE, OK, UNCLOSED_QUOTE
from forebay.pipelines.sources.text.records import ANY_ARITY, scan_records
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

HEAD_BYTES = 1 << 20

BOM = b"\xef\xbb\xbf"
_SHOWN_CHARACTERS = 80
_LINE = re.compile(rb"\r\n|\r|\n")
_DELIMITERS = (",", ";", "\t", "|")
# What Excel writes and reads in front of the header.
_DELIMITER_NOTE = re.compile(rb'"?sep=([\x00-\x7f])"?', re.IGNORECASE)


def read_header(head: bytes, format: CsvFormat, source: str) -> tuple[tuple[str, ...], int]:
    """Reads the column names.

    Args:
        head: the first HEAD_BYTES bytes of the text, or all of it if it is shorter.
        format: the dialect; where it has names, the file has no header line.
        source: the file's name, for errors.

    Returns:
        the names in the order of the file, and the offset at which the data records start. Names
        are distinct, save that several may be empty.

    Raises:
        InputError: the file is empty, is not CSV in UTF-8, repeats a name, or has no header of
            acceptable length; or, without a header line, its first record has another number of
            fields than there are names.
    """
    data_offset = len(BOM) if head.startswith(BOM) else 0
    data_offset += lines_end(head[data_offset:], format.skip_lines, source)
    text = head[data_offset:]
    start = _first_record(text, format)
    if start == len(text):
        raise InputError(f"{source}: {_no_record(head, format)}")
    records = scan_records(text[start:], format, ANY_ARITY, HEAD_BYTES, is_last=True, most=1)
    end = start + records.consumed
    if end == len(text) and len(head) >= HEAD_BYTES:
        raise InputError(
            f"{source}: the first record does not end within {HEAD_BYTES} bytes; is this a CSV"
            " file with line ends?"
        )
    first = text[start : start + int(records.ends[0])]
    status = int(records.statuses[0])
    if status != OK:
        raise InputError(f"{source}: {_quote_problem(status, first, format)}")
    _refuse_note(first, source)
    text_of_first = _decoded(first, source)
    if not format.names:
        names = _names(text_of_first, format, source)
        _refuse_repeated(names, source)
        return names, data_offset + end
    fields = int(records.fields[0])
    if fields != len(format.names):
        raise InputError(
            f"{source}: the first row {_shown(first)} has {counted(fields, 'field')}, but"
            f" CsvFormat names {counted(len(format.names), 'column')}; correct its names= or"
            " delimiter= (--names and --delimiter of forebay init)"
        )
    return tuple(format.names), data_offset


def _first_record(text: bytes, format: CsvFormat) -> int:
    """Returns where the first record begins, after blank lines and comments."""
    passed_over = rb"[\r\n]"
    if format.comment is not None:
        passed_over += rb"|" + re.escape(format.comment.encode()) + rb"[^\r\n]*"
    return len(re.match(rb"(?:%b)*" % passed_over, text)[0])  # type: ignore[index]


def _no_record(head: bytes, format: CsvFormat) -> str:
    """Returns what is wrong with a text that begins with no record, and the cure."""
    if len(head) < HEAD_BYTES:
        return "is empty; give a file with a header line and rows"
    return (
        f"has nothing but blank lines and comments in its first {HEAD_BYTES} bytes; take them out, "
        f"or correct comment= in its CsvFormat, which is {format.comment!r}"
    )


def lines_end(text: bytes, count: int, source: str) -> int:
    """Returns where the lines above a header end."""
    ends = [match.end() for match in islice(_LINE.finditer(text), count)]
    if len(ends) < count:
        raise InputError(
            f"{source}: has no {count} lines to skip in its first {HEAD_BYTES} bytes; correct "
            "skip_lines= in its CsvFormat"
        )
    return ends[-1] if ends else 0


def check_header(
    names: Sequence[str], wanted: Sequence[str], format: CsvFormat, source: str
) -> None:
    """Checks that the file has the wanted columns.

    Args:
        names: the file's columns.
        wanted: the columns that the definition reads from it.
        format: the dialect.
        source: the file's name, for errors.

    Raises:
        InputError: columns are missing; all of them are named, with names that resemble them.
    """
    refuse_missing(names, wanted, source, cure=_cure(names, wanted, format))


def _cure(names: Sequence[str], wanted: Sequence[str], format: CsvFormat) -> str:
    header = format.delimiter.join(names)
    found = {
        delimiter: len(set(header.split(delimiter)) & set(wanted))
        for delimiter in _DELIMITERS
        if delimiter != format.delimiter
    }
    best = max(found, key=lambda delimiter: found[delimiter])
    if found[best] > len(set(wanted) & set(names)):
        return f"The delimiter seems to be {best!r}: write CsvFormat(delimiter={best!r})."
    return "Rename the columns in the definition or in the file, or give them field=."


def _refuse_note(first: bytes, source: str) -> None:
    note = _DELIMITER_NOTE.fullmatch(first)
    if note:
        delimiter = note[1].decode()
        raise InputError(
            f"{source}: the first line {_shown(first)} is a note for Excel, and no header; delete"
            f" the line, and write CsvFormat(delimiter={delimiter!r})"
        )


def _quote_problem(status: int, first: bytes, format: CsvFormat) -> str:
    mistake = {
        MALFORMED_QUOTE: "has text after a closing quote",
        UNCLOSED_QUOTE: "opens a quote that is never closed",
    }.get(status, f"is longer than {HEAD_BYTES} bytes")
    return (
        f"the first line {_shown(first)} {mistake}; correct it, or set quote= in the CsvFormat,"
        f" which is {format.quote!r} (None where quotes are ordinary text)"
    )


def _decoded(record: bytes, source: str) -> str:
    if b"\0" in record:
        raise InputError(
            f"{source}: the first line {_shown(record)} holds NUL bytes: it is not UTF-8 text;"
            " export the table as CSV in UTF-8"
        )
    try:
        return record.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source}: the first line {_shown(record)} is not UTF-8 at byte {error.start};"
            " convert the file, as by iconv -f LATIN1 -t UTF-8"
        ) from error


def _names(header: str, format: CsvFormat, source: str) -> tuple[str, ...]:
    rows = csv.reader(
        io.StringIO(header, newline=""),
        delimiter=format.delimiter,
        quotechar=format.quote,
        quoting=csv.QUOTE_NONE if format.quote is None else csv.QUOTE_MINIMAL,
    )
    try:
        return tuple(next(rows))
    except csv.Error as error:
        raise InputError(
            f"{source}: the first line {_shown(header)} is no header ({error}); correct it, or name"
            " the columns: CsvFormat(names=...), or --names of forebay init"
        ) from error


def _refuse_repeated(names: Sequence[str], source: str) -> None:
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{source}: the header names {', '.join(map(repr, repeated))} more than once; rename"
            " the columns, or drop the line and name them all: CsvFormat(names=...), or --names of"
            " forebay init"
        )


def _shown(value: bytes | str) -> str:
    text = value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return repr(cut)
