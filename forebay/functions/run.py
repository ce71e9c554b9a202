"""A run as Python holds it: its folder, and what is in it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from forebay.storage.run.exported import newest_model
from forebay.storage.run.layout import MODEL_FOLDER
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.transforms import html
from forebay.transforms.definition.dataset import Dataset


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        path: the run folder.
    """

    path: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))

    def __fspath__(self) -> str:
        return self.path

    def open(self) -> RunFolder:
        """Opens the folder, and verifies all of it but the examples.

        Raises:
            RunFolderError: it is not a finished run, or a file of it is not what its manifest says.
        """
        return open_run(self.path)

    @property
    def manifest(self) -> Manifest:
        """What the run says of itself; raises as `open` does."""
        return self.open().manifest

    @property
    def definition(self) -> Dataset:
        """The definition that it was made with; raises as `open` does."""
        return self.open().definition

    @property
    def model(self) -> str:
        """The folder of the newest exported model.

        Raises:
            RunFolderError: there is none.
        """
        return newest_model(posixpath.join(self.path, MODEL_FOLDER))

    def _repr_html_(self) -> str:
        manifest = self.manifest
        seconds = sum(manifest.seconds.values())
        head = html.heading(
            self.path,
            f"{sum(manifest.rows.values()):,} examples of {manifest.rows_read:,} records in "
            f"{seconds:.1f} s",
        )
        warnings = [[one.feature, one.problem] for one in manifest.warnings]
        return (
            head
            + html.table(("", "rows"), _rows(manifest))
            + (html.table(("feature", "warning"), warnings) if warnings else "")
        )


def _rows(manifest: Manifest) -> Iterator[tuple[str, int]]:
    yield from manifest.rows.items()
    if manifest.period is not None:
        yield "history only", manifest.history
    yield from ((f"dropped: {name}", count) for name, count in manifest.dropped.items())
    yield from ((f"rejected: {name}", count) for name, count in manifest.rejects.items())
    for name, source in manifest.sources.items():
        yield f"{name}: records", source.rows_read
        yield from ((f"{name} rejected: {why}", count) for why, count in source.rejects.items())
