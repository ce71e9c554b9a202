"""A finished run, opened for reading: its manifest decides what belongs to it.

TensorFlow is loaded where a run's transform graph or schema is first asked for.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from forebay.storage.locks import locked
from forebay.storage.names import check_place, is_remote
from forebay.storage.plain_paths import plain_path
from forebay.storage.run import files
from forebay.storage.run.layout import (
    DEFINITION_NAME,
    EXAMPLES_FOLDER,
    MAKE_ANEW,
    MANIFEST_NAME,
    METADATA_FOLDER,
    REJECTS_FOLDER,
    TRANSFORM_FOLDERS,
)
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.publish import settle_leftovers
from forebay.transforms.definition import serialize
from forebay.transforms.definition.columns import GraphDtype
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError, RunFolderError

if TYPE_CHECKING:
    import tensorflow_transform as tft
    from tensorflow_metadata.proto.v0 import schema_pb2

# What a schema calls the types in which the graph is fed columns (`graph.inputs.feature_spec`).
_FED_AS: Mapping[GraphDtype, str] = {
    "float32": "FLOAT", "float64": "INT", "int64": "INT", "string": "BYTES",
}  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """A run as its manifest describes it.

    Attributes:
        path: the folder.
        manifest: its list of files and counts.
        definition: the dataset's definition.
        home: where the trainer writes what it makes of the run; None: in the run.
    """

    path: str
    manifest: Manifest
    definition: Dataset
    home: str | None = None
    _verified: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @cached_property
    def transform_output(self) -> tft.TFTransformOutput:
        """The run's transform graph and the schemas of its examples."""
        import tensorflow_transform as tft

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

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps `forebay preprocess` from replacing the run meanwhile.

        Raises:
            RunFolderError: it was replaced since it was opened, or is being replaced.
        """
        with locked(self.path, shared=True):
            with self.unchanged():
                pass
            yield

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Says that the run was replaced since it was opened, where what is read inside is another.

        Raises:
            RunFolderError: it was.
        """
        try:
            yield
        except RunFolderError as error:
            if not self._is_there():
                raise _replaced(self.path) from error
            raise
        if not self._is_there():
            raise _replaced(self.path)

    def _is_there(self) -> bool:
        """Tells whether the manifest is still that of this run."""
        return _manifest(self.path) == self.manifest

    def file(self, *parts: str) -> str:
        """Returns the path of something in the run folder."""
        return posixpath.join(self.path, *parts)

    @property
    def outputs(self) -> str:
        """The folder that the trainer writes to."""
        return self.home or self.path

    def own(self, *parts: str) -> str:
        """Returns the path of something that the trainer writes."""
        return posixpath.join(self.outputs, *parts)

    def rows(self, split: str) -> int:
        """Returns how many examples a split has.

        Raises:
            RunFolderError: it has none.
        """
        rows = int(self.manifest.rows.get(split, 0))
        if rows < 1:
            raise RunFolderError(
                f"{self.path}: the split {split!r} has no rows; change the definition's split and "
                + MAKE_ANEW
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
            files.check_size(self.file(name), self.manifest.files[name], MAKE_ANEW)
        return {self.file(name): self._rows_of(name) for name in names}

    def _rows_of(self, name: str) -> int:
        rows = self.manifest.files[name].rows
        if rows is None:
            raise RunFolderError(
                f"{self.file(MANIFEST_NAME)} does not say how many rows {name} has; " + MAKE_ANEW
            )
        return rows

    def verify(self, names: Iterable[str]) -> None:
        """Reads files of the run, each once, and refuses those that the manifest does not mean.

        Args:
            names: relative to the run folder.

        Raises:
            RunFolderError: one is gone, or has another size or checksum.
        """
        new = {name: self.manifest.files[name] for name in names if name not in self._verified}
        files.verify(self.path, new, MAKE_ANEW)
        self._verified.update(new)


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
    """Opens a run folder for reading, and verifies all of it but the examples.

    A publication that was cut off on a local disk is finished first.

    Args:
        path: the folder, local or on an object store.

    Raises:
        RunFolderError: it is not a finished run, or a file of it is not what its manifest says.
    """
    if not path.strip():
        raise RunFolderError(f"{path!r} names no folder; write the run folder's name")
    path = path.rstrip("/") or path
    check_place(path)
    manifest_path = posixpath.join(path, MANIFEST_NAME)
    if not files.exists(manifest_path) and not is_remote(path):
        settle_leftovers(path)
    manifest = _manifest(path)
    if manifest is None:
        found = (
            f"has no {MANIFEST_NAME}, so it is not a finished run"
            if files.exists(path)
            else "is not there"
        )
        raise RunFolderError(f"{path} {found}; make one with `forebay preprocess`")
    try:
        return _opened(path, manifest)
    except RunFolderError as error:
        if _manifest(path) != manifest:
            raise _replaced(path) from error
        raise


def _manifest(path: str) -> Manifest | None:
    """Reads the manifest of the run in a folder; None: there is none."""
    name = posixpath.join(path, MANIFEST_NAME)
    return Manifest.from_json(files.read_bytes(name), name) if files.exists(name) else None


def _replaced(path: str) -> RunFolderError:
    return RunFolderError(f"{path} was replaced by another run meanwhile; run the command again")


def _opened(path: str, manifest: Manifest) -> RunFolder:
    """Opens the run that a manifest is of."""
    manifest_path = posixpath.join(path, MANIFEST_NAME)
    for folder in (METADATA_FOLDER, *TRANSFORM_FOLDERS):
        if not any(name.startswith(f"{folder}/") for name in manifest.files):
            raise RunFolderError(f"{manifest_path} lists nothing in {folder}/; " + MAKE_ANEW)
    later = (f"{EXAMPLES_FOLDER}/", f"{REJECTS_FOLDER}/")
    now = {name: entry for name, entry in manifest.files.items() if not name.startswith(later)}
    files.verify(path, now, MAKE_ANEW)
    run = RunFolder(path, manifest, _read_definition(path, manifest))
    _check_graph(run)
    return run


def _check_graph(run: RunFolder) -> None:
    """Refuses a run whose graph is fed something else than its definition says today."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    written = files.read_bytes(run.file(METADATA_FOLDER, "schema.pbtxt"))
    schema = text_format.Parse(written, schema_pb2.Schema())
    fed = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in schema.feature}
    dtypes = run.definition.graph_dtypes
    wanted = {name: _FED_AS[dtypes[name]] for name in run.definition.graph_columns}
    if fed != wanted:
        others = sorted(name for name in fed | wanted if fed.get(name) != wanted.get(name))
        raise RunFolderError(
            f"{run.path} was made by another version of Forebay, which fed {', '.join(others)} to "
            "its graph in another way; " + MAKE_ANEW
        )


def _read_definition(path: str, manifest: Manifest) -> Dataset:
    name = posixpath.join(path, DEFINITION_NAME)
    definition = serialize.from_record(files.read_bytes(name), name, MAKE_ANEW)
    digest = serialize.digest(definition)
    if digest != manifest.definition_digest:
        raise RunFolderError(
            f"{name} has the digest {digest[:12]}, the manifest says "
            f"{manifest.definition_digest[:12]}; the folder mixes two runs; {MAKE_ANEW}"
        )
    return definition
