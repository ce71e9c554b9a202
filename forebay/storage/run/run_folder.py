"""A finished run, opened for reading: its manifest decides what belongs to it."""

import hashlib
import json
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2

from forebay.storage.plain_paths import plain_path
from forebay.storage.run import files
from forebay.storage.run.layout import DEFINITION_NAME, MANIFEST_NAME, TRANSFORM_FOLDERS
from forebay.storage.run.manifest import Manifest
from forebay.transforms.definition import serialize
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError, RunFolderError, UserError, first_line


@dataclass(frozen=True)
class RunFolder:
    """A run as its manifest describes it.

    Attributes:
        path: the folder.
        manifest: its list of files and counts.
        definition: the dataset's definition.
    """

    path: str
    manifest: Manifest
    definition: Dataset

    @cached_property
    def transform_output(self) -> tft.TFTransformOutput:
        """The run's transform graph and the schemas of its examples."""
        return tft.TFTransformOutput(plain_path(self.path))

    @cached_property
    def schema(self) -> schema_pb2.Schema:
        """The schema of the transformed examples."""
        return self.transform_output.transformed_metadata.schema

    @cached_property
    def transform_digest(self) -> str:
        """SHA-256 over the transform graph's files: equal where ids and scales are the same."""
        entries = {
            name: entry.crc32c
            for name, entry in sorted(self.manifest.files.items())
            if name.startswith(TRANSFORM_FOLDERS)
        }
        return hashlib.sha256(json.dumps(entries).encode()).hexdigest()

    def file(self, *parts: str) -> str:
        """Returns the path of something in the run folder."""
        return posixpath.join(self.path, *parts)

    def rows(self, split: str) -> int:
        """Returns how many examples a split has.

        Raises:
            RunFolderError: it has none.
        """
        rows = int(self.manifest.rows.get(split, 0))
        if rows < 1:
            raise RunFolderError(
                f"{self.path}: the split {split!r} has no rows; change the definition's split and "
                "make the run anew with `forebay preprocess --overwrite`"
            )
        return rows

    def examples(self, split: str, patterns: Iterable[str] = ()) -> dict[str, int]:
        """Returns how many rows each TFRecord file of a split has, by path.

        Args:
            split: ``train``, ``eval`` or ``test``.
            patterns: patterns of the names of the files to take, such as ``part-0000[0-4]*``;
                empty: all.

        Raises:
            RunFolderError: a file is gone, or is not of the size that the manifest says.
            InputError: a pattern matches no file of the split.
        """
        self.rows(split)
        names = _matching(self.manifest.examples(split), split, tuple(patterns))
        for name in names:
            self._check_size(name)
        return {self.file(name): self._rows_of(name) for name in names}

    def _rows_of(self, name: str) -> int:
        rows = self.manifest.files[name].rows
        if rows is None:
            raise RunFolderError(
                f"{self.file(MANIFEST_NAME)} does not say how many rows {name} has; "
                "make the run anew with `forebay preprocess --overwrite`"
            )
        return rows

    def _check_size(self, name: str) -> None:
        expected = self.manifest.files[name].size
        path = self.file(name)
        found = files.size(path) if files.exists(path) else None
        if found != expected:
            state = "is missing" if found is None else f"has {found:,} bytes"
            raise RunFolderError(
                f"{path} {state} where the manifest says {expected:,} bytes; "
                "make the run anew with `forebay preprocess --overwrite`"
            )


def _matching(names: list[str], split: str, patterns: tuple[str, ...]) -> list[str]:
    """Returns the files whose name within the split's folder matches one of the patterns."""
    found = {name: posixpath.basename(name) for name in names}
    for pattern in patterns:
        if not any(fnmatchcase(base, pattern) for base in found.values()):
            raise InputError(
                f"the pattern {pattern!r} matches no file of the split {split!r}; the manifest "
                f"lists {len(names):,}, from {min(found.values())} to {max(found.values())}"
            )
    if not patterns:
        return names
    return [name for name in names if any(fnmatchcase(found[name], p) for p in patterns)]


def open_run(path: str) -> RunFolder:
    """Opens a run folder for reading.

    Args:
        path: the folder, local or on an object store.

    Raises:
        RunFolderError: it is no finished run, or its files do not belong together.
    """
    path = path.rstrip("/") or path
    manifest_path = posixpath.join(path, MANIFEST_NAME)
    if not files.exists(manifest_path):
        found = (
            "has no manifest, so it is no finished run" if files.exists(path) else "is not there"
        )
        raise RunFolderError(f"{path} {found}; make one with `forebay preprocess`")
    manifest = Manifest.from_json(files.read_bytes(manifest_path), manifest_path)
    for folder in TRANSFORM_FOLDERS:
        if not any(name.startswith(f"{folder}/") for name in manifest.files):
            raise RunFolderError(
                f"{manifest_path} lists nothing in {folder}/; "
                "make the run anew with `forebay preprocess --overwrite`"
            )
    return RunFolder(path, manifest, _read_definition(path, manifest))


def _read_definition(path: str, manifest: Manifest) -> Dataset:
    name = posixpath.join(path, DEFINITION_NAME)
    try:
        definition = serialize.from_json(files.read_bytes(name))
    except UserError as error:
        raise RunFolderError(
            f"{name} is damaged ({first_line(error.__cause__ or error)}); make the run anew with "
            "`forebay preprocess --overwrite`"
        ) from error
    digest = serialize.digest(definition)
    if digest != manifest.definition_digest:
        raise RunFolderError(
            f"{name} has the digest {digest[:12]}, the manifest says "
            f"{manifest.definition_digest[:12]}; the folder mixes two runs: make it anew with "
            "`forebay preprocess --overwrite`"
        )
    return definition
