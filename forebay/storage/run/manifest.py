"""The manifest of a run: what was made of what, and the list of files that readers may open."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from forebay.storage.json_records import typed
from forebay.storage.names import is_inside
from forebay.storage.run.layout import EXAMPLES_FOLDER, OUTPUTS
from forebay.transforms.errors import RunFolderError, reason
from forebay.transforms.instants import instant
from forebay.transforms.json_text import json_text, parse_json

_CRC = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True)
class FileEntry:
    """A file of the run.

    Attributes:
        size: its size in bytes.
        crc32c: CRC-32C of its content (RFC 3720, as Google Cloud Storage keeps it), eight
            hexadecimal digits.
        rows: examples in it; None for files that hold none.
    """

    size: int
    crc32c: str
    rows: int | None = None


@dataclass(frozen=True)
class InputEntry:
    """A source file as it was read.

    Attributes:
        path: what it is called.
        size: its size in bytes.
        fingerprint: what identifies its content.
        split: the split of its rows, where the inputs say it.
    """

    path: str
    size: int
    fingerprint: str
    split: str | None = None


@dataclass(frozen=True)
class SplitEntry:
    """What a run read of the inputs of one split.

    Attributes:
        rows_read: records found in them, rejects included.
        rejects: rejected records per reason.
        dropped: rows that read well but made no example, per cause.
        history: rows outside the period that served as events only.
        added: rows that a step of one's own made of others.
    """

    rows_read: int
    rejects: Mapping[str, int]
    dropped: Mapping[str, int]
    history: int = 0
    added: int = 0


@dataclass(frozen=True)
class SourceEntry:
    """What a run read of one of the definition's sources.

    Attributes:
        inputs: its files.
        rows_read: records found in them, rejects included.
        rejects: rejected records per reason.
        reach_us: how far before a row's time windows reach into it; None: without bound.
    """

    inputs: tuple[InputEntry, ...]
    rows_read: int
    rejects: Mapping[str, int]
    reach_us: int | None


@dataclass(frozen=True)
class LookupEntry:
    """What the rows of a run found by one of the definition's lookups.

    Attributes:
        source: the source that the table is; its files are told there.
        rows: rows of the table that can be found.
        unusable: rows of it that cannot, for want of a key or of a time.
        duplicates: rows of it in whose place another of their key stands.
        found: rows of the dataset that found one.
        not_found: rows whose key, at their time, has none.
        without_key, without_time: rows that could not look.
    """

    source: str
    rows: int
    unusable: int
    duplicates: int
    found: int
    not_found: int
    without_key: int
    without_time: int


@dataclass(frozen=True)
class FeatureWarning:
    """A feature that turned out degenerate, and how."""

    feature: str
    problem: str


@dataclass(frozen=True)
class PeriodEntry:
    """The row times that examples were made for, ``start <= time < end``.

    Attributes:
        start, end: RFC 3339 instants; None: no bound.
    """

    start: str | None
    end: str | None

    @classmethod
    def between(cls, start_us: int | None, end_us: int | None) -> "PeriodEntry":
        """Describes a period by its bounds, microseconds since 1970-01-01 UTC; None: no bound."""
        bounds = (None if bound is None else instant(bound) for bound in (start_us, end_us))
        return cls(*bounds)


@dataclass(frozen=True)
class TransformOf:
    """The run whose transform graph was taken over, and when that run was made."""

    run: str
    created: str


@dataclass(frozen=True)
class Manifest:
    """What a finished run consists of.

    Attributes:
        dataset: the definition's name.
        definition_digest: SHA-256 of its canonical JSON.
        created: RFC 3339 instant.
        versions: versions of Forebay and of the libraries and data that decide the result.
        inputs: the files of the dataset's own table.
        rows_read: records found in them, rejects included.
        sources: what was read of each of the definition's sources.
        rows: examples per split.
        rejects: rejected records per reason.
        dropped: rows that read well but made no example, per cause.
        history: rows outside the period that served as events only.
        reach_us: how far before a row's time its windows reach into the dataset's own table; None:
            without bound.
        period: the row times that examples were made for; None: all.
        transform_of: the run whose transform graph this one took over; None: its own.
        warnings: degenerate features.
        seconds: wall time per step.
        files: the run's files by path relative to the run folder.
        added: rows that a step of one's own made of others.
        lookups: what rows found by each of the definition's lookups.
        splits: what was read of the inputs of each split, where the inputs say it.
    """

    dataset: str
    definition_digest: str
    created: str
    versions: Mapping[str, str]
    inputs: tuple[InputEntry, ...]
    rows_read: int
    sources: Mapping[str, SourceEntry]
    rows: Mapping[str, int]
    rejects: Mapping[str, int]
    dropped: Mapping[str, int]
    history: int
    reach_us: int | None
    period: PeriodEntry | None
    transform_of: TransformOf | None
    warnings: tuple[FeatureWarning, ...]
    seconds: Mapping[str, float]
    files: Mapping[str, FileEntry]
    added: int = 0
    lookups: Mapping[str, LookupEntry] = field(default_factory=dict)
    splits: Mapping[str, SplitEntry] = field(default_factory=dict)

    def examples(self, split: str) -> list[str]:
        """Returns the relative paths of a split's TFRecord files, in order."""
        return sorted(name for name in self.files if name.startswith(f"{EXAMPLES_FOLDER}/{split}/"))

    def to_json(self) -> str:
        """Returns the manifest as indented JSON."""
        return json_text(self.to_plain(), indent=2) + "\n"

    def to_plain(self) -> dict[str, Any]:
        """Returns the manifest as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> "Manifest":
        """Reads what `to_json` wrote.

        Args:
            text: the JSON.
            where: the path it came from, for the error.

        Raises:
            RunFolderError: the text is not a manifest.
        """
        try:
            manifest: Manifest = typed(cls, parse_json(text))
            _check_names(manifest.files)
        except ValueError as error:
            raise RunFolderError(
                f"{where} is not a manifest ({reason(error)}); make the run anew with "
                "`forebay preprocess`, in another folder"
            ) from error
        return manifest


def _check_names(files: Mapping[str, FileEntry]) -> None:
    for name, entry in files.items():
        if not is_inside(name) or name.split("/")[0] not in OUTPUTS:
            raise ValueError(f"it lists {name!r}, which is not a place of a run's files")
        if not _CRC.fullmatch(entry.crc32c):
            raise ValueError(f"it lists {name!r} without its checksum")
