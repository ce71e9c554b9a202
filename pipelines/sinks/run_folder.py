"""Writing a run folder: staged, then published, with the manifest last."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from forebay.console.google_words import shown
from forebay.console.terminal import warn
from forebay.pipelines.new_files import create
from forebay.pipelines.sinks import run_in_store
from forebay.pipelines.sinks.tfrecords.frames import crc32c
from forebay.storage import folders
from forebay.storage.entries import entries_below, identity
from forebay.storage.locks import locked
from forebay.storage.names import check_place, is_remote, temporary_name
from forebay.storage.run import files
from forebay.storage.run import publish as publication
from forebay.storage.run.checksums import entry_of, read_entry
from forebay.storage.run.layout import TEMPORARY
from forebay.storage.run.manifest import FileEntry, Manifest
from forebay.transforms.errors import InputError, RunFolderError, reason


def prepare_output(run: str, overwrite: bool) -> None:
    """Checks that a run may be written to a folder, and puts in order what a kill left there.

    Raises:
        RunFolderError: it may not; see `publication.check_target` and `run_in_store.replaceable`.
    """
    if not run.strip():
        raise RunFolderError(f"--output {run!r} names no folder; write the run folder's name")
    check_place(run)
    if is_remote(run):
        run_in_store.prepare(run, overwrite)
    else:
        publication.settle_leftovers(run)
        publication.check_target(run, overwrite)


def refuse_inputs(run: str, paths: Iterable[str]) -> None:
    """Refuses inputs that are files of the run to be replaced, whatever they are called.

    Raises:
        InputError: one is.
    """
    names: dict[object, str] = {}
    if not is_remote(run):
        replaced = (entry for name in publication.REPLACED for entry in entries_below(run, name))
        names |= {entry.identity: entry.name for entry in replaced}
    for path in paths:
        found = _below(run, path) if is_remote(path) else names.get(identity(path))
        if found is not None:
            raise InputError(
                f"{path} is {found} of the run that would be replaced; choose another --output"
            )


def _below(run: str, path: str) -> str | None:
    """Returns the name of a file of a run on an object store; None: it is none."""
    base = f"{run.rstrip('/')}/"
    name = path.removeprefix(base)
    is_of_run = path.startswith(base) and name.split("/")[0] in publication.REPLACED
    return name if is_of_run else None


@dataclass(frozen=True)
class Staged:
    """Where a run is made.

    Attributes:
        folder: where its files are written.
        temporary: the name below it of the folder for what only its own steps read.
    """

    folder: str
    temporary: str = TEMPORARY


@contextmanager
def staging(run: str, overwrite: bool) -> Iterator[Staged]:
    """Gives a folder to write the run's files to, and removes what is left of it afterwards.

    On a local disk it lies in the run folder, which is held until the run is published, so that
    no other process writes there. On an object store it is the run folder itself, for which
    `make_way` makes room: there the manifest alone publishes.

    Args:
        run: the run folder, that `prepare_output` has looked at.
        overwrite: whether a run that is there may be replaced.

    Raises:
        RunFolderError: another process is writing the folder, or has written a run to it since,
            or nobody can write there.
    """
    if is_remote(run):
        staged = Staged(run, temporary_name())
        with removed_at_last(FileSystems.join(run, staged.temporary)):
            yield staged
        return
    with made(run), locked(run):
        publication.settle(run)
        publication.check_target(run, overwrite)
        name = temporary_name()
        folders.make(run, name)
        try:
            publication.check_moves(run, name)
            yield Staged(os.path.join(run, name))
        finally:
            publication.abandon(run, name)


def make_way(run: str, overwrite: bool) -> None:
    """Removes a run that is there, just before files are written to their places.

    On a local disk nothing is: `publish` moves them there.

    Raises:
        RunFolderError: the folder may no longer be written to.
    """
    if is_remote(run):
        run_in_store.make_way(run, overwrite)


def publish(staged: Staged, run: str, manifest: Manifest, overwrite: bool) -> None:
    """Moves staged files to their final place, the manifest last; see `publication.publish`."""
    if is_remote(run):
        run_in_store.publish(run, manifest)
    else:
        publication.publish(run, os.path.basename(staged.folder), manifest, overwrite)


def paths_in(folder: str) -> list[str]:
    """Returns the paths of the files in a folder, in order; none where it isn't there.

    No letter of the folder's name is taken for a pattern.
    """
    names = run_in_store.names_below(folder) if is_remote(folder) else files.names_in(folder)
    return [str(FileSystems.join(folder, name)) for name in sorted(names)]


def list_files(folder: str, names: Iterable[str]) -> dict[str, FileEntry]:
    """Returns size and checksum of every file below the given entries of a folder.

    Args:
        folder: the staged run.
        names: entries of the folder, files or folders.
    """
    if not is_remote(folder):
        found = (entry for name in names for entry in entries_below(folder, name))
        return {e.name: _read_entry(os.path.join(folder, e.name)) for e in found if e.is_file}
    base = folder.rstrip("/") + "/"
    entries = {}
    for name in names:
        path = base + name
        matches = FileSystems.match([path, path + "/**"])
        for metadata in (found for match in matches for found in match.metadata_list):
            if not metadata.path.endswith("/"):  # as TensorFlow marks a folder
                entries[metadata.path.removeprefix(base)] = _read_entry(metadata.path)
    return entries


def write_file(path: str, pieces: Iterable[bytes | memoryview]) -> FileEntry:
    """Writes a file piece by piece, as it is whatever its name, and the folder it lies in.

    Other threads run while it copies a piece and makes its checksum.
    """
    size, crc = 0, 0
    with create(path) as sink:
        for piece in pieces:
            data = np.frombuffer(piece, np.uint8)
            sink.write(data)
            size, crc = size + len(data), int(crc32c(data, 0, len(data), crc))
    return entry_of(size, crc)


def _read_entry(path: str) -> FileEntry:
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source:
        return read_entry(source)


@contextmanager
def made(run: str) -> Iterator[None]:
    """Makes a folder and those on the way to it, and removes the new ones that stay empty.

    On an object store there is nothing to make.

    Raises:
        RunFolderError: it cannot be made.
    """
    if is_remote(run):
        yield
        return
    way = [Path(run).absolute(), *Path(run).absolute().parents]
    new = [str(path) for path in way if not path.exists()]
    try:
        os.makedirs(run, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"{run} cannot be made ({reason(error)}); choose another folder"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            for path in new:
                os.rmdir(path)


@contextmanager
def removed_at_last(folder: str) -> Iterator[None]:
    """Removes a folder of an object store in the end, or says that it is still there."""
    try:
        yield
    except BaseException:
        with suppress(Exception):  # what failed is told
            remove_remote(folder)
        raise
    try:
        remove_remote(folder)
    except Exception as error:  # what was made is whole, and nobody reads that
        warn(
            f"{folder} could not be removed ({shown(str(error))}), which harms nothing; "
            f"remove it by `gcloud storage rm -r {folder}`"
        )


def remove_remote(folder: str) -> None:
    """Removes a folder of an object store: its files, and what TensorFlow marks folders by."""
    files.remove(folder, run_in_store.names_below(folder))
