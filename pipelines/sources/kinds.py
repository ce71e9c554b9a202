"""What kind of table a file holds, told by how it begins."""

from __future__ import annotations

import re
from dataclasses import replace

from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import UTF_8, SourceFile
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.text.json_lines import open_json_lines, refuse_array
from forebay.pipelines.sources.text.ranges import GuardedReader
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError

_GZIP = b"\x1f\x8b"
_HEAD_BYTES = 1 << 12
# How files begin that hold tables which cannot be read as they are, and the cure.
_REFUSED = (
    (b"\x28\xb5\x2f\xfd", "is zstd-compressed", "decompress it, or compress it with gzip"),
    (b"BZh", "is bzip2-compressed", "decompress it, or compress it with gzip"),
    (b"\xfd7zXZ", "is xz-compressed", "decompress it, or compress it with gzip"),
    (b"PK\x03\x04", "is a zip archive or an Excel workbook", "unpack it, or export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", "export it as CSV"),
    (b"FEA1", "is a Feather file of version 1", "write it as Arrow, Feather version 2"),
    (b"ORC", "is an ORC file", "write it as Parquet"),
    (b"Obj\x01", "is an Avro file", "write it as Parquet"),
    (b"SQLite format 3\0", "is an SQLite database", "export the table as CSV"),
)
# No text has one; of the kinds that begin with letters, each has one among its first bytes.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FIRST_BYTES = 16
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_JSON_LINES = re.compile(rb"(\xef\xbb\xbf)?\s*\{\s*(\"|\})")


def open_input(file: SourceFile, table: Source) -> TableInput:
    """Opens a file as what it is, whatever its name, and checks it against a table.

    Raises:
        InputError: the file is of no kind that can be read, or lacks columns of the table.
    """
    file, head = unpacked(file)
    if head.startswith(_UTF_16) and table.csv.python_encoding == UTF_8:
        raise InputError(
            f"{file.path}: begins with {head[:2]!r}: it is UTF-16 text; write "
            "CsvFormat(encoding='utf-16'), or convert it to UTF-8"
        )
    return open_told(file, head, table) or open_csv(file, table)


def open_told(file: SourceFile, head: bytes, table: Source | None) -> TableInput | None:
    """Opens a file that tells what it is; None: it does not, so that it is taken for CSV.

    Args:
        file: the file.
        head: its first bytes, as `unpacked` returns them.
        table: what it is checked against; None: nothing, and all of it is read.

    Raises:
        InputError: the file is of no kind that can be read, or lacks columns of the table.
    """
    for signature, kind, cure in _REFUSED:
        if _begins(head, signature):
            raise InputError(f"{file.path}: begins with {signature!r}: it {kind}; {cure}")
    if _JSON_LINES.match(head):
        return open_json_lines(file, table)
    refuse_array(head, file.path)
    return _binary(file, head, table)


def _begins(head: bytes, signature: bytes) -> bool:
    """Tells whether a file begins as its kind does; ``ORCID,papers`` begins a CSV file."""
    is_told = not signature.isalnum() or _CONTROL.search(head, 0, _FIRST_BYTES) is not None
    return head.startswith(signature) and is_told


def unpacked(file: SourceFile) -> tuple[SourceFile, bytes]:
    """Tells whether a file is compressed, and how what it holds begins.

    Raises:
        InputError: it is named as if it were, and is not; or its gzip is damaged.
    """
    head = file.head(_HEAD_BYTES)
    if file.path.endswith(".gz") and not head.startswith(_GZIP):
        raise InputError(
            f"{file.path}: is not gzip-compressed, as its name says it is (it begins with "
            f"{head[:2]!r}); give it a name without .gz, or compress it"
        )
    if head.startswith(_GZIP):
        file = replace(file, is_compressed=True)
        with file.open() as source:
            head = GuardedReader(source, file.path).read(_HEAD_BYTES)
    return file, head


def _binary(file: SourceFile, head: bytes, table: Source | None) -> TableInput | None:
    from forebay.pipelines.sources.typed import input as rows
    from forebay.pipelines.sources.typed.frames import begins_record
    from forebay.pipelines.sources.typed.tfrecord import open_tfrecord

    if begins_record(head):
        return open_tfrecord(file, table)
    opened = {
        b"PAR1": rows.open_parquet, b"ARROW1": rows.open_arrow,
        b"\xff\xff\xff\xff": rows.open_arrow_stream,
    }  # fmt: skip
    for signature, opener in opened.items():
        if _begins(head, signature):
            if file.is_compressed:
                raise InputError(
                    f"{file.path}: is gzip of a file that is compressed within; decompress it"
                )
            return opener(file, table)
    return None
